"""What every version of the IR froze under test/fixtures/ir: this host reads its programs, and agrees with its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from f2c_host.ir.json_form import _INITS, parse_module
from f2c_host.ir.module import DTYPES, ROLES
from f2c_host.ir.ops_table import IR_VERSION, OPS
from f2c_host.verify.verifier import verify

FROZEN = Path(__file__).parents[2] / "test" / "fixtures" / "ir"
PROGRAMS = sorted(p for p in FROZEN.glob("*/*.json") if p.name != "schema.json")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_is_a_program_of_every_version() -> None:
    assert {p.parent.name for p in PROGRAMS} == {p.parent.name for p in FROZEN.glob("*/schema.json")}
    assert "1.0" in {p.parent.name for p in PROGRAMS}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_host_takes_every_program_that_was_frozen(path: Path) -> None:
    module = parse_module(read(path))
    verify(module)
    assert {f.name for f in module.functions} >= {"step", "embed"}


def test_what_storages_are_for_is_read_from_a_module_before_roles_as_from_one_with_them() -> None:
    data = read(FROZEN / "1.2" / "own-method.json")
    since = parse_module(data).storages
    bare = [{k: v for k, v in s.items() if k not in ("role", "slotOf", "twinOf")} for s in data["storages"]]
    parameters = sum(s.role == "parameter" for s in since)
    before = {**data, "version": [1, 1], "parameters": bare[:parameters], "states": bare[parameters:]}
    assert parse_module(before).storages == since
    assert {s.role for s in since} == set(ROLES) - {"scratch"}  # which came later
    assert all(s.slot_of for s in since if s.role == "optimizer")


def test_the_host_reads_the_form_that_the_schema_of_its_version_says() -> None:
    schema = read(FROZEN / ".".join(map(str, IR_VERSION)) / "schema.json")
    forms = schema["definitions"]
    assert tuple(forms["DType"]["members"]) == DTYPES
    assert tuple(forms["Role"]["members"]) == ROLES
    inits = {kind: set(fields) for kind, fields in forms["Init"]["members"].items()}
    assert inits == {kind: set(fields) for kind, fields in _INITS.items()}
    assert set(schema["ops"]) == set(OPS)
    for name, op in schema["ops"].items():
        spec = OPS[name]
        assert [o["name"] for o in op["operands"]] == [o.name for o in spec.operands]
        assert {a for a, v in op["attributes"].items() if "default" not in v} == {
            a.name for a in spec.attributes if a.required
        }
        assert (tuple(op["results"]), op["effect"]) == (spec.results, spec.effect)
