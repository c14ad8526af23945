"""Storages that start from a file: what fits is copied bit for bit, what does not is named, and nothing is changed then."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from programs import PROGRAM, summing_module
from safetensors.torch import save_file
from test_session import Asked

from f2c_host.errors import HostError
from f2c_host.files.safetensors_file import sha256_of

WEIGHT = torch.arange(12, dtype=torch.float32).reshape(4, 3)


def module_from_file() -> dict[str, Any]:
    """The summing program, whose `net.weight` starts from the tensor `weight` of the file `net`."""
    module = copy.deepcopy(summing_module())
    for table in ("parameters", "states", "storages"):
        for storage in module.get(table, []):
            if storage["name"] == "net.weight":
                storage["init"] = {"kind": "file", "file": "net", "tensor": "weight"}
    return module


@pytest.fixture
def session():
    session = Asked(summing_module())
    yield session
    session.close()


def load(session: Asked, **files: Any) -> None:
    session.ask("load", program=PROGRAM, ir=module_from_file(), backend="eager", device="cpu", files=files)


def read(session: Asked, name: str) -> Any:
    return session.ask("read", program=PROGRAM, names=[name]).buffers[name]


def written(folder: Path, **tensors: torch.Tensor) -> str:
    save_file(tensors, folder / "net.safetensors")
    return str(folder / "net.safetensors")


def test_a_storage_starts_from_its_tensor_and_the_others_by_their_own_initialisers(session, tmp_path):
    path = written(tmp_path, weight=WEIGHT)
    load(session, net={"path": path, "sha256": sha256_of(Path(path))})
    session.ask("init", program=PROGRAM, seed=0)
    assert torch.equal(torch.from_numpy(read(session, "net.weight")), WEIGHT)
    assert read(session, "total") == 0


@pytest.mark.parametrize(
    ("tensors", "spec", "code", "says"),
    [
        ({"weight": WEIGHT}, {"sha256": "0" * 64}, "F2C6209", "another file lies there"),
        ({"bias": WEIGHT}, {}, "F2C6210", "lacks weight"),
        ({"weight": WEIGHT, "bias": WEIGHT.clone()}, {}, "F2C6211", "has bias, from which nothing starts"),
        ({"weight": WEIGHT.T.contiguous()}, {}, "F2C6212", r"weight is f32[3, 4] there and f32[4, 3] here"),
        ({"weight": WEIGHT.half()}, {}, "F2C6212", r"weight is f16[4, 3] there and f32[4, 3] here"),
        ({"weight": WEIGHT}, {"path": "/nowhere/net"}, "F2C6209", "there is no such file"),
    ],
)
def test_a_file_that_does_not_fit_is_named_and_the_state_stays_as_it_was(
    session, tmp_path, tensors, spec, code, says
):
    load(session, net={"path": written(tmp_path, weight=WEIGHT)})
    session.ask("init", program=PROGRAM, seed=0)
    session._programs[PROGRAM].files = {
        "net": type(session._programs[PROGRAM].files["net"]).of(
            {"path": written(tmp_path, **tensors), **spec}
        )
    }
    with pytest.raises(HostError) as refused:
        session.ask("init", program=PROGRAM, seed=0)
    assert refused.value.code == code and says in refused.value.message
    assert torch.equal(torch.from_numpy(read(session, "net.weight")), WEIGHT)


def test_what_nothing_starts_from_is_passed_over_where_the_driver_says_so(session, tmp_path):
    load(session, net={"path": written(tmp_path, weight=WEIGHT, bias=WEIGHT.clone()), "strict": False})
    session.ask("init", program=PROGRAM, seed=0)
    assert torch.equal(torch.from_numpy(read(session, "net.weight")), WEIGHT)


def test_a_damaged_file_is_named(session, tmp_path):
    path = Path(written(tmp_path, weight=WEIGHT))
    path.write_bytes(path.read_bytes()[:-4])
    load(session, net={"path": str(path)})
    with pytest.raises(HostError, match="F2C6209: cannot read the weights"):
        session.ask("init", program=PROGRAM, seed=0)


def test_a_file_that_the_driver_did_not_name_is_missed(session):
    load(session)
    with pytest.raises(
        HostError, match=r"F2C6208: no file is given for `net`, from which net\.weight starts"
    ):
        session.ask("init", program=PROGRAM, seed=0)


def test_an_entry_of_another_form_is_refused(session):
    with pytest.raises(HostError, match="F2C6506"):
        load(session, net={"path": 3})
