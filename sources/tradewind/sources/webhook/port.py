"""The one HTTP port of the sources process: which sources are at it, what waits, what was refused.

    run.py  ──open, close──► Port ◄──find, answer── app.py
                              │ the first one opens the port; `serve` serves it

Each sources process serves it for each WebhookSource, and needs no lease: who sends reaches one of them, and it is the
sender that repeats what was not answered.
"""

import asyncio
import itertools
import socket
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field

from tradewind import listening
from tradewind.config import Settings
from tradewind.errors import StartFailed
from tradewind.plan import SourcePlan
from tradewind.resources.model import NamespacedName
from tradewind.resources.webhooks import Webhook
from tradewind.sources.times import Time
from tradewind.sources.webhook.connection import Guard
from tradewind.sources.webhook.desk import Desk

BACKLOG = 2048
"""Connections that may wait to be accepted."""

AWAY = 60.0
"""Seconds in which a source that is not there is taken for one that is being started again, and not for none: some
senders forget a URL that says 404.  Longer than the wait between two starts of one that fails (`edges.SLOWEST`)."""

MAX_CERTIFICATES = 64
"""Certificates that are remembered.  Amazon has one at a time for each region."""

CERTIFICATE_FAILED = 30.0
"""Seconds in which a certificate that could not be had is not asked for again."""

Get = Callable[[str], Awaitable[bytes | str]]
"""GETs a URL of Amazon's: the body of a 200, or why there is none.  Bounded in size and time; follows nothing."""


async def nowhere(url: str) -> bytes | str:
    """A Get that reaches nothing."""
    return f"nothing asks {url} here"


@dataclass(frozen=True, slots=True)
class Served:
    """A source at the port."""

    plan: SourcePlan
    webhook: Webhook
    secrets: tuple[bytes, ...]
    desk: Desk
    uri: str
    """The source's own: `source` of events that have no other."""


@dataclass
class Port:
    """Of one process."""

    settings: Settings
    get: Get = nowhere
    time: Time = field(default_factory=Time)
    declared: frozenset[NamespacedName] = frozenset()
    """Sources that are to be at the port, whether or not they are: one waits for its Secret, or for what it gave before
    it was changed to be stored."""
    served: dict[NamespacedName, Served] = field(default_factory=dict)
    refused: Counter[tuple[str, NamespacedName, int]] = field(default_factory=Counter)
    """Requests that were refused, by kind and name of their source, and status."""
    lost: Counter[tuple[str, NamespacedName]] = field(default_factory=Counter)
    """Of these: of senders that never try again."""
    reading: int = 0
    """Bytes of bodies that are being read."""
    stopping: bool = False
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once there is a source: the port is open."""
    listener: socket.socket | None = None
    guard: Guard | None = None
    """Of its connections, while it is served."""
    certificates: dict[str, bytes] = field(default_factory=dict)
    _desks: dict[NamespacedName, Desk] = field(default_factory=dict)
    _away: dict[NamespacedName, float] = field(default_factory=dict)
    """Since when a source is away that was there, or is being started."""
    _unhad: dict[str, float] = field(default_factory=dict)
    """Until when a certificate that could not be had is not asked for."""
    _unique: str = field(default_factory=lambda: uuid.uuid4().hex)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def expect(self, name: NamespacedName) -> None:
        """A source is being started, which may fail: until it is there its senders are told to come again."""
        if name not in self.served:
            self._away[name] = self.time.elapsed()

    def open(self, plan: SourcePlan, webhook: Webhook, secrets: tuple[bytes, ...], uri: str) -> Served:
        """Take requests for a source.  Raises StartFailed where the port cannot be listened on."""
        name = plan.source.metadata.name
        if (there := self.served.get(name)) is not None and type(there.plan.source) is not type(plan.source):
            other = type(there.plan.source).__name__
            raise StartFailed(f"the path of {name} belongs to the {other} of this name", "Give one another name.")
        if self.listener is None:
            self.listener = listening.bind(
                self.settings.host, self.settings.sources_port, backlog=BACKLOG, flag="--sources-port"
            )
            self.wanted.set()
        desk = self._desks.setdefault(name, Desk(self.settings.source_in_flight, self.settings.source_bytes))
        self.served[name] = served = Served(plan, webhook, secrets, desk, uri)
        self._away.pop(name, None)
        return served

    def close(self, served: Served) -> None:
        """Take none any more; what waits goes on when it is opened again."""
        name = served.plan.source.metadata.name
        if self.served.get(name) is served:
            del self.served[name]
            self._away[name] = self.time.elapsed()
            if self.stopping:
                served.desk.dismiss()

    def is_away(self, name: NamespacedName) -> bool:
        """Whether a source that is not at the port is to be there, or was a moment ago."""
        if name in self.declared:
            return True
        now = self.time.elapsed()
        for other in [one for one, since in self._away.items() if now - since > AWAY and one not in self.declared]:
            del self._away[other]
            if (desk := self._desks.pop(other, None)) is not None:
                desk.dismiss()
        return name in self._away

    def refuse(self, served: Served, status: int) -> None:
        """Count a request that was refused."""
        key = type(served.plan.source).__name__, served.plan.source.metadata.name
        self.refused[*key, status] += 1
        if not served.webhook.sender.retries:
            self.lost[key] += 1

    def keep(self, names: Collection[NamespacedName]) -> None:
        """Forget the numbers of sources that are gone."""
        self.refused = Counter({key: number for key, number in self.refused.items() if key[1] in names})
        self.lost = Counter({key: number for key, number in self.lost.items() if key[1] in names})

    def identity(self) -> str:
        """An `id` that nothing else has: random, and a number."""
        return f"{self._unique}-{next(self._numbers)}"

    async def certificate(self, url: str) -> str:
        """Have it in `certificates`; or why that cannot be.  One is asked for at a time, however many are named."""
        async with self._asking:
            if url in self.certificates:
                return ""
            now = self.time.elapsed()
            self._unhad = {one: until for one, until in self._unhad.items() if until > now}
            if url in self._unhad or len(self._unhad) >= MAX_CERTIFICATES:
                return "it could not be had a moment ago"
            got = await self.get(url)
            if isinstance(got, str):
                self._unhad[url] = now + CERTIFICATE_FAILED
                return got
            if len(self.certificates) >= MAX_CERTIFICATES:
                self.certificates.clear()
            self.certificates[url] = got
            return ""

    def stop(self) -> None:
        """The process ends: what nobody has taken will not be stored."""
        self.stopping = True
        for desk in self._desks.values():
            desk.dismiss()
