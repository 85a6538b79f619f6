"""What a sink takes of a source's events: what the ingress takes, and stores as the ingress does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.any_event import PROPERTY, events
from tests.builders import broker_plan, event
from tradewind.broker import admission as ingress
from tradewind.broker.limits import Limits as IngressLimits
from tradewind.config import KIB, Settings
from tradewind.errors import Rejected
from tradewind.events.http import write_binary
from tradewind.events.model import HOPS, Event
from tradewind.ports import NewRecord
from tradewind.sources.admission import Limits, faulty, overridden, record, refusal

BROKER = broker_plan()


def ours(found: Event, limits: Limits) -> NewRecord | str:
    return faulty(found, limits) or record(found, BROKER.topic.name, limits)


def theirs(found: Event, limits: IngressLimits) -> NewRecord | None:
    headers, body = write_binary(found)
    raw = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
    try:
        (made,) = ingress.records(BROKER, raw, ingress.events(raw, body, limits), limits)
    except Rejected:
        return None
    return made


HOP_COUNTS = st.sampled_from([None, "255", "1", "0", "-1", "many", "12345678901"])


@PROPERTY
@given(events(), HOP_COUNTS, st.booleans(), st.sampled_from([0, 65 * KIB]))
def test_what_is_taken_and_what_is_stored_are_the_ingress_own(
    found: Event, hops: str | None, strict: bool, more: int
) -> None:
    settings = Settings(max_event_bytes=64 * KIB, strict_uris=strict)
    data = (found.data or b"") + b"x" * more if more else found.data
    found = Event(found.with_attributes(**{HOPS: hops}).attributes, data)
    expected, made = theirs(found, IngressLimits.of(settings)), ours(found, Limits.of(settings))
    if isinstance(made, str):
        assert expected is None
        assert made
    else:
        assert expected is not None
        assert (sorted(made.headers), made.key) == (sorted(expected.headers), expected.key)
        assert (made.value or None) == expected.value, "binary mode cannot tell empty data from none"


def test_its_partition_key_is_the_records() -> None:
    made = ours(event(partitionkey="k"), Limits.of(Settings()))
    assert isinstance(made, NewRecord)
    assert made.key == b"k"


def test_a_record_may_be_too_large_where_the_event_is_not() -> None:
    limits = Limits.of(Settings(max_event_bytes=1000 * KIB))
    binary = event(data=b"\xff" * 900 * KIB, datacontenttype="application/cloudevents+json")
    made = ours(binary, limits)
    assert isinstance(made, str)
    assert "in the form that Kafka keeps" in made


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, {"color": "red"}),
        ({"color": "blue"}, {"color": "blue"}),
        ({"other": "x"}, {"color": "red", "other": "x"}),
        ({"id": "mine", "subject": "mine", "color": "blue"}, {"color": "blue"}),
    ],
)
def test_overrides_are_extensions_and_never_core_attributes(
    overrides: dict[str, str], expected: dict[str, str]
) -> None:
    assert overridden(event(color="red"), overrides).attributes == {**event().attributes, **expected}


def test_what_nobody_in_particular_sends_is_refused_as_a_whole() -> None:
    limits = Limits.of(Settings(max_event_bytes=KIB))
    good, spent, large = event(), event(knativebrokerttl="0"), event(data=b"x" * KIB)
    assert refusal([good, good], limits) is None
    assert [(refusal([good, one], limits) or (0,))[0] for one in (spent, large)] == [400, 413]
