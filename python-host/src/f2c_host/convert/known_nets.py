"""Nets of arcface_torch that we have too (`iresnet`, `mbf`, `vit`), by the names in their state dicts.

Ours differ in what PyTorch calls a layer's tensors alone: BatchNorm's running statistics and the slopes of PReLU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType

from torch import Tensor

COUNTERS = "num_batches_tracked"

# Of each kind of layer, what its tensors are called there, and here; None: we have none.
_KINDS: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "conv": {"weight": "weight"},
        "product": {"weight": "weight"},
        "prelu": {"weight": "slope"},
        "affine": {"weight": "weight", "bias": "bias"},
        "tensor": {"": ""},
        "norm": {
            "weight": "weight",
            "bias": "bias",
            "running_mean": "mean",
            "running_var": "variance",
            COUNTERS: None,
        },
    }
)
# The length of embeddings where nothing else is said.
_USUAL_LENGTH = 512
_STATISTICS = ("running_mean", "running_var", COUNTERS)

Layer = tuple[str, str]
"""Where it is, and its kind."""
Asked = tuple[Sequence[str], Sequence[str]]
"""The arguments that a net is called with, and the options."""


@dataclass(frozen=True)
class KnownNet:
    call: str
    """As an experiment spells it."""
    renames: Mapping[str, str | None]
    """Every name of its state dict, and ours."""

    @property
    def parameters(self) -> list[str]:
        return [name for name in self.renames if is_parameter(name)]


def is_parameter(name: str) -> bool:
    """Whether a tensor of a state dict is a parameter, and no statistic of BatchNorm."""
    return name.rpartition(".")[2] not in _STATISTICS


def recognised(tensors: Mapping[str, Tensor]) -> KnownNet | None:
    """The net that has exactly these names, apart from parts of other names beside it."""
    for function, asked, layers, last in _NETS:
        renames = {
            _at(path, there): None if here is None else _at(path, here)
            for path, kind in layers
            for there, here in _KINDS[kind].items()
        }
        parts = {_part(name) for name in renames}
        found = {name for name in tensors if _part(name) in parts}
        needed = {name for name in renames if not name.endswith(COUNTERS)}
        if needed <= found <= renames.keys():
            arguments, options = asked(tensors)
            length = tensors[last].numel()
            given = [*options, *([] if length == _USUAL_LENGTH else [f"embedding: {length}"])]
            record = [f"{{ {', '.join(given)} }}"] if given else []
            return KnownNet(f"{function}({', '.join([*arguments, *record])})", renames)
    return None


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if name else path


def _part(name: str) -> str:
    return name.partition(".")[0]


def _iresnet(*blocks: int) -> Iterator[Layer]:
    yield from (("conv1", "conv"), ("bn1", "norm"), ("prelu", "prelu"))
    for stage, count in enumerate(blocks, 1):
        for i in range(count):
            at = f"layer{stage}.{i}"
            yield from ((f"{at}.bn1", "norm"), (f"{at}.conv1", "conv"), (f"{at}.bn2", "norm"))
            yield from ((f"{at}.prelu", "prelu"), (f"{at}.conv2", "conv"), (f"{at}.bn3", "norm"))
            if i == 0:
                yield from ((f"{at}.downsample.0", "conv"), (f"{at}.downsample.1", "norm"))
    yield from (("bn2", "norm"), ("fc", "affine"), ("features", "norm"))


def _mbf(first: int, *blocks: int) -> Iterator[Layer]:
    yield from _block("layers.0")
    yield from _block("layers.1") if first == 1 else _residuals("layers.1", first)
    for stage, count in enumerate(blocks):
        yield from _bottleneck(f"layers.{2 * stage + 2}")
        yield from _residuals(f"layers.{2 * stage + 3}", count)
    yield from _block("conv_sep")
    yield from _linear_block("features.layers.0")
    yield from (("features.layers.2", "product"), ("features.layers.3", "norm"))


def _linear_block(at: str) -> Iterator[Layer]:
    yield from ((f"{at}.layers.0", "conv"), (f"{at}.layers.1", "norm"))


def _block(at: str) -> Iterator[Layer]:
    return chain(_linear_block(at), [(f"{at}.layers.2", "prelu")])


def _bottleneck(at: str) -> Iterator[Layer]:
    return chain(_block(f"{at}.layers.0"), _block(f"{at}.layers.1"), _linear_block(f"{at}.layers.2"))


def _residuals(at: str, count: int) -> Iterator[Layer]:
    return chain.from_iterable(_bottleneck(f"{at}.layers.{i}") for i in range(count))


# By width and depth.
_VIT_SIZES = {(256, 12): "tiny", (512, 12): "small", (512, 24): "base", (768, 24): "large"}
_VIT_PATCH = 9


def _vit(depth: int) -> Iterator[Layer]:
    yield from (("mask_token", "tensor"), ("pos_embed", "tensor"), ("patch_embed.proj", "affine"))
    for i in range(depth):
        at = f"blocks.{i}"
        yield from ((f"{at}.norm1", "affine"), (f"{at}.attn.qkv", "product"), (f"{at}.attn.proj", "affine"))
        yield from ((f"{at}.norm2", "affine"), (f"{at}.mlp.fc1", "affine"), (f"{at}.mlp.fc2", "affine"))
    yield from (("norm", "affine"), ("feature.0", "product"), ("feature.1", "norm"))
    yield from (("feature.2", "product"), ("feature.3", "norm"))


def _asked_of_vit(depth: int, tensors: Mapping[str, Tensor]) -> Asked:
    """Its width and the side of its patches; that it has eight heads, as all there have, no tensor shows."""
    shape = tensors["patch_embed.proj.weight"].shape
    width, patch = shape[0], shape[-1]
    name = _VIT_SIZES.get((width, depth))
    size = f'"{name}"' if name else f"{{ width: {width}, depth: {depth} }}"
    return [size], [] if patch == _VIT_PATCH else [f"patch: {patch}"]


def _always(*arguments: str, options: Sequence[str] = ()) -> Callable[[Mapping[str, Tensor]], Asked]:
    return lambda _: (arguments, options)


# The function, what is asked of it, the layers, and a tensor that is as long as the embedding.
_NETS = (
    *(
        ("iresnet", _always(str(depth)), tuple(_iresnet(*blocks)), "features.weight")
        for depth, blocks in {
            18: (2, 2, 2, 2),
            34: (3, 4, 6, 3),
            50: (3, 4, 14, 3),
            100: (3, 13, 30, 3),
            200: (6, 26, 60, 6),
        }.items()
    ),
    ("mbf", _always(), tuple(_mbf(1, 4, 6, 2)), "features.layers.3.weight"),
    ("mbf", _always(options=["large: true"]), tuple(_mbf(2, 8, 12, 4)), "features.layers.3.weight"),
    *(
        ("vit", partial(_asked_of_vit, depth), tuple(_vit(depth)), "feature.3.weight")
        for depth in (12, 24, 48)
    ),
)
