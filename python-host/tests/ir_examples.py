"""A builder of IR in the JSON form of docs/ir.md, for programs that a test writes by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

F64 = {"scalar": "f64"}
I64 = {"scalar": "i64"}
BOOL = {"scalar": "bool"}


def tensor(*dims: int | str, dtype: str = "f32") -> dict[str, Any]:
    """A tensor type."""
    return {"tensor": list(dims), "dtype": dtype}


def group(name: str) -> dict[str, Any]:
    """The type of a group of tensors laid out as the group `name`."""
    return {"group": name}


NUMBER = tensor()


class FunctionBuilder:
    """One function: `input` and `op` return value ids, which count up."""

    def __init__(self, module: ModuleBuilder, name: str) -> None:
        self.json: dict[str, Any] = {
            "name": name,
            "inputs": [],
            "results": [],
            "body": {"arguments": [], "ops": []},
            "location": 0,
        }
        self.location = 0
        self._module = module
        self._ops = self.json["body"]["ops"]
        self._count = 0

    def _value(self, type: dict[str, Any], name: str | None = None) -> dict[str, Any]:
        self._count += 1
        return {"id": self._count - 1, "name": name or f"v{self._count - 1}", "type": type}

    def input(self, name: str, type: dict[str, Any], kind: str = "plan") -> int:
        source = {"kind": kind, "stream": name.split(".")[0]} if kind == "images" else {"kind": kind}
        value = self._value(type, name)
        self.json["inputs"].append({**value, "source": source})
        return value["id"]

    def op(
        self, kind: str, /, *operands: int, to: Any = None, regions: list | None = None, **attributes: Any
    ) -> Any:
        """Adds an op. `to` is the type of its result, or a list of types; the ids come back in the same form."""
        types = to if isinstance(to, list) else [] if to is None else [to]
        results = [self._value(t) for t in types]
        self._ops.append(
            {
                "op": kind,
                "operands": list(operands),
                "attributes": attributes,
                "results": results,
                "regions": regions or [],
                "location": self.location,
            }
        )
        ids = [r["id"] for r in results]
        return ids if isinstance(to, list) else ids[0] if ids else None

    def constant(self, value: Any, type: dict[str, Any] = F64) -> int:
        return self.op("constant", to=type, value=value)

    def state(self, name: str) -> int:
        return self.op("state", to=self._module.type_of(name), name=name)

    @contextmanager
    def region(self, *types: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """A region to give to an op; ops that are added inside stand in it. Yields it and its argument ids."""
        outer = self._ops
        region: dict[str, Any] = {"arguments": [self._value(t) for t in types], "ops": []}
        self._ops = region["ops"]
        yield region, [a["id"] for a in region["arguments"]]
        self._ops = outer

    def returns(self, **results: tuple[int, dict[str, Any]]) -> None:
        """Ends the function: results by name, each a value and its type."""
        self.json["results"] = [{"name": n, "type": t} for n, (_, t) in results.items()]
        self.op("return", *(value for value, _ in results.values()))


class ModuleBuilder:
    """One module over one source text."""

    def __init__(self, text: str = "program", path: str = "program.ts") -> None:
        self.text = text
        self._data: dict[str, Any] = {
            "version": [1, 2],
            "name": "example",
            "sources": [{"path": path, "text": text}],
            "locations": [[0, 0, utf16(text), -1]],
            "storages": [],
            "groups": [],
            "functions": [],
        }

    @property
    def json(self) -> dict[str, Any]:
        """The module, sharing no part with any other: a test may change it anywhere."""
        return json.loads(json.dumps(self._data))

    def function(self, name: str) -> FunctionBuilder:
        function = FunctionBuilder(self, name)
        self._data["functions"].append(function.json)
        return function

    def place(self, snippet: str, parent: int = -1) -> int:
        """The location of the only place where `snippet` stands in the source."""
        assert self.text.count(snippet) == 1
        start = utf16(self.text[: self.text.index(snippet)])
        self._data["locations"].append([0, start, start + utf16(snippet), parent])
        return len(self._data["locations"]) - 1

    def storage(self, name: str, type: dict[str, Any], init: dict[str, Any], **role: Any) -> str:
        self._data["storages"].append({"name": name, "type": type, "init": init, "location": 0, **role})
        return name

    def parameter(self, name: str, type: dict[str, Any], kind: str = "zeros", /, **init: Any) -> str:
        return self.storage(name, type, {"kind": kind, **init}, role="parameter")

    def frozen(self, name: str, type: dict[str, Any], kind: str = "zeros", /, **init: Any) -> str:
        """A parameter that the optimizer leaves alone."""
        return self.storage(name, type, {"kind": kind, **init}, role="parameter", trainable=False)

    def state(self, name: str, type: dict[str, Any], kind: str = "zeros", /, **init: Any) -> str:
        return self.storage(name, type, {"kind": kind, **init}, role="state")

    def twin(self, name: str, of: str) -> str:
        """A state that is what `of` is in a twin, and starts as its copy."""
        return self.storage(name, self.type_of(of), {"kind": "copy", "of": of}, role="state", twinOf=of)

    def slot(self, name: str, of: str) -> str:
        """What the optimizer keeps for the parameter `of`."""
        return self.storage(name, self.type_of(of), {"kind": "zeros"}, role="optimizer", slotOf=of)

    def group(self, name: str, members: list[str]) -> None:
        self._data["groups"].append({"name": name, "members": members})

    def type_of(self, storage: str) -> dict[str, Any]:
        return next(s["type"] for s in self._data["storages"] if s["name"] == storage)


def utf16(text: str) -> int:
    """The length of a text in UTF-16 units, by the definition."""
    return len(text.encode("utf-16-le")) // 2


CONV_WEIGHTS: dict[str, tuple[tuple[int, ...], str]] = {
    "net.conv.weight": ((4, 3, 3, 3), "kaiming_normal"),
    "net.conv.bias": ((4,), "zeros"),
    "net.norm.weight": ((4,), "one"),
    "net.norm.bias": ((4,), "zeros"),
    "net.act.slope": ((4,), "quarter"),
    "net.fc.weight": ((5, 64), "kaiming_uniform"),
    "net.fc.bias": ((5,), "zeros"),
}
_INITS: dict[str, dict[str, Any]] = {
    "zeros": {"kind": "zeros"},
    "one": {"kind": "constant", "value": 1.0},
    "quarter": {"kind": "constant", "value": 0.25},
    "kaiming_normal": {"kind": "kaiming_normal", "fan": "out", "gain": 1.4},
    "kaiming_uniform": {"kind": "kaiming_uniform", "fan": "in", "gain": 1.0},
}


def conv_net_module() -> dict[str, Any]:
    """A small conv net with cross-entropy, momentum SGD (0.9) and an average of its weights (1 - 0.99).

    step(x.images f32 [B, 3, 8, 8], y i64 [B], lr f64) = loss; embed(images) = the logits, in eval mode.
    """
    m = ModuleBuilder()
    for table in ("parameters", "slots", "average"):
        for name, (shape, init) in CONV_WEIGHTS.items():
            if table == "parameters":
                spec = dict(_INITS[init])
                m.parameter(name, tensor(*shape), spec.pop("kind"), **spec)
            elif table == "slots":
                m.slot(f"slots.{name}", name)
            else:
                m.twin(f"average.{name}", name)
        prefix = "" if table == "parameters" else f"{table}."
        m.group(f"net.{table}", [f"{prefix}{name}" for name in CONV_WEIGHTS])
    m.state("net.norm.mean", tensor(4))
    m.state("net.norm.variance", tensor(4), "constant", value=1.0)
    _conv_step(m)
    embed = m.function("embed")
    images = embed.input("images", tensor("B", 3, 8, 8), "argument")
    embed.returns(embedding=(_conv_logits(embed, images, training=False), tensor("B", 5)))
    return m.json


def _conv_logits(f: FunctionBuilder, images: int, *, training: bool) -> int:
    maps = tensor("B", 4, 4, 4)
    weights = {name: f.state(name) for name in CONV_WEIGHTS}
    mean, variance = f.state("net.norm.mean"), f.state("net.norm.variance")
    x = f.op(
        "conv2d",
        images,
        weights["net.conv.weight"],
        weights["net.conv.bias"],
        to=maps,
        stride=[2, 2],
        padding=[1, 1],
    )
    scale, shift = weights["net.norm.weight"], weights["net.norm.bias"]
    x = f.op("batch_norm", x, scale, shift, mean, variance, to=maps, training=training, momentum=0.2)
    x = f.op("prelu", x, weights["net.act.slope"], to=maps)
    x = f.op("flatten", x, to=tensor("B", 64), start=1)
    return f.op("linear", x, weights["net.fc.weight"], weights["net.fc.bias"], to=tensor("B", 5))


def _conv_step(m: ModuleBuilder) -> None:
    f = m.function("step")
    images, labels = (
        f.input("x.images", tensor("B", 3, 8, 8), "images"),
        f.input("y", tensor("B", dtype="i64")),
    )
    rate = f.input("lr", F64)
    losses = f.op("cross_entropy", _conv_logits(f, images, training=True), labels, to=tensor("B"))
    loss = f.op("mean", losses, to=NUMBER)
    layout = group("net.parameters")
    parameters = f.op("group", to=layout, name="net.parameters")
    gradients = f.op("gradients", loss, parameters, to=layout)
    slots = f.op("group", to=layout, name="net.slots")
    f.op("foreach_mul_", slots, f.constant(0.9))
    f.op("foreach_add_", slots, gradients, f.constant(1))
    f.op("foreach_add_", parameters, slots, f.op("scalar_neg", rate, to=F64))
    f.op("foreach_lerp_", f.op("group", to=layout, name="net.average"), parameters, f.constant(0.01))
    f.returns(loss=(loss, NUMBER))
