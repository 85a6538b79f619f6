"""The event in a record, written by whomever."""

import pytest

from tradewind.events import kafka, stored
from tradewind.events.json_format import MEDIA_TYPE
from tradewind.events.model import Event

USUAL = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}, b"{}")
UNUSUAL = Event({**USUAL.attributes, "id": "ü"}, None)
OF_AN_EVENT = Event({**USUAL.attributes, "datacontenttype": MEDIA_TYPE}, b"{}")


@pytest.mark.parametrize("event", [USUAL, UNUSUAL, OF_AN_EVENT])
def test_what_was_written_is_found(event: Event) -> None:
    found = stored.event(*kafka.write(event))
    assert found is not None
    assert (found.attributes, found.data) == (event.attributes, event.data)


def test_not_every_record_holds_an_event() -> None:
    assert stored.event((), b"no event") is None
    assert stored.event((("content-type", MEDIA_TYPE.encode()),), b"[") is None
