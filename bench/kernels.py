"""What each variant of the head's Triton kernels takes of an H100: shared memory, registers, and what they spill.

    python bench/kernels.py [gradient] [bf16] [512] [ids] ...

compiles those whose name has each of these words; no device is needed. A variant is what Triton compiles anew: the kernel, the
dtype of the bank's rows, the dimensions, and whether there are ids, a limit or touched classes (left_out), and a rule (bound).
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from f2c_host.kernels import negatives_triton
from f2c_host.kernels.classes import BLOCK
from f2c_host.kernels.negatives_in_chunks import NONE

# What a program on an H100 may have.
SHARED = 227 * 1024
# Of the bank. Features are f32.
ROWS = {"f32": "fp32", "bf16": "bf16", "f16": "fp16"}
KERNELS = {
    "stream": (negatives_triton.sums_of_split, "ROWS", "CLASSES"),
    "gradient": (negatives_triton.rows_gradient_of_tile, "CLASSES", "ROWS"),
}
Variant = tuple[str, str, int, tuple[str, ...]]


def variants() -> Iterator[Variant]:
    """Kernel, dtype of the features, dtype of the rows, dimensions, and what else is given."""
    every = [
        o
        for n in range(4)
        for o in itertools.combinations(("ids", "left_out", "bound"), n)
    ]
    yield from itertools.product(KERNELS, ROWS, (128, 512), every)


def name(variant: Variant) -> str:
    kernel, rows, dim, given = variant
    return " ".join([kernel, rows, str(dim), *given])


def compiled(variant: Variant) -> dict[str, int]:
    """Bytes of shared memory, registers of a thread, bytes that it spills, and warps."""
    kernel, rows, dim, given = variant
    function, *sides = KERNELS[kernel]
    constants = negatives_triton.tiles(dim).options(*sides)
    options = {option: constants.pop(option) for option in ("num_warps", "num_stages")}
    types = {
        **dict.fromkeys(("rows", "gradient"), "*" + ROWS[rows]),
        **dict.fromkeys(("target", "ids", "group", "extent"), "*i64"),
        **dict.fromkeys(("N", "D", "COUNT", "SPLITS"), "i32"),
        "left_out": "*i32",
    }
    constants |= {"BLOCK": BLOCK, "NONE": NONE} if kernel == "stream" else {}
    constants |= {
        option: None for option in ("ids", "left_out", "bound") if option not in given
    }
    signature = {
        p: "constexpr" if p in constants else types.get(p, "*fp32")
        for p in function.arg_names
    }
    # Pointers and D are divisible by 16, as they are in use: that decides how tiles are read.
    aligned = {
        (at,): [["tt.divisibility", 16]]
        for at, (p, kind) in enumerate(signature.items())
        if kind[0] == "*" or p == "D"
    }
    source = ASTSource(
        function, signature, {p: constants[p] for p in constants}, aligned
    )
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    return {
        "shared": built.metadata.shared,
        **_resources(built.asm["cubin"]),
        "warps": options["num_warps"],
    }


def _resources(cubin: bytes) -> dict[str, int]:
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        said = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        )
    found = dict(re.findall(r"\b(REG|STACK):(\d+)", said.stdout))
    return {"registers": int(found["REG"]), "spilled": int(found["STACK"])}


def main(words: list[str]) -> None:
    print(f"Triton {triton.__version__}, sm_90")
    for variant in variants():
        if set(words) <= set(name(variant).split()):
            found = compiled(variant)
            print(
                f"{name(variant):44}",
                *(f"{value:8} {what}" for what, value in found.items()),
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
