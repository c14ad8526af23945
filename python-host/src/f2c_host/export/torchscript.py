"""A TorchScript module that `torch.jit.load` reads without any package of ours; it checks what it is fed."""

from __future__ import annotations

import json
from typing import BinaryIO

from ..lower.builders import build_module
from .container import attribute_paths, container
from .exported import Exported
from .input_convention import INPUT

# Beside the code and weights, read with `torch.jit.load(path, _extra_files={"about.json": ""})`.
ABOUT = "about.json"


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    paths = attribute_paths(net)
    attributes = {storage: paths[name] for storage, name in net.names.items()}
    module = build_module(net.module, net.function, attributes, container(net, paths))
    extra = {ABOUT: json.dumps(dict(net.about), indent=2)}
    if INPUT in net.about:
        extra[INPUT] = net.about[INPUT]
    # Torch aborts the process where its writer finds the disk full, so it writes into memory; a file of ours says it as an error.
    file.write(module.save_to_buffer(_extra_files=extra))
    return {}
