"""JPEGs that simplejpeg decodes: the pixels are Pillow's to the last bit, and what it must not take it leaves to Pillow."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from indexed import index_spec
from PIL import Image

from f2c_host.data import encoded_images, open_source
from f2c_host.data.jpeg_header import plain_jpeg
from f2c_host.errors import HostError


def _picture(size: tuple[int, int], colour: bool, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3) if colour else (9, 9), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def _jpeg(image: Image.Image, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=92, **options)
    return data.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


_ONE_SIZE = (96, 112)
_FILES = {
    "420": _jpeg(_picture(_ONE_SIZE, True), subsampling="4:2:0"),
    "422": _jpeg(_picture(_ONE_SIZE, True), subsampling="4:2:2"),
    "444": _jpeg(_picture(_ONE_SIZE, True), subsampling="4:4:4"),
    "grey": _jpeg(_picture(_ONE_SIZE, False)),
    "odd": _jpeg(_picture((101, 97), True)),
    "small": _jpeg(_picture((31, 40), True)),
    "wide": _jpeg(_picture((250, 130), True)),
    "long": _jpeg(
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (220, 190, 3), np.uint8)), subsampling=0
    ),
    "draft": _jpeg(_picture((640, 480), True)),
    "turned": _jpeg(_picture((120, 100), True), exif=_exif(6)),
    "progressive": _jpeg(_picture(_ONE_SIZE, True), progressive=True),
    "cmyk": _jpeg(_picture(_ONE_SIZE, True).convert("CMYK")),
    "rgb": _jpeg(_picture(_ONE_SIZE, True), keep_rgb=True),
    "comment": _jpeg(_picture(_ONE_SIZE, True), comment=b"x" * 60_000),
    "restarts": _jpeg(_picture(_ONE_SIZE, True), restart_marker_rows=1),
    "trailing": _jpeg(_picture(_ONE_SIZE, True)) + b"\0" * 100,
}
_PLAIN = {
    "420",
    "422",
    "444",
    "grey",
    "odd",
    "small",
    "wide",
    "long",
    "draft",
    "comment",
    "restarts",
    "trailing",
}


def _read(folder: Path, **options: object) -> np.ndarray:
    names = [f"{name}.jpg" for name in _FILES]
    for name, data in _FILES.items():
        (folder / f"{name}.jpg").write_bytes(data)
    spec = {"kind": "image_folder", **index_spec(folder, names), "height": 112, "width": 96, "fit": "crop"}
    source = open_source({**spec, "cacheBytes": 0, **options}, {})
    return source.read(np.arange(len(names))).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{}, {"fit": "stretch"}, {"channelOrder": "bgr"}])
def test_pixels_are_those_of_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, options: dict[str, str]
) -> None:
    fast = _read(tmp_path, channels=channels, **options)
    monkeypatch.setattr(encoded_images, "plain_jpeg", lambda _: None)
    slow = _read(tmp_path, channels=channels, **options)
    for name, ours, theirs in zip(_FILES, fast, slow, strict=True):
        assert np.array_equal(ours, theirs), name


def test_only_plain_files_are_taken() -> None:
    """A turned picture, one in several passes, CMYK and RGB without YCbCr look otherwise than their samples."""
    assert {name for name, data in _FILES.items() if plain_jpeg(data)} == _PLAIN
    assert len(_FILES["long"]) > 1 << 16  # more than is read of a file at first
    assert plain_jpeg(_FILES["420"]) == (*_ONE_SIZE, 3)
    assert plain_jpeg(_FILES["grey"]) == (*_ONE_SIZE, 1)
    for cut in range(0, 600, 7):  # within the header or behind it: never beyond the end
        plain_jpeg(_FILES["420"][:cut])


def test_a_cut_file_is_refused_as_before(tmp_path: Path) -> None:
    data = _FILES["420"]
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    spec = {"kind": "image_folder", **index_spec(tmp_path, ["cut.jpg"]), "channels": 3}
    source = open_source({**spec, "height": 112, "width": 96, "fit": "crop"}, {})
    with pytest.raises(HostError, match=r"F2C6104.*cut\.jpg cannot be decoded: it is cut off"):
        source.read(np.array([0]))


def test_a_large_file_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(_FILES["wide"])
    spec = {"kind": "image_folder", **index_spec(tmp_path, ["large.jpg"]), "channels": 3, "maxPixels": 9000}
    source = open_source({**spec, "height": 112, "width": 96, "fit": "crop"}, {})
    with pytest.raises(HostError, match="F2C6110"):
        source.read(np.array([0]))
