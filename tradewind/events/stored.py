"""The event that a record of a topic holds, in whichever mode it was written; or that it holds none."""

from tradewind.errors import InvalidEvent
from tradewind.events import kafka, usual
from tradewind.events.model import Event


def event(headers: kafka.RecordHeaders, value: bytes | None) -> Event | None:
    """The event in a record; None where it is none."""
    if (found := usual.event(headers, value)) is not None:
        return found
    try:
        return kafka.read(headers, value)
    except InvalidEvent:
        return None
