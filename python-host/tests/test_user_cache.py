"""Folders of the user's own, and who uses them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from f2c_host.files.user_cache import own_folder
from f2c_host.torch_api import forget_unused_code


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "f2c-dsl"


def mode_of(path) -> int:
    return path.stat().st_mode & 0o777


def test_a_folder_is_made_for_this_user_alone(cache):
    before = os.umask(0)
    try:
        assert own_folder("kind") == cache / "kind"
    finally:
        os.umask(before)
    assert (mode_of(cache), mode_of(cache / "kind")) == (0o700, 0o700)


def test_a_folder_that_others_could_read_is_closed_and_one_that_they_could_write_to_is_emptied(cache):
    (cache / "kind").mkdir(parents=True)
    (cache / "kind" / "entry").touch()
    (cache / "kind").chmod(0o755)
    own_folder("kind")
    assert mode_of(cache / "kind") == 0o700 and (cache / "kind" / "entry").exists()
    (cache / "kind").chmod(0o770)
    own_folder("kind")
    assert mode_of(cache / "kind") == 0o700 and not (cache / "kind" / "entry").exists()


@pytest.mark.parametrize("link", ["", "kind"])
def test_a_link_is_not_followed(cache, tmp_path, link):
    (tmp_path / "elsewhere").mkdir()
    (cache / link).parent.mkdir(exist_ok=True)
    (cache / link).symlink_to(tmp_path / "elsewhere")
    assert own_folder("kind") is None


def test_somebody_elses_folder_is_not_used(cache, monkeypatch):
    own_folder("kind")
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    assert own_folder("kind") is None


INDUCTOR = """
import os, torch
from f2c_host.torch_api import adapter
adapter()
from torch._inductor.runtime.cache_dir_utils import cache_dir
print(cache_dir(), oct(os.stat(cache_dir()).st_mode & 0o777))
"""


@pytest.mark.parametrize("case", ["ours", "theirs", "chosen"])
def test_inductor_keeps_what_it_compiled_where_nobody_else_can_write(tmp_path, case):
    environment = {k: v for k, v in os.environ.items() if k != "TORCHINDUCTOR_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    if case == "theirs":
        (tmp_path / "f2c-dsl").symlink_to(tmp_path)
    if case == "chosen":
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(tmp_path / "chosen")
    run = subprocess.run([sys.executable, "-c", INDUCTOR], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    folder, mode = run.stdout.split()
    if case == "ours":
        assert (folder, mode) == (str(tmp_path / "f2c-dsl" / "inductor"), "0o700")
    if case == "theirs":
        assert folder.startswith(str(tmp_path / "f2c-inductor-")) and mode == "0o700"
        assert not os.path.exists(folder)
    if case == "chosen":
        assert folder == str(tmp_path / "chosen")


@pytest.mark.parametrize("chosen", [False, True])
def test_inductors_code_that_nobody_used_for_long_is_forgotten_where_the_folder_is_ours(
    cache, tmp_path, monkeypatch, chosen
):
    code = own_folder("inductor") / "code.so"
    code.touch()
    os.utime(code, (1e9, 1e9))
    folder = tmp_path / "another" if chosen else code.parent
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder))
    forget_unused_code()
    assert code.exists() == chosen
