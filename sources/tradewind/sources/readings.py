"""What the sources process measures, taken when somebody asks."""

from collections.abc import AsyncIterator

from tradewind.observe import metrics as m
from tradewind.sources.counts import resource_group
from tradewind.sources.runner import Sources


class Readings:
    """Of one process."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

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
                yield m.Reading(m.SOURCE_IN_FLIGHT, labels, host.in_flight)
                yield m.Reading(m.SOURCE_HELD, labels, host.held_bytes)
        if custody := self._sources.custody:
            yield m.Reading(m.SOURCES_PARTITIONS, (), len(custody.owned))
            yield m.Reading(m.SOURCES_REJOINED, (), custody.rejoined)
            yield m.Reading(m.SOURCES_FENCED, (), custody.member.fenced)
