"""What bytes are, judged by how they begin: an encoded image, or what others keep where an image belongs."""

from __future__ import annotations

# How many bytes tell it.
HEAD = 16

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"P2", b"P3", b"P5", b"P6")
_OTHERS = (
    (b"\x08", "Caffe's Datum"),
    (b"\x93NUMPY", "NumPy arrays"),
    (b"PK\x03\x04", "ZIP archives, such as .npz"),
    (b"GIF8", "GIFs"),
    (b"\x1f\x8b", "compressed with gzip"),
)
_PICKLE_VERSIONS = range(2, 6)


def is_image(head: bytes) -> bool:
    """Whether bytes that begin so are an image of a kind that is read."""
    return head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def what_they_are(head: bytes) -> str:
    """Bytes that are no image, in words: the plural."""
    if head[:1] == b"\x80" and len(head) > 1 and head[1] in _PICKLE_VERSIONS:
        return "pickles"
    for beginning, words in _OTHERS:
        if head.startswith(beginning):
            return words
    if head and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in head):
        return "text"
    return f"of no kind that is known; one begins with {head[:8].hex(' ')}" if head else "empty"
