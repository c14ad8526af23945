"""Codes of the catalogue that no other test raises: what was raised, and what its reader is told."""

from __future__ import annotations

import errno

import pytest
import torch
from driver import Driver, HostErrorReply
from programs import PROGRAM, summing_module

from f2c_host.data.contact_sheet import write_contact_sheet
from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError
from f2c_host.wire.failure import as_host_error


@pytest.mark.parametrize(("images", "columns"), [(0, 3), (2, 0)])
def test_a_contact_sheet_of_nothing_is_refused_before_a_file_is_made(tmp_path, images, columns):
    with pytest.raises(HostError, match=f"F2C6106: a contact sheet of {images} images in {columns} columns"):
        write_contact_sheet(
            torch.zeros(images, 1, 4, 4, dtype=torch.uint8), columns, str(tmp_path / "sheet.png")
        )
    assert list(tmp_path.iterdir()) == []


def test_images_that_nobody_announced_are_our_fault():
    reader = Prefetcher(threads=1, depth=1)
    try:
        with pytest.raises(HostError, match="F2C6190: internal: batch 7 was never submitted") as told:
            reader.take(7)
        assert told.value.kind == "fault"
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), "F2C6602", "out of memory during `step`"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "F2C6602", "DefaultCPUAllocator"),
        (OSError(errno.ENOSPC, "No space left on device"), "F2C6604", "the disk is full (`step`)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "F2C6604", "Disk quota exceeded"),
        (PermissionError(errno.EACCES, "Permission denied"), "F2C6605", "`step` failed"),
    ],
)
def test_what_the_machine_refuses_is_the_machines_not_ours(error, code, says):
    told = as_host_error(error, "`step`")
    assert (told.code, told.kind) == (code, "resource")
    assert says in told.message and told.hint


def test_a_storage_or_a_device_that_does_not_exist_is_named():
    with Driver() as driver:
        driver.welcome()
        load = {
            "program": PROGRAM,
            "ir": summing_module(),
            "backend": "torchscript",
            "device": "cpu",
            "threads": 1,
        }
        with pytest.raises(HostErrorReply, match="F2C6603: `tpu` is not a device"):
            driver.ask("load", load | {"device": "tpu"})
        driver.ask("load", load)
        driver.ask("init", {"program": PROGRAM, "seed": 1})
        with pytest.raises(
            HostErrorReply, match=r"F2C6315: the program has no parameter or state `net\.bias`"
        ):
            driver.ask("read", {"program": PROGRAM, "names": ["net.bias"]})
        driver.ask("shutdown", {})
