"""What a JPEG says of itself before its pixels: whether the fast decoder shows what Pillow would."""

from __future__ import annotations

from typing import NamedTuple

_START = b"\xff\xd8"
_APP1, _APP14, _SCAN = 0xE1, 0xEE, 0xDA
# Frames of one pass whose samples have eight bits: baseline and extended sequential. Progressive ones and the rest are Pillow's.
_PLAIN_FRAMES = (0xC0, 0xC1)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone, without a length.
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))


class PlainJpeg(NamedTuple):
    """A JPEG of one pass, eight bits, grey or YCbCr, that no tag turns nor any marker calls otherwise."""

    width: int
    height: int
    channels: int


def plain_jpeg(data: bytes) -> PlainJpeg | None:
    """Its size, if the file is such; None where it is anything else, or broken. ITU-T T.81, annex B."""
    if data[:2] != _START:
        return None
    at, end, frame = 2, len(data) - 9, None
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            channels = data[at + 9]
            if marker not in _PLAIN_FRAMES or data[at + 4] != 8 or channels not in (1, 3):
                return None
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            frame = PlainJpeg(width, height, channels)
        elif marker == _SCAN:
            return frame if frame and frame.width and frame.height else None
        # An orientation may stand in APP1; Adobe's APP14 may say that three channels are RGB. Padding is rare.
        elif marker in (_APP1, _APP14, 0xFF) or marker in _ALONE:
            return None
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    return None
