"""From files of PyTorch to one safetensors file, under the names that our nets and banks have: the whole way on one screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import HostError
from ..files import safetensors_file
from ..files.whole_file import whole_file
from .conversion import Conversion
from .partial_fc import Shard, shard_in, take_shards
from .state_dict import take_state_dict
from .torch_file import TorchFile, read


def convert(paths: Sequence[Path], to: Path, paused: Callable[[], None] = lambda: None) -> dict[str, object]:
    """Writes what the files hold to `to`, which is whole or absent, and returns what was made of what. `paused` is called between
    two files, and may raise.

    Raises F2C6213 for a file that would have to run code, F2C6214 for one that cannot be read, F2C6215 for what is no state dict,
    F2C6216 for shards that do not fit together."""
    made, files = Conversion(), []
    for path in paths:
        files.append(read(path))
        paused()
    found = [(file, shard_in(file)) for file in files]
    shards = [shard for _, shard in found if shard is not None]
    nets = [file for file, shard in found if shard is None]
    _refuse_several(nets, shards)
    for file in nets:
        take_state_dict(made, file.content, file.path)
    if shards:
        take_shards(made, shards)
    with whole_file(to) as file:
        safetensors_file.write(made.tensors, file)
        size = file.tell()
    return {"bytes": size, "tensors": len(made.tensors), **made.said}


def _refuse_several(nets: Sequence[TorchFile], shards: Sequence[Shard]) -> None:
    if len(nets) > 1:
        raise HostError(
            "F2C6215",
            f"`{nets[0].path}` and `{nets[1].path}` are two nets, or their names do not say which rank they are of",
            "user",
            "convert them one by one; shards are called softmax_fc_gpu_0.pt, softmax_fc_gpu_1.pt, … as arcface_torch does",
        )
    if nets and any(shard.backbone is not None for shard in shards):
        raise HostError(
            "F2C6215",
            f"`{nets[0].path}` and the shards hold a net each",
            "user",
            "leave one of them out",
        )
