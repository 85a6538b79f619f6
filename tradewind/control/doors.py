"""What a reconciler is given: the doors to API server and Kafka, the objects as they are, and whether it may act.

Reconciler      brings the objects of one resource to where they should be; the controller runs several
Doors           its ways out
  Leadership    one controller works at a time
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tradewind.api_server import ApiServer, Change, GroupVersionResource, Object
from tradewind.config import Settings
from tradewind.control.counts import Counts
from tradewind.ports import EventLog
from tradewind.resources.model import NamespacedName

Objects = Callable[[GroupVersionResource], Mapping[NamespacedName, Object]]
"""The objects of a watched resource as they were seen last; not to be changed."""
Enqueue = Callable[[NamespacedName], None]
"""Have this object reconciled soon."""


class Leadership(Protocol):
    """What work may ask while it runs (`leading.Leadership`)."""

    def sure(self, seconds: float) -> bool:
        """Whether this process leads, and does so for that long: asked just before what cannot be undone."""


Lead = Callable[[Callable[[Leadership], Awaitable[None]], asyncio.Event], Awaitable[None]]
"""Runs work while this process leads, until the event is set (`leading.lead`, given API server, Lease and clock)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Ways out of a reconciler."""

    api: ApiServer
    """Counts what is written (`counting.Counted`)."""
    log: EventLog
    """The installation's Kafka."""
    objects: Objects
    """Only of resources that some reconciler watches."""
    sure: Callable[[float], bool]
    """Whether this process leads for so many seconds more, beyond doubt."""
    settings: Settings
    clock: Callable[[], float]
    """Seconds since the epoch."""
    counts: Counts


class Reconciler(Protocol):
    """Brings the objects of one resource to where they should be.

    One call at a time for one object; calls for different objects run side by side.
    """

    @property
    def resource(self) -> GroupVersionResource:
        """Whose objects it reconciles."""

    @property
    def watches(self) -> Collection[GroupVersionResource]:
        """What it hears of: its own resource and others.  All are read whole before anything is reconciled."""

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """Which of its objects this change of a watched resource concerns.  Called while not leading, too."""

    async def reconcile(self, name: NamespacedName) -> float | None:
        """Bring this object to where it should be; seconds after which to look again, None for never.

        It may be gone.  Whatever is raised is logged and counted, and the object is tried again after a while.
        """

    async def run(self, enqueue: Enqueue) -> None:
        """What goes on beside it while this process leads (following a topic); ends at once where there is nothing."""
