"""The golden wire messages: `NAME.json` says what a message holds, `NAME.hex` has its frames, one a line.

`python python-host/tests/wire_fixtures.py` writes the .hex of every python-*.json anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from f2c_host.wire.frames import DTYPE_NAMES, DTYPES, Message, pack

FOLDER = Path(__file__).parents[2] / "test" / "fixtures" / "wire"


def message_of(document: dict[str, Any]) -> Message:
    """The message that a .json describes."""
    buffers = {
        entry["name"]: np.array(entry["values"], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for entry in document["buffers"]
    }
    return Message(document["kind"], document["body"], buffers, document.get("id"), document.get("re"))


def document_of(message: Message) -> dict[str, Any]:
    """The .json of a message."""
    numbers = {"id": message.id, "re": message.re}
    return {
        "kind": message.kind,
        **{key: value for key, value in numbers.items() if value is not None},
        "body": message.body,
        "buffers": [
            {
                "name": name,
                "dtype": DTYPE_NAMES[array.dtype],
                "shape": list(array.shape),
                "values": array.reshape(-1).tolist(),
            }
            for name, array in message.buffers.items()
        ],
    }


def read_frames(path: Path) -> list[bytes]:
    """The frames of a .hex file; an empty line is an empty frame."""
    return [bytes.fromhex(line) for line in path.read_text().removesuffix("\n").split("\n")]


def main() -> None:
    for path in sorted(FOLDER.glob("python-*.json")):
        frames = pack(message_of(json.loads(path.read_text())))
        path.with_suffix(".hex").write_text("".join(f"{bytes(frame).hex()}\n" for frame in frames))


if __name__ == "__main__":
    main()
