"""A folder in which the pictures of all people lie together, and whose names say whose they are."""

from __future__ import annotations

import os
import re
from typing import Any

from .image_endings import ENDING
from .index_builder import IndexBuilder
from .refusals import unsuitable

_ROWS = 1 << 16


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths`, the folder alone; `pattern`, a regular expression whose group `identity` is whose image it is; `part`, what
    of a file it is matched with, "stem" or "name"; `written`, how it is shown."""
    root = spec["paths"][0]
    pattern = _compiled(spec, root)
    into.facts["paths"] = "whole"
    into.reads(root)
    names = _images_in(root, into)
    unfit: list[str] = []
    for start in range(0, len(names), _ROWS):
        fitting = []
        for name in names[start : start + _ROWS]:
            text = name.decode("utf-8", "surrogateescape")
            found = pattern.search(ENDING.sub("", text) if spec["part"] == "stem" else text)
            if found and (identity := found["identity"]):
                fitting.append((identity.encode("utf-8", "surrogateescape"), name))
            else:
                unfit.append(text)
        into.add([identity for identity, _ in fitting], [name for _, name in fitting])
    if unfit and len(unfit) == len(names):
        raise unsuitable(
            root,
            f"no name of an image in it fits {spec['written']}; the first is {_shown(unfit[0])}",
            "give `identity` as the names are: `{identity}_*`, or a regular expression with a group",
        )
    if unfit:
        do = "image whose name does" if len(unfit) == 1 else "images whose names do"
        into.notes.append(f"{len(unfit):,} {do} not fit {spec['written']} (such as {_shown(unfit[0])})")


def _compiled(spec: dict[str, Any], root: str) -> re.Pattern[str]:
    """JavaScript's expression as Python writes it: there, groups with names lack a P."""
    source = re.sub(r"\(\?<(?![=!])", "(?P<", spec["pattern"])
    try:
        return re.compile(source, re.ASCII | (re.IGNORECASE if spec.get("ignoreCase") else 0))
    except re.error as error:
        raise unsuitable(
            root,
            f"the regular expression {spec['written']} is none for Python, which reads the names: {error}",
            "write it without what JavaScript alone has",
        ) from error


def _images_in(root: str, into: IndexBuilder) -> list[bytes]:
    """Names of images in the order of their bytes, which is the same on every disk."""
    images: list[bytes] = []
    hidden = folders = others = 0
    with os.scandir(os.fsencode(root)) as entries:
        for entry in entries:
            if entry.name.startswith(b"."):
                hidden += 1
            elif entry.is_dir():
                folders += 1
            elif ENDING.search(entry.name.decode("latin-1")) and entry.is_file():
                images.append(entry.name)
            else:
                others += 1
    if folders and not images:
        raise unsuitable(
            root,
            "it holds folders and no images",
            "imageFolder({ root }) reads folders, one an identity",
        )
    for count, one, many in (
        (hidden, "hidden file", "hidden files"),
        (folders, "folder", "folders"),
        (others, "file of another kind", "files of other kinds"),
    ):
        if count:
            into.notes.append(f"{count:,} {one if count == 1 else many}")
    images.sort()
    return images


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode(errors="backslashreplace")
