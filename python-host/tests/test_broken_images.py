"""Folders with broken images: what is said of each, what stands in, and what an inspection finds."""

from __future__ import annotations

import errno
import logging
import os
import random
from pathlib import Path

import numpy as np
import pytest
from driver import Driver, HostErrorReply
from indexed import index_spec
from PIL import Image
from programs import summing_module

from f2c_host.data import image_folder, open_source
from f2c_host.errors import HostError

SIDE = 8
COUNTS = [4, 3, 1]
FILES = [f"{person}/{n}.png" for person, count in enumerate(COUNTS) for n in range(count)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people of 4, 3 and 1 images; each is all of its own shade: 10 times its index."""
    for index, name in enumerate(FILES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (SIDE, SIDE), 10 * index).save(tmp_path / name)
    return tmp_path


def source(root: Path, files: list[str | bytes] = FILES, counts: list[int] = COUNTS, **changes):
    spec = {"kind": "image_folder", **index_spec(root, files, counts), "channels": 1, "fit": "crop"}
    spec |= {"height": SIDE, "width": SIDE, "broken": "skip", **changes}
    return open_source(spec, {})


def some_of(root: Path, images: list[int]):
    """A subset of those in the folder."""
    spec = {"kind": "subset", "of": "image_folder", **index_spec(root, FILES, COUNTS), "channels": 1}
    spec |= {"fit": "crop", "height": SIDE, "width": SIDE, "broken": "skip"}
    return open_source(spec, {"subset": np.array(images, np.int32)})


def shades(images) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def refusal(work) -> HostError:
    with pytest.raises(HostError) as caught:
        work()
    return caught.value


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "it is empty"),
            (b"<html><body>404</body></html>", "it is a web page or XML: <html><body>404</body></html>"),
            (b"not a picture", "it is text: not a picture"),
            (b"GIF89a" + bytes(30), "it is a GIF"),
            (b"II*\0" + bytes(30), "it is a TIFF"),
            (b"\0\0\0\x18ftypheic" + bytes(30), "it is a HEIC"),
            (bytes(900), "it begins with nothing but zeros"),
            (
                b"\xff\xfe\xfd\xfc" * 9,
                "it is broken from its start, or of another kind; its first bytes are ff fe",
            ),
        ],
    )
    def test_a_file_that_is_no_picture_is_called_what_it_is(self, root, content, says):
        (root / FILES[2]).write_bytes(content)
        told = refusal(lambda: source(root, broken="error").read(np.array([2])))
        assert (told.code, told.kind) == ("F2C6104", "user")
        assert f"image {root / FILES[2]} cannot be decoded: {says}" in told.message
        assert "data check" in told.hint and 'broken: "skip"' in told.hint

    def test_a_pipe_is_not_waited_for(self, root):
        (root / FILES[2]).unlink()
        os.mkfifo(root / FILES[2])
        told = refusal(lambda: source(root, broken="error").read(np.array([2])))
        assert told.code == "F2C6104" and "a pipe" in told.message

    def test_nor_is_a_link_that_leads_in_a_circle_followed(self, root):
        (root / FILES[2]).unlink()
        (root / FILES[2]).symlink_to(root / FILES[2])
        told = refusal(lambda: source(root, broken="error").read(np.array([2])))
        assert told.code == "F2C6104" and os.strerror(errno.ELOOP) in told.message

    def test_a_disk_that_fails_is_not_the_images_fault(self, root, monkeypatch):
        def failing(*_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        reader = source(root)
        monkeypatch.setattr(image_folder.os, "open", failing)
        told = refusal(lambda: reader.read(np.array([2])))
        assert (told.code, told.kind) == ("F2C6115", "resource")
        assert FILES[2] in told.message

    def test_nor_is_memory_that_runs_out(self, root, monkeypatch):
        reader = source(root)
        monkeypatch.setattr(reader, "_fit", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            reader.read(np.array([2]))

    def test_a_name_that_is_not_utf8_is_read_by_its_bytes(self, root):
        # "photograph" in GBK
        name = b"\xd5\xd5\xc6\xac.png"
        os.rename(root / FILES[3], os.fsencode(root) + b"/0/" + name)
        files = [*FILES[:3], b"0/" + name, *FILES[4:]]
        reader = source(root, files)
        assert shades(reader.read(np.arange(5))) == [0, 10, 20, 30, 40]
        os.remove(os.fsencode(root) + b"/0/" + name)
        reader = source(root, files)
        told = refusal(lambda: reader.read(np.array([3])))
        assert told.code == "F2C6103" and "\\xd5\\xd5\\xc6\\xac.png" in told.message

    @pytest.mark.parametrize(
        "changes",
        [
            {"broken": "ignore"},
            {"bits": 17},
            {"channelOrder": "rbg"},
            {"people": None},
            {"people": [[0]]},
            {"people": [[0, 4]]},
            {"people": [[2, 2]]},
            {"people": []},
            {"indexId": 7},
        ],
    )
    def test_a_wrong_spec_is_refused(self, root, changes):
        assert refusal(lambda: source(root, **changes)).code == "F2C6101"


class TestStandIns:
    def test_the_next_image_of_the_identity_stands_in(self, root):
        for index in (1, 2, 6):
            (root / FILES[index]).write_bytes(b"")
        # 1 and 2 give way to 3; 6, the last of its identity, to the first.
        assert shades(source(root).read(np.arange(8))) == [0, 30, 30, 30, 40, 50, 40, 70]

    def test_whichever_is_read_first_and_whatever_is_cached(self, root):
        for index in (1, 2, 6):
            (root / FILES[index]).write_bytes(b"")
        chance = random.Random(3)
        for cache in (0, 3 * SIDE * SIDE, 2**20):
            reader = source(root, cacheBytes=cache)
            for _ in range(6):
                asked = [chance.randrange(8) for _ in range(5)]
                expected = [[0, 30, 30, 30, 40, 50, 40, 70][index] for index in asked]
                assert shades(reader.read(np.array(asked))) == expected

    def test_they_are_told_of_once_with_a_count(self, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        files = [f"{n:02d}.png" for n in range(25)]
        for name in files:
            (tmp_path / name).write_bytes(b"")
        Image.new("L", (SIDE, SIDE), 5).save(tmp_path / files[0])
        reader = source(tmp_path, files, [25], cacheBytes=0)
        for _ in range(3):
            reader.read(np.arange(25))
        first, more = caplog.messages
        assert "cannot be decoded: it is empty" in first and f"{files[0]} stands in for it" in first
        assert more.startswith("10 broken images so far")

    def test_an_identity_without_any_image_left_is_an_error(self, root):
        (root / FILES[7]).write_bytes(b"")
        told = refusal(lambda: source(root).read(np.array([0, 7])))
        assert told.code == "F2C6113"
        assert str(root / FILES[7]) in told.message and "leaveOut" in told.hint

    def test_a_missing_file_is_an_error_all_the_same(self, root):
        (root / FILES[1]).unlink()
        assert refusal(lambda: source(root).read(np.array([1]))).code == "F2C6103"

    def test_those_that_were_read_are_known(self, root):
        (root / FILES[1]).write_bytes(b"")
        reader = source(root)
        asked = np.array([5, 1, 0, 1], np.int32)
        assert not reader.stood_in_for(asked).any()
        reader.read(asked)
        assert reader.stood_in_for(asked).tolist() == [False, True, False, True]

    def test_those_of_a_subset_are_known_at_their_positions_in_it(self, root):
        (root / FILES[1]).write_bytes(b"")
        some = some_of(root, [5, 1, 0])
        some.read(np.arange(3))
        assert some.stood_in_for(np.array([2, 1], np.int32)).tolist() == [False, True]


class TestInspection:
    def test_broken_images_are_listed_and_nothing_stands_in(self, root):
        (root / FILES[1]).write_bytes(b"")
        (root / FILES[3]).unlink()
        found = source(root).inspect(np.array([0, 1, 2, 3], np.int32))
        assert [(b["position"], b["code"]) for b in found.broken] == [(1, "F2C6104"), (3, "F2C6103")]
        assert found.arrays["size"].tolist() == [[SIDE, SIDE], [0, 0], [SIDE, SIDE], [0, 0]]

    def test_a_subset_is_inspected_in_the_files_of_its_images(self, root):
        (root / FILES[1]).write_bytes(b"")
        some = some_of(root, [5, 1, 0])
        found, all_found = some.inspect(np.array([1, 2])), source(root).inspect(np.arange(2))
        assert [(b["position"], b["code"]) for b in found.broken] == [(0, "F2C6104")]
        assert found.arrays["content"].tolist() == all_found.arrays["content"].tolist()[::-1]

    def test_equal_pictures_have_equal_content_whatever_the_file(self, tmp_path):
        pixels = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        Image.fromarray(pixels).save(tmp_path / "b.bmp")
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(tmp_path / "c.png")
        a, b, c = source(tmp_path, ["a.png", "b.bmp", "c.png"], [3]).inspect(np.arange(3)).arrays["content"]
        assert a == b != c

    def test_sizes_bits_holes_and_tints(self, tmp_path):
        Image.new("RGB", (90, 30), (9, 9, 9)).save(tmp_path / "flat.png")
        exif = Image.Exif()
        exif[0x0112] = 6
        shade = np.add.outer(np.arange(40), np.zeros(20, int))
        red = np.stack([shade + 90, shade + 30, shade], -1).astype(np.uint8)
        Image.fromarray(red).save(tmp_path / "sideways.jpg", exif=exif)
        Image.fromarray(red[..., ::-1].copy()).save(tmp_path / "blue.png")
        Image.fromarray((shade * 100).astype(np.uint16)).save(tmp_path / "deep.png")
        with_hole = Image.fromarray(red).convert("RGBA")
        with_hole.putpixel((0, 0), (1, 2, 3, 0))
        with_hole.save(tmp_path / "hole.png")
        files = ["flat.png", "sideways.jpg", "blue.png", "deep.png", "hole.png"]
        arrays = source(tmp_path, files, [5], channels=3).inspect(np.arange(5)).arrays
        assert arrays["size"].tolist() == [[90, 30], [40, 20], [20, 40], [20, 40], [20, 40]]
        assert arrays["bits"].tolist() == [0, 0, 0, 12, 0]  # 3900 fills twelve bits
        assert arrays["flat"].tolist() == [True, False, False, False, False]
        assert arrays["transparent"].tolist() == [False, False, False, False, True]
        assert arrays["tint"].tolist() == [0, 1, 2, 0, 1]
        assert arrays["format"].tolist() == [2, 1, 2, 2, 2]  # PNG, JPEG
        assert arrays["channels"].tolist() == [3, 3, 3, 1, 3]
        assert arrays["bytes"].tolist() == [(tmp_path / file).stat().st_size for file in files]

    def test_the_host_answers_for_folders_only_and_names_broken_ones_beside_a_matrix(self, root):
        (root / FILES[1]).write_bytes(b"")
        spec = {"kind": "image_folder", **index_spec(root, FILES, COUNTS), "channels": 1, "fit": "crop"}
        spec |= {"height": SIDE, "width": SIDE, "broken": "skip"}
        faces = {"kind": "synthetic_faces", "seed": 1, "size": 16, "channels": 1, "difficulty": 0.5}
        some = {**faces, "kind": "subset", "of": "synthetic_faces"}
        counts, selected = {"counts": np.array([2], np.int32)}, {"subset": np.array([1], np.int32)}
        with Driver() as driver:
            driver.welcome()
            driver.ask("source", {"name": "train", "spec": spec})
            images = np.array([0, 1, 4], np.int32)
            answer = driver.ask("inspect", {"source": "train"}, {"images": images})
            assert [b["position"] for b in answer.body["broken"]] == [1]
            assert answer.buffers["content"].shape == (3,)
            for name, of, buffers in [("drawn", faces, counts), ("some", some, counts | selected)]:
                driver.ask("source", {"name": name, "spec": of}, buffers)
                with pytest.raises(HostErrorReply, match=f"F2C6114: the images of `{name}` lie in no files"):
                    driver.ask("inspect", {"source": name}, {"images": images[:1]})
            load = {"program": "p", "ir": summing_module(), "backend": "eager", "device": "cpu", "threads": 1}
            driver.ask("load", load)
            answer = driver.ask(
                "embed", {"program": "p", "matrix": "m", "source": "train"}, {"images": images}
            )
            assert answer.buffers["broken"].tolist() == [1]
            driver.ask("shutdown", {})
