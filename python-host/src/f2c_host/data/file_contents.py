"""What a file is that is no picture of a kind that is read, in words for its owner."""

from __future__ import annotations

from typing import BinaryIO

_HEAD = 64
# First bytes of what often lies under a picture's name. HEIC and AVIF say so from the fifth byte on.
_BEGINNINGS = (
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file (AppleDouble)"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with git lfs pull"),
)


def what_it_is(data: BinaryIO) -> str:
    """What the file holds, judged by its first bytes."""
    data.seek(0)
    head = data.read(_HEAD)
    if not head:
        return "it is empty"
    for beginning, words in _BEGINNINGS:
        if head.startswith(beginning):
            return f"it is {words}"
    if head[4:8] == b"ftyp":
        return "it is a HEIC, an AVIF or a video"
    if not any(head):
        return "it begins with nothing but zeros"
    text = "".join(chr(byte) for byte in head if 32 <= byte < 127)
    if head.lstrip()[:1] == b"<":
        return f"it is a web page or XML: {text[:40]}"
    if len(text) > 0.8 * len(head):
        return f"it is text: {text[:40]}"
    return f"it is broken from its start, or of another kind; its first bytes are {head[:8].hex(' ')}"
