"""Contact sheets: where each image lies, and that a sheet is whole or absent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from f2c_host.data.contact_sheet import write_contact_sheet
from f2c_host.errors import HostError


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_row_by_row_with_gaps_of_two_pixels(tmp_path, channels):
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, channels, 6, 4) * 10
    size = write_contact_sheet(images, 3, str(tmp_path / "sheet.png"))
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"))
    assert size == (3 * 4 + 4 * 2, 2 * 6 + 3 * 2)
    assert sheet.shape == (size[1], size[0])
    for number in range(5):
        top, left = 2 + (number // 3) * 8, 2 + (number % 3) * 6
        assert np.unique(sheet[top : top + 6, left : left + 4]).tolist() == [number * 10]
    assert np.unique(sheet[:, :2]).tolist() == [255]
    assert np.unique(sheet[10:, 14:]).tolist() == [255]


def test_fewer_images_than_columns_make_a_narrow_sheet(tmp_path):
    images = torch.zeros(2, 3, 6, 4, dtype=torch.uint8)
    assert write_contact_sheet(images, 12, str(tmp_path / "sheet.png")) == (2 * 4 + 3 * 2, 6 + 2 * 2)


def test_an_old_sheet_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "sheet.png").write_text("old")
    write_contact_sheet(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), 1, str(tmp_path / "sheet.png"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["sheet.png"]
    assert Image.open(tmp_path / "sheet.png").size == (8, 8)


def test_a_sheet_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(HostError, match=r"sheet\.png cannot be written") as caught:
        write_contact_sheet(
            torch.zeros(1, 1, 4, 4, dtype=torch.uint8), 1, str(tmp_path / "nowhere" / "sheet.png")
        )
    assert (caught.value.code, caught.value.kind) == ("F2C6107", "resource")


def test_a_sheet_without_images_is_refused(tmp_path):
    with pytest.raises(HostError, match="0 images"):
        write_contact_sheet(torch.zeros(0, 3, 4, 4, dtype=torch.uint8), 4, str(tmp_path / "sheet.png"))
    assert list(tmp_path.iterdir()) == []


def test_names_stand_below_their_images_which_are_enlarged_to_have_room(tmp_path):
    images = torch.full((3, 1, 40, 30), 7, dtype=torch.uint8)
    path = tmp_path / "sheet.png"
    width, height = write_contact_sheet(images, 2, str(path), ["a", "", "a very long name of an image.jpg"])
    # 30 pixels become 120, the next multiple from 96 up; a line of names has 13.
    assert (width, height) == (2 * 120 + 3 * 2, 2 * (160 + 13) + 3 * 2)
    sheet = np.asarray(Image.open(path))
    assert np.unique(sheet[2:162, 2:122]).tolist() == [7]
    lines = [
        sheet[162 + 175 * row : 175 + 175 * row, 2 + 122 * column :][:, :120]
        for row, column in ((0, 0), (0, 1), (1, 0))
    ]
    assert [bool((line < 200).any()) for line in lines] == [True, False, True]
    # A name never reaches the next image.
    assert (sheet[:, 122:124] == 255).all()


def test_names_and_images_are_as_many(tmp_path):
    with pytest.raises(HostError, match="2 images has 1 names"):
        write_contact_sheet(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), 2, str(tmp_path / "s.png"), ["a"])
