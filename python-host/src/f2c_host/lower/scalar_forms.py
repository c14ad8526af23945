"""Which scalars of a function must be numbers, and which may be tensors.

`torch.compile` compiles anew for every value of a number that it meets, so the lowering for it computes with tensors without
dimensions wherever it can. Numbers remain where they decide something: the condition of an `if`, the count of a loop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..ir.module import Function, Op, Region, Type
from ..ir.ops_table import OPS
from ..ir.regions import carried, counters, deciding, initial, regions_of, yielded


class ScalarForms:
    """`fixed`: scalars known when the function is compiled. `numbers`: those that something is decided by, and all that
    they are computed from. `tensors`: those that a tensor is computed with, and all that they are computed from."""

    def __init__(self, function: Function) -> None:
        self.types: dict[int, Type] = {i.value.id: i.type for i in function.inputs}
        self._sources: defaultdict[int, list[int]] = defaultdict(list)
        self.fixed: set[int] = set()
        choosing: set[int] = set()
        computing: set[int] = set()
        for op in self._ops(function.body):
            scalars = [v for v in op.operands if self.is_scalar(v)]
            results = [r.id for r in op.results if self.is_scalar(r.id)]
            spec = OPS[op.op]
            if spec.control:
                choosing.update(self._flow(op))
            elif spec.scalar_result:
                if self.fixed.issuperset(scalars):
                    self.fixed.update(results)
                self._sources[results[0]].extend(scalars)
            elif results:  # a literal, a size
                self.fixed.update(results)
            elif not spec.ends:
                computing.update(scalars)
        yes_or_no = {v for v, t in self.types.items() if t.scalar == "bool"}
        self.numbers = self._closure(choosing | yes_or_no) | self.fixed
        self.tensors = self._closure(computing) - self.fixed - yes_or_no

    def is_scalar(self, value: int) -> bool:
        return value >= 0 and self.types[value].kind == "scalar"

    def _ops(self, region: Region) -> Iterator[Op]:
        """All ops in order, those of regions after the op that has them; the types of all values on the way."""
        self.types |= {a.id: a.type for a in region.arguments}
        for op in region.ops:
            self.types |= {r.id: r.type for r in op.results}
            for inner in op.regions:
                self.types |= {a.id: a.type for a in inner.arguments}
                self.types |= {r.id: r.type for o in inner.walk() for r in o.results}
            yield op
            for inner in op.regions:
                yield from self._ops(inner)

    def _flow(self, op: Op) -> list[int]:
        """Joins the values that pass through the regions of an op; returns the scalars that decide there."""
        columns: list[Iterable[int]] = [[r.id for r in op.results], initial(op)]
        choosing = list(deciding(op))
        for spec, region in regions_of(op):
            self.fixed.update(counters(spec, region))
            columns.append(carried(spec, region))
            if spec.yields == "condition":
                choosing.append(yielded(region)[0])
            else:
                columns.append(yielded(region))
        self._join(*(column for column in columns if column))
        return choosing

    def _join(self, *columns: Iterable[int]) -> None:
        """Values that stand for one another must have one form: each is a source of every other."""
        for row in zip(*columns, strict=True):
            for value in row:
                if self.is_scalar(value):
                    self._sources[value].extend(v for v in row if v != value)

    def _closure(self, start: Iterable[int]) -> set[int]:
        reached: set[int] = set()
        todo = list(start)
        while todo:
            value = todo.pop()
            if value not in reached:
                reached.add(value)
                todo.extend(self._sources[value])
        return reached
