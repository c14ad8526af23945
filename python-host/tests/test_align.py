"""Alignment: the estimate beside scikit-image's, pixels beside OpenCV's and a literal version, and lists of points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from f2c_host.data.align import TEMPLATE, aligned, similarity, template, warped
from f2c_host.data.landmarks import read_landmarks
from f2c_host.errors import HostError

DRAWS = 200


def faces(seed: int) -> np.ndarray:
    """Points of faces that are turned, as large as they like, mirrored now and then, and not quite like the template."""
    rng = np.random.default_rng(seed)
    turns, sizes = rng.uniform(-np.pi, np.pi, DRAWS), np.exp(rng.uniform(-2, 3, DRAWS))
    mirrored = np.where(rng.random(DRAWS) < 0.1, -1, 1)
    x, y = (TEMPLATE + rng.normal(0, 4, (DRAWS, 5, 2))).transpose(2, 0, 1)
    x = x * mirrored[:, None]
    cos, sin = np.cos(turns)[:, None], np.sin(turns)[:, None]
    moved = np.stack([x * cos - y * sin, x * sin + y * cos], -1) * sizes[:, None, None]
    return moved + rng.uniform(-500, 500, (DRAWS, 1, 2))


# ---- the estimate


def test_the_estimate_is_scikit_images():
    transform = pytest.importorskip("skimage.transform", reason="scikit-image is not installed")
    points = faces(1)
    found = similarity(points)
    for size in (112, 128):
        for face, ours in zip(
            points, found if size == 112 else similarity(points, template(128)), strict=True
        ):
            wanted = transform.SimilarityTransform.from_estimate(face, template(size)).params[:2]
            assert np.abs(ours - wanted).max() < 1e-10 * max(1, np.abs(wanted).max())


def test_one_face_and_many_give_the_same():
    points = faces(2)
    assert np.allclose(similarity(points)[7], similarity(points[7]), rtol=1e-14, atol=1e-14)


def test_points_of_the_template_stay_where_they_are():
    assert np.allclose(similarity(TEMPLATE), [[1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_points_on_a_line_are_enough():
    line = np.array([[10.0, 10], [20, 10], [30, 10], [40, 10], [50, 10]])
    turned = similarity(line, line[:, ::-1])
    assert np.allclose(turned @ [30, 10, 1], [10, 30]) and np.allclose(turned[:, :2], [[0, -1], [1, 0]])


@pytest.mark.parametrize("value", [7.0, np.nan, np.inf])
def test_points_that_place_nothing_are_refused(value):
    with pytest.raises(HostError, match="F2C6332: a face cannot be placed by points that are all the same"):
        similarity(np.full((5, 2), value))


def test_a_size_of_128_has_the_template_in_the_middle_of_its_columns():
    assert np.allclose(template(128), TEMPLATE + np.array([8, 0])) and np.allclose(
        template(256), 2 * template(128)
    )
    assert np.allclose(template(56), TEMPLATE / 2) and np.allclose(template(896), TEMPLATE * 8)


# ---- pixels


def pictures(seed: int) -> list[np.ndarray]:
    """Noise, the hardest case, and edges; of many sizes, in colour and grey."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(60):
        height, width = rng.integers(20, 300, 2)
        grain = 1 if i % 2 else 9
        coarse = rng.integers(0, 256, (height // grain + 1, width // grain + 1, 1 if i % 5 == 0 else 3))
        made.append(coarse.repeat(grain, 0).repeat(grain, 1)[:height, :width].astype(np.uint8))
    return made


def transforms(seed: int) -> list[np.ndarray]:
    """Similarities that leave a face whole, cut it or miss the picture."""
    rng = np.random.default_rng(seed)
    turns, sizes = rng.uniform(-np.pi, np.pi, 60), np.exp(rng.uniform(-1.5, 1.5, 60))
    shifts = rng.uniform(-80, 120, (60, 2))
    return [
        np.array([[s * math.cos(t), -s * math.sin(t), x], [s * math.sin(t), s * math.cos(t), y]])
        for t, s, (x, y) in zip(turns, sizes, shifts, strict=True)
    ]


def opencv():
    return pytest.importorskip("cv2", reason="OpenCV is not installed", exc_type=ImportError)


def test_pixels_are_within_a_grey_level_of_opencvs():
    cv2 = opencv()
    rounding = "exact" if int(cv2.__version__.split(".")[0]) >= 5 else "opencv4"
    apart, differ, reached = [], [], 0
    for picture, transform in zip(pictures(3), transforms(4), strict=True):
        wanted = cv2.warpAffine(picture, transform, (112, 112), borderValue=0.0).reshape(112, 112, -1)
        found = warped(picture, transform, 112, rounding)
        off = np.abs(found.astype(int) - wanted)
        apart.append(np.mean(off > 1))
        differ.append(np.mean(off > 0))
        reached += bool(wanted.any())
    assert max(apart) == 0 and np.mean(differ) < 0.01
    assert reached > 40


def literal(picture: np.ndarray, transform: np.ndarray, size: int, rounding: str) -> np.ndarray:
    """Pixel by pixel, with fractions of 1/32 as OpenCV 4 takes them where asked."""
    height, width, channels = picture.shape
    (a, b, c), (d, e, f) = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    face = np.zeros((size, size, channels))

    def pixel(x: int, y: int, channel: int) -> int:
        return int(picture[y, x, channel]) if 0 <= x < width and 0 <= y < height else 0

    for row in range(size):
        for column in range(size):
            x, y = a * column + b * row + c, d * column + e * row + f
            if rounding == "opencv4":
                x = ((round(a * column * 1024) + round((b * row + c) * 1024) + 16) >> 5) / 32
                y = ((round(d * column * 1024) + round((e * row + f) * 1024) + 16) >> 5) / 32
            left, top = math.floor(x), math.floor(y)
            across, down = x - left, y - top
            for k in range(channels):
                above = pixel(left, top, k) * (1 - across) + pixel(left + 1, top, k) * across
                below = pixel(left, top + 1, k) * (1 - across) + pixel(left + 1, top + 1, k) * across
                face[row, column, k] = above * (1 - down) + below * down
    return face


@pytest.mark.parametrize("rounding", ["exact", "opencv4"])
def test_pixels_are_those_of_a_literal_version(rounding):
    for picture, transform in zip(pictures(5)[:12], transforms(6)[:12], strict=True):
        wanted = literal(picture, transform, 24, rounding)
        assert np.abs(warped(picture, transform, 24, rounding) - wanted).max() <= 0.5 + 1e-3


def test_a_picture_at_its_own_place_is_itself():
    picture = pictures(7)[1]
    side = min(picture.shape[:2])
    assert np.array_equal(warped(picture, np.eye(2, 3), side), picture[:side, :side])


def test_a_face_beyond_the_picture_is_black():
    picture = np.full((30, 40, 3), 255, np.uint8)
    for shift in ((500, 0), (-500, 0), (0, 500), (0, -500)):
        assert not warped(picture, np.array([[1, 0, shift[0]], [0, 1, shift[1]]], float), 112).any()
    # Half a pixel of the border, and half of the picture.
    assert warped(picture, np.array([[1, 0, 0.5], [0, 1, 0]]), 30)[:, 0].ravel().tolist() == [128] * 90


def test_a_face_is_where_the_template_has_it_as_insightface_crops_it():
    face_align = pytest.importorskip(
        "insightface.utils.face_align",
        reason="insightface is not installed: pip install --no-deps insightface tqdm requests",
        exc_type=ImportError,
    )
    rounding = "exact" if int(opencv().__version__.split(".")[0]) >= 5 else "opencv4"
    picture = np.random.default_rng(8).integers(0, 256, (250, 250, 3)).astype(np.uint8)
    points = TEMPLATE * 1.3 + [40, 30] + np.random.default_rng(9).normal(0, 3, (5, 2))
    for size in (112, 128, 224):
        wanted = face_align.norm_crop(picture, points, size)
        found = aligned(picture, points, size, rounding)
        assert found.shape == (size, size, 3) and found.dtype == np.uint8
        # Its template is f32.
        assert np.mean(np.abs(found.astype(int) - wanted) > 1) < 1e-3


# ---- lists of points

LINE = "1 2 3 4 5 6 7 8 9 10"
POINTS = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        (f"a.jpg {LINE}\nb.jpg {LINE}\n", None),
        (f"a.jpg {LINE} 0.75\r\n\r\nb.jpg {LINE} 1e-1\r\n", [0.75, 0.1]),
        ("\ufeffa.jpg," + LINE.replace(" ", ",") + "\nb.jpg," + LINE.replace(" ", ", "), None),
        ("\t".join(["a.jpg", *LINE.split()]) + "\n" + "\t".join(["b.jpg", *LINE.split()]), None),
        (
            "score,NAME,y1,x1,x2,y2,x3,y3,x4,y4,x5,y5\n.5,a.jpg,2,1,3,4,5,6,7,8,9,10\n1,b.jpg,2,1,3,4,5,6,7,8,9,10\n",
            [0.5, 1],
        ),
    ],
)
def test_a_list_is_read_however_its_fields_are_parted(tmp_path, text, scores):
    path = tmp_path / "points.txt"
    path.write_bytes(text.encode())
    read = read_landmarks(str(path))
    assert list(read.rows) == ["a.jpg", "b.jpg"]
    assert read.of("b.jpg").tolist() == POINTS
    assert (None if read.scores is None else read.scores.tolist()) == scores


def test_names_with_spaces_and_commas_stand_in_quotes(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text('"my face, 1.jpg",' + LINE.replace(" ", ",") + "\n")
    assert read_landmarks(str(path)).of("my face, 1.jpg").tolist() == POINTS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "points.txt: there is no face in it"),
        (f"a.jpg {LINE}\nb.jpg 1 2 3\n", "line 2: it has 4 fields, not 11 or 12"),
        (f"my face.jpg {LINE} 1\n", "line 1: it has 13 fields"),
        (f"a.jpg {LINE}\n\nb.jpg {LINE.replace('7', 'left')}\n", "line 3: `left` is no finite number"),
        (f"a.jpg {LINE.replace('7', 'nan')}\n", "line 1: `nan` is no finite number"),
        (f"a.jpg {LINE}\nb.jpg {LINE}\na.jpg {LINE}\n", "line 3: a.jpg stands in line 1 already"),
        (f"a.jpg {LINE}\nb.jpg {LINE} 1\n", "line 2: some lines have a score and others have none"),
        (f"a.jpg {LINE} 1\nb.jpg {LINE}\n", "line 2: some lines have a score and others have none"),
        ("a.jpg" + " 3 4" * 5, "line 1: its five points are the same"),
        ("path,label,a,b,c,d,e,f,g,h,i\n", "line 1: its titles lack name, x1, y1"),
        ("name,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5,label\n", "line 1: it has a column `label`"),
        ('a.jpg,"1,2\n', "is no list in UTF-8: unexpected end of data"),
        (b"a.jpg \xff\n", "is no list in UTF-8"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_line(tmp_path, text, says):
    path = tmp_path / "points.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(HostError, match="F2C6330: ") as told:
        read_landmarks(str(path))
    assert says in str(told.value) and str(path) in str(told.value) and told.value.hint


def test_a_list_that_there_is_not_is_named(tmp_path):
    with pytest.raises(HostError, match=r"F2C6330: .*none.txt: cannot be read: No such file"):
        read_landmarks(str(tmp_path / "none.txt"))


def test_a_face_that_the_list_lacks_is_named_with_one_that_it_has(tmp_path):
    path = tmp_path / "points.txt"
    path.write_text(f"a.jpg {LINE}\n")
    with pytest.raises(HostError, match=r"F2C6331: .*points.txt has no points for faces/a.jpg") as told:
        read_landmarks(str(path)).of("faces/a.jpg")
    assert told.value.hint.endswith("the list has 1, such as a.jpg")
