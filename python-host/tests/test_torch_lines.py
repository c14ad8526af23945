"""Which adapter a torch gets, which torch is refused, and what is said of one that nobody has tried."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from f2c_host import doctor, torch_api
from f2c_host.errors import HostError
from f2c_host.torch_api import LINES, REQUIREMENT, Line, adapter, every_line, torch_2_11, untried

NEEDED = (
    *("script_function", "script_module", "references_without_dynamo"),
    *("compiled_graph", "loaded_graph", "compiled_for", "whole_graph", "keep_in_place"),
)
HOST = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("2.11.0", "2.11"),
        ("2.12.1+cpu", "2.12"),
        ("2.13.0+cu130", "2.13"),
        ("2.14.1", "2.14"),
        ("2.15.0a0+git1234567", "2.15"),
    ],
)
def test_a_version_gets_the_adapter_of_its_line(version, line):
    found = adapter(version)
    assert found.__name__ == f"f2c_host.torch_api.{LINES[line].adapter}"
    assert all(callable(getattr(found, name)) for name in NEEDED)


@pytest.mark.parametrize("version", ["1.13.1", "2.1.0", "2.10.0", "2.16.0", "2.110.0", "3.0.0"])
def test_a_torch_of_another_line_is_named_with_those_that_work(version):
    with pytest.raises(HostError) as told:
        adapter(version)
    assert (told.value.code, told.value.kind) == ("F2C6003", "host")
    assert f"torch {version} is installed; this host works with 2.11, " in told.value.message
    assert "torch==2.14" in told.value.hint and "f2c-dsl setup" in told.value.hint


def test_the_package_may_be_installed_with_the_lines_that_have_an_adapter_and_no_other():
    with open(HOST / "pyproject.toml", "rb") as file:
        assert REQUIREMENT in tomllib.load(file)["project"]["dependencies"]
    first, last = ([int(part) for part in line.split(".")] for line in (min(LINES), max(LINES)))
    assert f"torch>={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}" == REQUIREMENT


def test_the_torch_that_set_up_takes_was_tried():
    constraints = (HOST / "constraints.txt").read_text(encoding="utf-8").split()
    (release,) = [line.removeprefix("torch==") for line in constraints if line.startswith("torch==")]
    assert untried(release) is None


@pytest.mark.parametrize("found", [{}, {"first": 1}], ids=["a module", "a name in a module"])
def test_an_untried_torch_that_lacks_something_is_refused_with_one_that_was_tried(
    found, monkeypatch, tmp_path
):
    needs = "torch._C._no_such_module" if not found else "torch._C"
    name = f"f2c_needs_{len(found)}"
    (tmp_path / f"{name}.py").write_text(f"from {needs} import no_such_function")
    monkeypatch.setattr(torch_api, "__path__", [*torch_api.__path__, str(tmp_path)])
    monkeypatch.setitem(LINES, "2.15", Line(name, None))
    with pytest.raises(HostError, match=r"torch 2\.15\.0 is not tried yet, and lacks .*no_such") as told:
        adapter("2.15.0")
    assert told.value.code == "F2C6003" and "torch==2.14" in told.value.hint
    monkeypatch.setitem(LINES, "2.14", Line(name, "2.14.1"))
    with pytest.raises(ImportError):
        adapter("2.14.1")  # of one that was tried this is our fault


def test_what_dynamo_of_2_11_cannot_trace_is_computed_uncompiled_and_what_else_it_refuses_is_refused(
    monkeypatch, caplog
):
    refusals = ["Unsupported Tensor.requires_grad_() call", "something else"]
    asked = []

    def graph(*_):
        asked.append(1)
        raise RuntimeError(refusals[0])

    monkeypatch.setattr(every_line, "whole_graph", lambda function: graph)
    compiled = torch_2_11.whole_graph(lambda x: [x + 1])
    assert [compiled(torch.tensor(float(i)))[0].item() for i in range(3)] == [1, 2, 3]
    assert asked == [1]
    (told,) = caplog.records
    assert told.levelno == logging.WARNING and "uncompiled" in told.getMessage()
    del refusals[0]
    with pytest.raises(RuntimeError, match="something else"):
        torch_2_11.whole_graph(lambda x: [x + 1])(torch.tensor(1.0))


WARNS = """
import warnings
from f2c_host.torch_api import adapter

adapter()
for what in ("`torch.jit.script` is deprecated. Please", "`torch.jit.load` is deprecated.", "something else"):
    warnings.warn(what, FutureWarning)
"""


def test_what_torch_says_of_the_end_of_torchscript_is_not_said_to_users():
    told = subprocess.run([sys.executable, "-c", WARNS], capture_output=True, text=True, check=True).stderr
    assert "something else" in told and "torch.jit" not in told


def report_on(torch_version: str, monkeypatch) -> dict:
    monkeypatch.setattr(torch, "__version__", torch_version)
    monkeypatch.setattr(doctor, "_version", lambda package: torch_version)
    monkeypatch.setattr(doctor, "CHECKS", {"torch": doctor.CHECKS["torch"]})
    out = io.StringIO()
    doctor.doctor(out)
    (check,) = json.loads(out.getvalue())["checks"]
    return check


def test_doctor_says_that_nobody_has_tried_a_line_and_of_others_nothing(monkeypatch):
    untried = report_on("2.15.0", monkeypatch)
    assert untried.pop("note").startswith(
        "torch 2.15.0 is allowed, not tried yet; the tests ran with 2.11.0, "
    )
    assert untried == {"check": "torch", "ok": True}
    for version in ("2.11.0", "2.13.0+cpu", "2.14.1"):
        assert report_on(version, monkeypatch) == {"check": "torch", "ok": True}


def test_doctor_names_what_works_in_the_place_of_a_torch_that_does_not(monkeypatch):
    told = report_on("2.10.0", monkeypatch)
    assert not told["ok"] and "this host works with 2.11" in told["problem"]
    assert "torch==2.14" in told["remedy"]


def test_where_dynamo_cannot_trace_a_gradient_inductor_computes_uncompiled_and_says_so(monkeypatch, caplog):
    import torch._dynamo

    settings = type("Settings", (), {})()
    monkeypatch.setattr(torch._dynamo, "config", settings)

    def gradient(x: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad((x * x).sum(), [x]))

    with caplog.at_level(logging.WARNING):
        graph = adapter().whole_graph(gradient)
    assert graph(torch.tensor([3.0], requires_grad=True))[0].item() == 6
    (told,) = caplog.records
    assert told.levelno == logging.WARNING and torch.__version__ in told.getMessage()
    assert "inductor" in told.getMessage() and "uncompiled" in told.getMessage()
    assert vars(settings) == {} and "torch._dynamo" in sys.modules
