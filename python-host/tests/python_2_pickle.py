"""Verification sets as cPickle of Python 2 writes them, literally: a writer for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def python_2_pickle(images: Sequence[bytes], same: Sequence[bool], protocol: int) -> bytes:
    """A tuple of two lists. Up to 70 images: values are remembered under numbers of a byte."""
    if protocol == 0:
        strings = b"".join(
            b"S%b\np%d\na" % (repr(image)[1:].encode(), i + 2) for i, image in enumerate(images)
        )
        flags = b"".join(b"I0%d\na" % one for one in same)
        return b"((lp1\n" + strings + b"(lp99\n" + flags + b"tp100\n."
    strings = b"".join(
        (b"U" + bytes([len(image)]) if len(image) < 256 else b"T" + struct.pack("<I", len(image)))
        + image
        + b"q"
        + bytes([i + 2])
        for i, image in enumerate(images)
    )
    if protocol == 1:
        return b"(]q\x01(" + strings + b"e]q\x50(" + b"".join(b"I0%d\n" % one for one in same) + b"etq\x51."
    flags = b"".join(b"\x88" if one else b"\x89" for one in same)
    return b"\x80\x02]q\x01(" + strings + b"e]q\x50(" + flags + b"e\x86q\x51."
