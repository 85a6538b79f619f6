"""Whatever is posted is stored as it is: any valid event by our codec, and what the `cloudevents` SDK sends.

The SDK is an independent client where it is right: it is not about data in JSON, booleans and times finer than a
microsecond, so those are not asked of it here.
"""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import NAMES, NON_EMPTY, PROPERTY, TEXTS, events
from tests.conformance.cases import ONE, Request, batch, message
from tests.conformance.posting import in_order, posted
from tests.shell.ingress_running import Running
from tradewind.events import http, json_format
from tradewind.events.model import Event

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODES = (sdk_http.to_binary, sdk_http.to_structured)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHORT_NAMES = NAMES.filter(lambda name: name[0].isalpha())
CONTENTS = st.sampled_from([("text/plain", "é €\n"), ("text/plain", ""), ("application/octet-stream", b"\0\xff")])


def request(headers: dict[str, str], body: bytes) -> Request:
    """A request of these fields."""
    return Request(tuple((name.encode(), value.encode()) for name, value in headers.items()), body)


async def stored(ingress: Running, sent: Request) -> list[Event]:
    """What is stored of an accepted request."""
    answer, found = await posted(ingress, sent.octets())
    assert answer.status == 202, answer.body
    return found


@PROPERTY
@given(event=events())
async def test_any_event_in_binary_mode(event: Event, ingress: Running) -> None:
    headers, body = http.write_binary(event)
    if ("Content-Type", ONE) not in headers and not event.data:
        event = Event(event.attributes)  # HTTP cannot tell empty data from none
    assert await stored(ingress, request(dict(headers), body)) == [event]


@PROPERTY
@given(event=events())
async def test_any_event_in_structured_mode(event: Event, ingress: Running) -> None:
    assert await stored(ingress, message(json_format.write(event))) == [event]


@PROPERTY
@given(several=st.lists(events(), max_size=3, unique_by=lambda event: event.id))
async def test_any_batch(several: list[Event], ingress: Running) -> None:
    assert await stored(ingress, batch(*map(json_format.write, several))) == in_order(several)


def by_the_sdk(event: CloudEvent) -> list[Request]:
    """What the SDK sends for an event, in each mode."""
    messages = [write(event, JSONFormat()) for write in MODES]
    return [request(sent.headers, sent.body) for sent in messages]


@PROPERTY
@given(
    texts=st.fixed_dictionaries({"id": NON_EMPTY, "source": NON_EMPTY, "type": NON_EMPTY, "subject": NON_EMPTY}),
    extensions=st.dictionaries(SHORT_NAMES, TEXTS, max_size=4),
    content=CONTENTS,
)
async def test_any_texts_by_the_sdk(
    texts: dict[str, str], extensions: dict[str, str], content: tuple[str, str | bytes], ingress: Running
) -> None:
    media_type, data = content
    attributes = {**texts, **extensions, "specversion": "1.0", "datacontenttype": media_type}
    octets = data.encode() if isinstance(data, str) else data
    expected = Event({**attributes, "time": "2026-01-31T12:00:00Z"}, octets)
    binary, structured = by_the_sdk(CloudEvent({**attributes, "time": NOON}, data))
    assert await stored(ingress, binary) == [expected if octets else Event(expected.attributes)]
    assert await stored(ingress, structured) == [expected]


async def test_json_by_the_sdk(ingress: Running) -> None:
    """Its JSON is not ours to judge: what it has written is stored, octet for octet."""
    sent = CloudEvent(
        {"id": "1", "source": "/s", "type": "t", "specversion": "1.0", "time": NOON, "datacontenttype": "text/json"},
        {"a": ["é", 1.5]},
    )
    binary, structured = by_the_sdk(sent)
    (read,) = await stored(ingress, binary)
    assert (read.data, read.attributes["datacontenttype"]) == (binary.body, "text/json")
    (read,) = await stored(ingress, structured)
    assert read.data is not None and b'"data": ' + read.data in structured.body
