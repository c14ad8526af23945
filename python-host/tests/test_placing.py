"""Faces that a source places by five points: the pixels are those of `aligned` on the whole picture, however it was decoded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from indexed import index_spec
from PIL import Image

from f2c_host.data import encoded_images, open_source
from f2c_host.data.align import TEMPLATE, aligned
from f2c_host.errors import HostError

_POINTS = TEMPLATE[:, ::-1] * 3.1 + np.array(
    [40.25, 20.5]
)  # turned by a quarter, mirrored, and in a large picture
_NAMES = ["a/one.jpg", "a/two.png", "b/grey.jpg"]


def _source(folder: Path, channels: int, points: str, **options: object):
    noise = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
    picture = Image.fromarray(noise).resize((500, 400), Image.Resampling.BICUBIC)
    for name, image in zip(_NAMES, (picture, picture, picture.convert("L")), strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        image.save(folder / name)
    (folder / "points.txt").write_text(points)
    spec = {"kind": "image_folder", **index_spec(folder, _NAMES, [2, 1]), "channels": channels, "fit": "crop"}
    spec |= {"height": 112, "width": 112, "alignPoints": str(folder / "points.txt"), "cacheBytes": 0}
    return open_source({**spec, **options}, {})


def _listed(names: list[str]) -> str:
    return "".join(f"{name} {' '.join(map(repr, _POINTS.reshape(-1).tolist()))}\n" for name in names)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("rounding", ["exact", "opencv4"])
@pytest.mark.parametrize("fast", [True, False])
def test_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, rounding: str, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(encoded_images, "plain_jpeg", lambda _: None)
    source = _source(tmp_path, channels, _listed(_NAMES), alignRounding=rounding)
    got = source.read(np.arange(3)).permute(0, 2, 3, 1).numpy()
    for name, image in zip(_NAMES, got, strict=True):
        whole = Image.open(io.BytesIO((tmp_path / name).read_bytes())).convert(
            "L" if channels == 1 else "RGB"
        )
        pixels = np.asarray(whole).reshape(400, 500, channels)
        assert np.array_equal(image, aligned(pixels, _POINTS, 112, rounding)), name


def test_a_face_without_points_is_named(tmp_path: Path) -> None:
    source = _source(tmp_path, 3, _listed(_NAMES[:2]))
    source.read(np.array([0, 1]))
    with pytest.raises(HostError, match=r"F2C6331.*points\.txt has no points for b/grey\.jpg"):
        source.read(np.array([2]))


def test_only_squares(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"F2C6101.*squares"):
        _source(tmp_path, 3, _listed(_NAMES), width=96)
