"""The class centres of arcface_torch's Partial FC, whose rows lie in a file a rank, as one tensor, and the momentum beside them.

    softmax_fc_gpu_{rank}.pt         {"weight": [rows, D]}
    checkpoint_gpu_{rank}.pt         state_dict_backbone, state_dict_softmax_fc, state_optimizer, and numbers
    rank_{rank}_softmax_weight.pt    [rows, D], and its momentum in …_weight_mom.pt (its first version)

become `centres`, as our banks call them, and `optimizer.velocity.centres`; of checkpoints, the net of rank 0 and its momentum
as well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import HostError
from .conversion import Conversion
from .known_nets import is_parameter
from .state_dict import take_state_dict
from .torch_file import TorchFile

CENTRES = "centres"
_RANK = re.compile(r"(?:gpu|rank)_(\d+)")
_CHECKPOINT = "state_dict_softmax_fc"
_TAKEN = (_CHECKPOINT, "state_dict_backbone", "state_optimizer")


@dataclass(frozen=True)
class Shard:
    """What a file holds of one rank."""

    file: TorchFile
    rank: int
    weight: Tensor | None = None
    momentum: Tensor | None = None
    backbone: Mapping[str, Any] | None = None
    optimizer: Mapping[str, Any] | None = None


def shard_in(file: TorchFile) -> Shard | None:
    """The shard in a file; None: it is no shard."""
    content, found = file.content, _RANK.search(file.path.stem)
    if isinstance(content, Mapping) and _CHECKPOINT in content:
        backbone, optimizer = content.get("state_dict_backbone"), content.get("state_optimizer")
        weight = _only_matrix(content[_CHECKPOINT])
        if weight is None:
            raise _misfit(f"`{file.path}` has no matrix of centres under {_CHECKPOINT}")
        momentum = _momenta(optimizer)[-1]
        if momentum is not None and momentum.shape != weight.shape:
            momentum = None  # of its first version, whose optimizer has the rows of the last sample alone
        return Shard(file, int(found[1]) if found else 0, weight, momentum, backbone, optimizer)
    matrix = _only_matrix(content)
    if found is None or matrix is None:
        return None
    rank = int(found[1])
    if "_mom" in file.path.stem:
        return Shard(file, rank, momentum=matrix)
    return Shard(file, rank, matrix)


def _only_matrix(content: Any) -> Tensor | None:
    """The matrix that is all a file holds, perhaps under the name `weight`."""
    if isinstance(content, Mapping) and len(content) == 1:
        [(name, content)] = content.items()
        if str(name).rpartition(".")[2] != "weight":
            return None
    return content if isinstance(content, Tensor) and content.dim() == 2 else None


def take_shards(made: Conversion, shards: Sequence[Shard]) -> None:
    """Takes the centres in the order of ranks, their momentum, and the net of rank 0. Raises F2C6216 where files do not fit."""
    weights = _by_rank(shards, "weight")
    _take_rows(made, CENTRES, weights)
    momenta = _by_rank(shards, "momentum", of=weights)
    if momenta:
        _take_rows(made, velocity(CENTRES), momenta)
    first = min(shards, key=lambda shard: shard.rank)
    if first.backbone is None:
        return
    names = take_state_dict(made, first.backbone, first.file.path)
    if len(weights) > 1:
        made.tell("left", "nets of other ranks, which are rank 0's but for statistics", len(weights) - 1)
    _take_momentum(made, names, first)
    made.leave([str(key) for key in first.file.content if key not in _TAKEN])


def velocity(name: str) -> str:
    """What the slot of our optimizers is called in which momentum lies."""
    return f"optimizer.velocity.{name}"


def _by_rank(shards: Sequence[Shard], what: str, of: Sequence[Tensor] | None = None) -> list[Tensor]:
    """The tensors of all ranks in their order; all there are, and each of the shape of its weight."""
    found: dict[int, tuple[Shard, Tensor]] = {}
    for shard in shards:
        tensor = getattr(shard, what)
        if tensor is None:
            continue
        if shard.rank in found:
            other = found[shard.rank][0].file.path
            raise _misfit(f"`{other}` and `{shard.file.path}` are both of rank {shard.rank}")
        found[shard.rank] = shard, tensor
    if not found and of is not None:
        return []
    ranks = range(max(found, default=0) + 1 if of is None else len(of))
    missing = [str(rank) for rank in ranks if rank not in found]
    if missing:
        raise _misfit(f"the {what} of rank {', '.join(missing)} is missing, of {len(ranks)} ranks")
    tensors = [found[rank][1] for rank in ranks]
    for rank, tensor in enumerate(tensors):
        wanted = tensors[0].shape[1:] if of is None else of[rank].shape
        if tensor.dtype != tensors[0].dtype or tensor.shape[-len(wanted) :] != wanted:
            shape = list(tensor.shape)
            raise _misfit(f"`{found[rank][0].file.path}` has a {what} {shape}, which does not fit the others")
    return tensors


def _take_rows(made: Conversion, name: str, pieces: Sequence[Tensor]) -> None:
    if not made.storable(name, pieces[0]):
        return
    made.take(name, [made.widened(piece) for piece in pieces])
    rows = sum(len(piece) for piece in pieces)
    made.tell("merged", f"into {name} [{rows}, {pieces[0].shape[1]}], in the order of ranks", len(pieces))


def _momenta(optimizer: Any) -> list[Tensor | None]:
    """Of torch.optim.SGD's state the momentum of each parameter, in their order."""
    try:
        numbers = [number for group in optimizer["param_groups"] for number in group["params"]]
        state = optimizer["state"]
        return [state.get(number, {}).get("momentum_buffer") for number in numbers] or [None]
    except (KeyError, TypeError, AttributeError):  # it is of no optimizer of torch's
        return [None]


def _take_momentum(made: Conversion, names: Mapping[str, str], shard: Shard) -> None:
    """The momentum of the net: the optimizer numbers parameters in the order of the state dict, the centres last."""
    momenta = _momenta(shard.optimizer)[:-1]
    if all(momentum is None for momentum in momenta):
        if shard.optimizer:
            made.tell("left", "state_optimizer, which has no momentum as torch.optim.SGD keeps it")
        return
    parameters = [new for name, new in names.items() if is_parameter(name)]
    shapes = [made.shape(name) for name in parameters]
    if len(momenta) != len(shapes) or any(
        momentum is not None and momentum.shape != shape
        for momentum, shape in zip(momenta, shapes, strict=True)
    ):
        raise _misfit(f"`{shard.file.path}`: the parameters of state_optimizer are not those of the net")
    for name, momentum in zip(parameters, momenta, strict=True):
        if momentum is not None:
            made.take(velocity(name), made.widened(momentum))
            made.tell("taken", "momentum, as optimizer.velocity")


def _misfit(message: str) -> HostError:
    return HostError(
        "F2C6216",
        message,
        "user",
        "give the files of all ranks, of one run and one epoch, under the names that they had",
    )
