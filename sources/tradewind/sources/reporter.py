"""Writes the sources' positions and statuses into the topic `tradewind.sources`: where something changed, at most every
`cursor_interval`.
"""

import asyncio
from collections.abc import Collection, Iterable

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord
from tradewind.sources.custody import Custody
from tradewind.sources.edges import Edges, log
from tradewind.sources.host import Host
from tradewind.sources.positions import Outbox, PositionRecord, SourceKey, encode, position_key, status_key


class Reporter:
    """For the sources that this process runs."""

    def __init__(self, edges: Edges, custody: Custody) -> None:
        self._edges = edges
        self._custody = custody
        self._outbox = Outbox()
        self._told: dict[bytes, bytes] = {}
        """What was stored last: of sources that run in every process nobody reads it back here."""
        self._removed: set[SourceKey] = set()
        """Sources that left the Plan while they ran here."""

    async def claim(self, host: Host) -> None:
        """Store whose the source is from now on, and from where it goes on; only then may it begin (law 2)."""
        await self._edges.stored(self._record(host.key, position_key(host.key), _position(host)))

    async def report(self, hosts: Iterable[Host]) -> None:
        """Once, whatever has changed of these; does nothing while this process is away."""
        if not self._edges.here():
            return
        now, lies = self._edges.time.clock(), self._custody.view.lies
        async with asyncio.TaskGroup() as tasks:
            for host in hosts:
                for key, value in self._outbox.due(*self._wanted(host), now=now):
                    tasks.create_task(self._append(host.key, key, value))
            for source in self._removed:
                gone = dict.fromkeys((position_key(source), status_key(source)))
                for key, value in self._outbox.due(gone, lies, now=now):
                    tasks.create_task(self._append(source, key, value))

    def anew(self) -> None:
        """The topic is another one, and empty: all is to be written again."""
        self._outbox = Outbox()
        self._told.clear()

    def removed(self, source: SourceKey) -> None:
        """It is not in the Plan any more: its position and status are to go, and stay away."""
        self._removed.add(source)

    def added(self, source: SourceKey) -> None:
        """It is there, again."""
        self._removed.discard(source)

    def forget(self, partitions: Collection[int]) -> None:
        """These are another's."""
        self._removed = {one for one in self._removed if self._custody.partition_of(one) not in partitions}

    async def erase(self, source: SourceKey, key: bytes) -> None:
        """Write a tombstone."""
        await self._append(source, key, None)

    async def withdraw(self, host: Host) -> None:
        """A source that runs in every process does so here no longer."""
        await self._append(host.key, status_key(host.key, self._edges.slot), None)

    def _wanted(self, host: Host) -> tuple[dict[bytes, bytes | None], dict[bytes, bytes]]:
        """What ought to lie there of a source, and what does as far as is known."""
        sink = str(host.route)
        said = host.standing.record(owner=host.claim.owner, in_flight=host.in_flight, sink=sink, plan=host.in_force)
        status = encode(said)
        if host.everywhere:
            return {status_key(host.key, self._edges.slot): status}, self._told
        wanted: dict[bytes, bytes | None] = {status_key(host.key): status}
        if host.claimed:
            wanted[position_key(host.key)] = _position(host)
        return wanted, self._custody.view.lies

    async def _append(self, source: SourceKey, key: bytes, value: bytes | None) -> None:
        """One that is not stored will be written again."""
        try:
            await self._edges.log.append(self._record(source, key, value))
        except (LogUnavailable, LogRefused) as failed:
            told = log.error if isinstance(failed, LogRefused) else log.debug
            told("state of a source is not written", source=source, error=failed)
            self._outbox.failed(key)
            return
        if value is None:
            self._told.pop(key, None)
        else:
            self._told[key] = value

    def _record(self, source: SourceKey, key: bytes, value: bytes | None) -> NewRecord:
        topic = self._edges.settings.sources_topic
        return NewRecord(topic, value, (), key, self._custody.partition_of(source))


def _position(host: Host) -> bytes:
    return encode(PositionRecord(host.claim.term, host.claim.owner, host.position, host.uid))
