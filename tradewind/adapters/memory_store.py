"""A ResourceStore in memory, for tests; it passes the same suite as the file store."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from tradewind.errors import Fault
from tradewind.ports import Snapshot
from tradewind.resources.model import Resource


class MemoryStore:
    """Whoever watches gets the newest state; states between may be passed over."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._newest = Snapshot(tuple(resources))
        self._changed = asyncio.Event()

    def put(self, resources: Iterable[Resource]) -> None:
        """These are declared from now on, and nothing else."""
        self._set(Snapshot(tuple(resources)))

    def refuse(self, faults: Sequence[Fault]) -> None:
        """The newest state has these faults; what was accepted last stays in force."""
        self._set(Snapshot(self._newest.resources, tuple(faults)))

    def _set(self, snapshot: Snapshot) -> None:
        self._newest = snapshot
        self._changed.set()
        self._changed = asyncio.Event()

    async def watch(self) -> AsyncIterator[Snapshot]:
        """The state as it is, then after each change that makes a difference."""
        last = None
        while True:
            changed = self._changed
            if self._newest != last:
                last = self._newest
                yield last
            else:
                await changed.wait()
