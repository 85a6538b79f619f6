"""What is written is read back as it was, whatever the event: attributes to the character, data to the byte."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind.errors import InvalidEvent
from tradewind.events import attributes as rules
from tradewind.events import http, json_format, kafka, sdk
from tradewind.events.model import Event

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""Without deadlines: what counts here is the outcome, on a busy machine, too."""

CHARACTERS = st.characters(exclude_categories=["Cs"]).filter(rules.is_text)
TEXTS = st.text(CHARACTERS)
NON_EMPTY = st.text(CHARACTERS, min_size=1)
NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in rules.CORE and name != "data")
TYPES = st.sampled_from(
    [
        "application/json",
        "Text/JSON; a=b",
        "a/b+json",
        "text/plain",
        "text/plain; charset=latin-1",
        "application/xml",
        "image/png",
        'a/b; c="d %41"',
        "application/cloudevents+json",
        "application/cloudevents",
        "application/cloudevents-batch+json",
    ]
)
JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda value: json.dumps(value).encode())
DATA = st.none() | st.binary() | JSON_TEXTS | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
TIMES = st.sampled_from(["2026-01-31T12:00:00.123456789Z", "2016-12-31t23:59:60z", "2026-01-31T12:00:00-00:00"])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any valid event."""
    attributes = {"specversion": "1.0", "id": draw(NON_EMPTY), "source": draw(NON_EMPTY), "type": draw(NON_EMPTY)}
    optional = {"subject": NON_EMPTY, "dataschema": NON_EMPTY, "time": TIMES, "datacontenttype": TYPES}
    attributes |= {name: draw(values) for name, values in optional.items() if draw(st.booleans())}
    return Event(attributes | draw(st.dictionaries(NAMES, TEXTS, max_size=4)), draw(DATA))


def on_the_wire(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as a server gets them: octets, white space around values gone."""
    return [(name.lower().encode("ascii"), value.encode("ascii").strip(b" \t")) for name, value in headers]


@PROPERTY
@given(events())
def test_http_binary(event: Event) -> None:
    headers, body = http.write_binary(event)
    read = http.read(on_the_wire(headers), body)
    if event.data == b"" and not http.is_event(
        [(b"content-type", read.attributes.get("datacontenttype", "").encode())]
    ):
        event = Event(event.attributes)  # HTTP cannot tell empty data from none
    assert read == event


@PROPERTY
@given(events())
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
@given(events())
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
