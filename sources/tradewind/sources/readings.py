"""What the sources process measures, taken when somebody asks."""

from collections.abc import AsyncIterator, Iterator

from tradewind.observe import metrics as m
from tradewind.sources.counts import resource_group
from tradewind.sources.runner import Sources
from tradewind.sources.webhook.port import Port


class Readings:
    """Of one process."""

    def __init__(self, sources: Sources, port: Port | None = None) -> None:
        self._sources = sources
        self._port = port

    async def page(self) -> bytes:
        """The metrics as they are now, in text form."""
        return await m.page(self.all())

    async def all(self) -> AsyncIterator[m.Reading]:
        """Every reading."""
        for key, counts in self._sources.counts.items():
            labels = (key.name.namespace, resource_group(key.kind), key.name.name)
            yield m.Reading(m.EMITTED, labels, counts.emitted)
            yield m.Reading(m.SOURCE_DEAD_LETTERS, labels, counts.dead_letters)
            yield m.Reading(m.SOURCE_RETRIES, labels, counts.retries)
            yield m.Reading(m.SOURCE_FAILURES, labels, counts.failures)
            if host := self._sources.hosts.get(key):
                yield m.Reading(m.SOURCE_CONNECTED, labels, float(host.standing.is_connected))
                yield m.Reading(m.SOURCE_ALARMS, labels, host.standing.alarms)
                yield m.Reading(m.SOURCE_IN_FLIGHT, labels, host.in_flight)
                yield m.Reading(m.SOURCE_HELD, labels, host.held_bytes)
        for reading in self._refused():
            yield reading
        if custody := self._sources.custody:
            yield m.Reading(m.SOURCES_PARTITIONS, (), len(custody.owned))
            yield m.Reading(m.SOURCES_REJOINED, (), custody.rejoined)
            yield m.Reading(m.SOURCES_FENCED, (), custody.member.fenced)

    def _refused(self) -> Iterator[m.Reading]:
        if self._port is None:
            return
        if self._port.guard is not None:
            yield m.Reading(m.WEBHOOK_CONNECTIONS, (), self._port.guard.open)
            yield m.Reading(m.WEBHOOK_TURNED_AWAY, (), self._port.guard.turned_away)
        self._port.keep({key.name for key in self._sources.counts})
        for (kind, name, status), number in self._port.refused.items():
            yield m.Reading(m.WEBHOOK_REFUSED, (name.namespace, resource_group(kind), name.name, str(status)), number)
        for (kind, name), number in self._port.lost.items():
            yield m.Reading(m.WEBHOOK_LOST, (name.namespace, resource_group(kind), name.name), number)
