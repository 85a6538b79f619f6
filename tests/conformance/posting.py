"""Posts octets to an ingress, and tells what its log holds after them and did not before."""

from collections.abc import Iterable

from tests.shell.ingress_running import HELLO, Answer, Running
from tradewind.events import kafka
from tradewind.events.model import Event


async def posted(ingress: Running, octets: bytes) -> tuple[Answer, list[Event]]:
    """The answer, and the events that are stored by it.  Each record's key is what the binding asks for."""
    ingress.log.store.recreate_topic(HELLO.topic.name)
    answer = await ingress.raw(octets)
    events = []
    for record in ingress.stored():
        events.append(event := kafka.read(record.headers, record.value))
        assert record.key == (event.attributes.get("partitionkey", "").encode() or None)
    return answer, in_order(events)


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events by id: those of a batch are spread over partitions, which have no order among them."""
    return sorted(events, key=lambda event: event.id)
