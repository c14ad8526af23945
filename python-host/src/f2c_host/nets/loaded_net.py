"""A net in a session, and the loader that reads its images."""

from __future__ import annotations

from ..data.prefetch import Prefetcher
from ..errors import HostError
from ..run.embedding import MakesRows
from .net import FORWARD, Net


class LoadedNet:
    """Of a net that `embed` is asked of what `LoadedProgram` is of a program."""

    def __init__(self, net: Net, prefetcher: Prefetcher):
        self.net = net
        self.prefetcher = prefetcher

    def rows_of(self, function: str) -> MakesRows:
        """What the net makes of images. Raises F2C6313 for another function than its one."""
        if function != FORWARD:
            raise HostError("F2C6313", f"the net has no function `{function}`; it has {FORWARD}", "user")
        return self.net.forward

    def forget(self) -> None:
        """Drops the images that were read and will not be embedded."""
        self.prefetcher.forget_all()

    def close(self) -> None:
        """Ends the loader's threads."""
        self.prefetcher.close()
