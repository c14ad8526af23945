"""Which storages an op names, touches and writes, by what the registry says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .module import Function, Op, Region
from .ops_table import OPS
from .regions import carried, initial, regions_of, sources_of, yielded


def names_storage(op: Op) -> bool:
    """Whether an op gives storage itself: all of a name, or a group."""
    return any(a.type in ("storage", "group") for a in OPS[op.op].attributes)


def storages_of(op: Op, groups: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The storages that an op gives; none of one that computes something."""
    for attribute in OPS[op.op].attributes:
        if attribute.type in ("storage", "group"):
            name = op.attributes[attribute.name]
            return [name] if attribute.type == "storage" else groups[name]
    return ()


class Touched:
    """Which storages the ops of a function touch and write, themselves or in their regions. To name one is not to touch it."""

    def __init__(self, function: Function, groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = groups
        # The values whose memory a value may share, and the storages that it is of itself.
        self._sources: dict[int, tuple[int, ...]] = {}
        self._named: dict[int, Sequence[str]] = {}
        self._survey(function.body)

    def by(self, op: Op) -> frozenset[str]:
        """The storages whose memory an op reads or writes."""
        return self._storages(v for inner in op.walk() for v in inner.operands)

    def written_by(self, op: Op) -> frozenset[str]:
        return self._storages(v for inner in op.walk() for v in written(inner))

    def _survey(self, region: Region) -> None:
        for op in region.ops:
            for i, result in enumerate(op.results):
                if names_storage(op):
                    self._named[result.id] = storages_of(op, self._groups)
                elif op.regions:
                    self._sources[result.id] = tuple(sources_of(op, i))
                else:
                    self._sources[result.id] = _aliased(op)
            for spec, inner in regions_of(op):
                for i, argument in enumerate(carried(spec, inner)):
                    turned = (yielded(inner)[i],) if spec.yields == "results" else ()
                    self._sources[argument] = (initial(op)[i], *turned)
                self._survey(inner)

    def _storages(self, values: Iterable[int]) -> frozenset[str]:
        found: set[str] = set()
        seen: set[int] = set()
        remaining = list(values)
        while remaining:
            value = remaining.pop()
            if value in seen:
                continue
            seen.add(value)
            found.update(self._named.get(value, ()))
            remaining.extend(self._sources.get(value, ()))
        return frozenset(found)


def written(op: Op) -> list[int]:
    """The operands whose storage an op changes."""
    spec = OPS[op.op]
    if spec.writes_if is not None and not op.attributes.get(spec.writes_if):
        return []
    return [v for name in spec.writes if (v := op.operands[spec.place(name)]) >= 0]


def _aliased(op: Op) -> tuple[int, ...]:
    """The operands whose memory a result may share."""
    spec = OPS[op.op]
    if not spec.alias:
        return ()
    return op.operands if spec.operands[0].variadic else op.operands[:1]
