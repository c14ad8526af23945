"""How values pass through an op with regions, by what the registry says of it. For programs that hold the constraint V8."""

from __future__ import annotations

from collections.abc import Iterator

from .module import Op, Region, Type
from .ops_table import OPS, Control, RegionSpec

COUNTER = Type("scalar", scalar="i64")
CONDITION = Type("scalar", scalar="bool")


def control_of(op: Op) -> Control | None:
    """None of an op without regions."""
    return OPS[op.op].control


def is_branch(op: Op) -> bool:
    """Whether it may run at the same time as one next to it."""
    control = control_of(op)
    return control is not None and control.concurrent


def fixed_operands(op: Op) -> int:
    """How many operands come before those that the carried values begin with."""
    spec = OPS[op.op]
    if spec.control is None or spec.control.carries is None:
        return len(op.operands)
    return spec.place(spec.control.carries)


def deciding(op: Op) -> tuple[int, ...]:
    """The operands that decide which region runs, or how often."""
    return op.operands[: fixed_operands(op)]


def initial(op: Op) -> tuple[int, ...]:
    """What the carried values begin with."""
    return op.operands[fixed_operands(op) :]


def regions_of(op: Op) -> Iterator[tuple[RegionSpec, Region]]:
    """An op's regions with what the registry says of each."""
    control = control_of(op)
    return zip(control.regions, op.regions, strict=True) if control else iter(())


def argument_types(spec: RegionSpec, carried: list[Type]) -> list[Type]:
    """The types of a region's arguments, where the op carries values of these."""
    return [t for role in spec.arguments for t in ([COUNTER] if role == "counter" else carried)]


def counters(spec: RegionSpec, region: Region) -> list[int]:
    """The arguments of a region that count turns."""
    return [a.id for a in region.arguments[: spec.arguments.count("counter")]]


def carried(spec: RegionSpec, region: Region) -> list[int]:
    """The arguments of a region that carry values from turn to turn."""
    return [a.id for a in region.arguments[spec.arguments.count("counter") :]]


def yielded(region: Region) -> tuple[int, ...]:
    return region.ops[-1].operands


def sources_of(op: Op, i: int) -> list[int]:
    """The values that result `i` of an op with regions may be; of a loop, also the i-th of those that it carries."""
    ends = [yielded(region)[i] for spec, region in regions_of(op) if spec.yields == "results"]
    return [*initial(op)[i : i + 1], *ends]
