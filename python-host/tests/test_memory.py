"""Memory that is kept from step to step, and whose settings count."""

from __future__ import annotations

import ctypes

import pytest

from f2c_host.process import freed_memory

TRIM, TOP_PAD, MMAP, ARENAS = -1, -2, -3, -8  # glibc's malloc.h


class Library:
    """A C library that writes down what its allocator is told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def mallopt(self, parameter: int, _: int) -> int:
        self.told.append(parameter)
        return 1


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, {TRIM, TOP_PAD, MMAP, ARENAS}),
        ({"MALLOC_TRIM_THRESHOLD_": "131072"}, {TOP_PAD, MMAP, ARENAS}),
        ({"MALLOC_TOP_PAD_": "0"}, {TRIM, MMAP, ARENAS}),
        ({"MALLOC_MMAP_THRESHOLD_": "131072"}, {TRIM, TOP_PAD, ARENAS}),
        (
            {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1:glibc.malloc.trim_threshold=1"},
            {TOP_PAD, ARENAS},
        ),
        ({"MALLOC_ARENA_MAX": "4"}, {TRIM, TOP_PAD, MMAP}),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}, {TRIM, TOP_PAD, MMAP}),
    ],
)
def test_the_users_own_settings_of_the_allocator_stay(monkeypatch, environment, told):
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(freed_memory.sys, "platform", "linux")
    names = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX")
    for name in (*names, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    freed_memory.keep_freed_memory()
    assert set(library.told) == told
