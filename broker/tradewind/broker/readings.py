"""What an ingress's metrics are now.  It looks, and decides nothing."""

from collections.abc import AsyncIterator

from tradewind.broker.ingress import Ingress
from tradewind.observe import metrics as m
from tradewind.observe.metrics import Reading, response_code_class


async def page(ingress: Ingress) -> bytes:
    """All of them, in text form."""
    return await m.page(_all(ingress))


async def _all(ingress: Ingress) -> AsyncIterator[Reading]:
    counts, room = ingress.counts, ingress.room
    for broker in ingress.brokers.values():
        labels = broker.name.namespace, broker.name.name
        if taken := counts.taken.get(broker.topic.name):
            yield Reading(m.INGRESS_EVENTS, labels, taken.events)
            yield Reading(m.INGRESS_BYTES, labels, taken.bytes)
            yield Reading(m.INGRESS_STORING, labels, taken.storing)
    for status, count in counts.refused.items():
        yield Reading(m.INGRESS_REFUSED, (str(status), response_code_class(status)), count)
    yield Reading(m.INGRESS_HELD, (), room.held)
    yield Reading(m.INGRESS_ROOM, (), room.bound)
    yield Reading(m.INGRESS_WAITING, (), len(ingress.waiting))
