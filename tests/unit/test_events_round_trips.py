"""What is written is read back as it was, whatever the event: attributes to the character, data to the byte."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import CHARACTERS, JSON_TEXTS, PROPERTY, events
from tradewind.errors import InvalidEvent
from tradewind.events import attributes as rules
from tradewind.events import http, json_format, kafka, sdk
from tradewind.events.model import Event

ALONG = st.lists(
    st.tuples(
        st.sampled_from(["x-request-id", "knative-a", "tracestate"]),
        st.text(CHARACTERS, max_size=20).map(lambda text: text.strip(" ")),
    ),
    max_size=3,
).map(tuple)


def sent_along() -> st.SearchStrategy[Event]:
    """Any valid event with fields that travel with it."""
    return st.builds(lambda event, headers: replace(event, headers=headers), events(), ALONG)


def on_the_wire(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as a server gets them: octets, white space around values gone."""
    return [(name.lower().encode("ascii"), value.encode().strip(b" \t")) for name, value in headers]


@PROPERTY
@given(sent_along())
def test_http_binary(event: Event) -> None:
    headers, body = http.write_binary(event)
    read = http.read(on_the_wire(headers), body)
    if event.data == b"" and not http.is_event(
        [(b"content-type", read.attributes.get("datacontenttype", "").encode())]
    ):
        event = replace(event, data=None)  # HTTP cannot tell empty data from none
    assert read == event


@PROPERTY
@given(sent_along())
def test_http_structured(event: Event) -> None:
    headers, body = http.write_structured(event)
    assert http.read(on_the_wire(headers), body) == event
    json.loads(body)


@PROPERTY
@given(st.lists(events(), max_size=3))
def test_batches(batch: list[Event]) -> None:
    body = b"[" + b",".join(map(json_format.write, batch)) + b"]"
    assert json_format.read_batch(body) == tuple(batch)


@PROPERTY
@given(sent_along())
def test_kafka(event: Event) -> None:
    assert kafka.read(*kafka.write(event)) == event


@PROPERTY
@given(events())
def test_the_sdk_changes_nothing_but_the_time(event: Event) -> None:
    read = sdk.from_sdk(sdk.to_sdk(event))
    assert read.with_attributes(time=None) == event.with_attributes(time=None)
    assert ("time" in read.attributes) is ("time" in event.attributes)


@PROPERTY
@given(
    st.lists(st.tuples(st.binary(max_size=20).map(lambda name: b"ce-" + name) | st.binary(), st.binary())), st.binary()
)
def test_any_http_message_is_an_event_or_has_faults(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    try:
        read = http.read(headers, body)
    except InvalidEvent as error:
        assert error.faults
    else:
        rules.check(read.attributes)


@PROPERTY
@given(
    st.binary()
    | JSON_TEXTS
    | st.dictionaries(st.sampled_from(["id", "data", "data_base64", "time", "e"]), JSON_TEXTS).map(
        lambda members: b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members.items()) + b"}"
    )
)
def test_any_json_text_is_an_event_or_has_faults(body: bytes) -> None:
    try:
        read = json_format.read(body)
    except InvalidEvent as error:
        assert error.faults
    else:
        rules.check(read.attributes)
