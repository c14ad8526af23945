"""Faces placed by five points, as the field's nets expect them: eyes, nose and corners of the mouth where ArcFace's template
has them.

    [x']   [a -b] [x]   [t]
    [y'] = [b  a] [y] + [u]

with a, b, t, u such that the squared distances between the moved points and the template's are least (Umeyama 1991;
scikit-image's `SimilarityTransform`). With points as complex numbers s and d around their means,

    a + bi = sum(conj(s) d) / sum(|s|^2)

Pixels are bilinear, and black beyond the picture, as `warpAffine` of OpenCV 5 gives them. OpenCV 4 rounds places to 1/32 of a
pixel, which is several grey levels at sharp edges; published figures were made with it, and `rounding="opencv4"` does the same.

A face of 112 x 112 in colour takes 0.45 ms of one core, of a picture of 250 x 250. Pillow's `transform` takes 0.36 ms, but cuts
fractions of grey levels off instead of rounding them, and cannot do what OpenCV 4 does.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from f2c_host.errors import HostError

# ArcFace's, x and y in pixels of 112 x 112: the eye at the left of the picture, the one at the right, the tip of the nose, the
# corners of the mouth at the left and at the right. insightface, `face_align.py`.
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
TEMPLATE.setflags(write=False)

Rounding = Literal["exact", "opencv4"]


def template(size: int) -> np.ndarray:
    """Where the points belong in a picture of size x size, f64 [5, 2]: scaled; where 128 divides the size and 112 does not, moved
    to the middle of 128 columns first, as insightface has it."""
    if size % 112 != 0 and size % 128 == 0:
        return (TEMPLATE + np.array([8, 0])) * (size / 128)
    return TEMPLATE * (size / 112)


def similarity(points: np.ndarray, to: np.ndarray = TEMPLATE) -> np.ndarray:
    """The similarity that moves points [..., n, 2] to those of `to` [n, 2] with the least squares, f64 [..., 2, 3].

    Raises F2C6332 where the points are one, or no numbers."""
    points = np.asarray(points, np.float64)
    if not np.all(np.isfinite(points)):
        raise _placeless()
    middle, to_middle = points.mean(-2), to.mean(0)
    s, d = _complex(points - middle[..., None, :]), _complex(to - to_middle)
    spread = (np.abs(s) ** 2).sum(-1)
    if not np.all(spread > 0):
        raise _placeless()
    turn = (np.conj(s) * d).sum(-1) / spread
    shift = _complex(to_middle) - turn * _complex(middle)
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def aligned(
    image: np.ndarray, points: np.ndarray, size: int = 112, rounding: Rounding = "exact"
) -> np.ndarray:
    """The face of a picture u8 [H, W, C] with these five points [5, 2], u8 [size, size, C]. Raises F2C6332 like `similarity`."""
    return warped(image, similarity(points, template(size)), size, rounding)


def warped(image: np.ndarray, transform: np.ndarray, size: int, rounding: Rounding = "exact") -> np.ndarray:
    """A picture u8 [H, W, C] moved by a transform [2, 3], u8 [size, size, C]: bilinear, 0 beyond the picture."""
    height, width, channels = image.shape
    x, y = _places(transform, size, rounding)
    left, right = _range(x, width)
    top, bottom = _range(y, height)
    if left >= right or top >= bottom:
        return np.zeros((size, size, channels), np.uint8)
    part = _with_border(image, left, right, top, bottom)
    x, across = _cell(x - left, right - left)
    y, down = _cell(y - top, bottom - top)
    row = (right - left + 1) * channels
    first = (y * row + x * channels).astype(np.intp)
    flat, face = part.reshape(-1), np.empty((size * size, channels), np.uint8)
    for channel in range(channels):
        corners = (channel + step for step in (0, channels, row, row + channels))
        # The cell lies in the part; `clip` only spares numpy the question.
        a, b, c, d = (flat[at:].take(first, mode="clip").astype(np.float32) for at in corners)
        above = a + (b - a) * across
        below = c + (d - c) * across
        face[:, channel] = above + (below - above) * down + 0.5
    return face.reshape(size, size, channels)


def _placeless() -> HostError:
    return HostError(
        "F2C6332",
        "a face cannot be placed by points that are all the same, or no numbers",
        hint="leave the picture out, or look for its points again",
    )


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _places(transform: np.ndarray, size: int, rounding: Rounding) -> tuple[np.ndarray, np.ndarray]:
    """Where in the picture each pixel of the face comes from: x and y, f64 [size * size]."""
    (a, b, c), (d, e, f) = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    along = np.arange(size, dtype=np.float64)
    terms = ((b * along + c, a * along), (e * along + f, d * along))
    if rounding == "exact":
        x, y = (np.add.outer(rows, columns) for rows, columns in terms)
    else:
        # Each term to 1/1024, then their sum to 1/32, half up.
        x, y = (
            np.floor((np.add.outer(np.rint(rows * 1024), np.rint(columns * 1024)) + 16) / 32) / 32
            for rows, columns in terms
        )
    return x.reshape(-1), y.reshape(-1)


def _range(places: np.ndarray, length: int) -> tuple[int, int]:
    """The first and last pixel along one side that places need, at most one beyond the picture on either side."""
    return max(int(np.floor(places.min())), -1), min(int(np.floor(places.max())) + 1, length)


def _with_border(image: np.ndarray, left: int, right: int, top: int, bottom: int) -> np.ndarray:
    """The pixels from (left, top) to (right, bottom), 0 where there is no picture."""
    part = np.zeros((bottom - top + 1, right - left + 1, image.shape[2]), np.uint8)
    inside = image[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
    y, x = max(-top, 0), max(-left, 0)
    part[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return part


def _cell(places: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Between which two of the pixels 0..last each place lies: the first of them, and the share of the second. Places beyond are
    moved to the border, which is 0."""
    places = np.clip(places, 0, last)
    first = np.minimum(np.floor(places), last - 1)
    return first, (places - first).astype(np.float32)
