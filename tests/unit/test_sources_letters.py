"""Dead letters of sources."""

import json

import pytest

from tests.builders import event
from tradewind.delivery.journey import Failure
from tradewind.delivery.marks import CUT_BYTES
from tradewind.events import kafka
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.sources import letters
from tradewind.sources.emission import Emission, NoEvent
from tradewind.sources.letters import MOST_PLACE, Origin, place_of
from tradewind.topics import size_of

ORIGIN = Origin("dead", "KafkaSource", NamespacedName("default", "orders"))
FAILURE = Failure("http://sink/", "status 503", 503, "eA==", {"color": "red"})


def marks(record: NewRecord) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


@pytest.mark.parametrize(
    ("emission", "place"),
    [
        (Emission(event(id="7")), "7"),
        (Emission(event(id=None)), ""),
        (Emission(event(id="7"), place="topic/3/9"), "topic/3/9"),
        (NoEvent("why", b"x", place="here"), "here"),
        (NoEvent("why", b"x", position={"b": 1, "a": [2]}), '{"a":[2],"b":1}'),
        (NoEvent("why", b"x", position=0), "0"),
        (NoEvent("why", b"x"), "2d711642b726b04401627ca9fbac32f5"),
    ],
)
def test_the_place_identifies_the_input(emission: Emission | NoEvent, place: str) -> None:
    assert place_of(emission) == place


def test_the_key_is_the_source_and_its_place_and_never_too_long() -> None:
    assert ORIGIN.key("3/9") == b"source:KafkaSource/default/orders/3/9"
    assert ORIGIN.key("x" * MOST_PLACE).endswith(b"/" + b"x" * MOST_PLACE)
    long = {ORIGIN.key("x" * MOST_PLACE + end) for end in ("a", "b")}
    assert len(long) == 2
    assert all(len(key) < 100 for key in long)
    assert ORIGIN.key("\ud800") == rb"source:KafkaSource/default/orders/\ud800"


def test_a_reason_never_makes_a_letter_too_large_to_be_kept() -> None:
    """It may hold what came: what a parser says of it, or a fault for each of a hundred thousand headers."""
    whole, _, stub = letters.of_no_event(ORIGIN, "a", content=b"x", headers=(), reason="\udcff" * 2_000_000)
    assert max(size_of(whole), size_of(stub)) < 100_000
    assert marks(stub)["tradewind-reason"].startswith("\\udcff\\udcff")
    assert (
        marks(letters.of_no_event(ORIGIN, "a", content=b"", headers=(), reason="why")[0])["tradewind-reason"] == "why"
    )


def test_an_event_is_kept_whole_then_without_extras_then_as_a_stub() -> None:
    found = event(data=b"x", color="blue")
    whole, plain, stub = letters.of_event(ORIGIN, "7", event=found, reason="retries spent", failure=FAILURE)
    kept = kafka.read(whole.headers, whole.value)
    assert (kept.data, kept.attributes["color"], kept.attributes["knativeerrordata"]) == (b"x", "red", "eA==")
    assert json.loads(marks(whole)["tradewind-before"])["color"] == "blue"
    smaller = kafka.read(plain.headers, plain.value)
    assert smaller.attributes["color"] == "blue"
    assert smaller.attributes["knativeerrorcode"] == "503"
    assert "knativeerrordata" not in smaller.attributes
    assert (stub.value, marks(stub)["tradewind-cut"]) == (stub.key, "true")
    for each in (whole, plain, stub):
        assert (each.topic, each.key) == ("dead", b"source:KafkaSource/default/orders/7")
        assert marks(each)["tradewind-reason"] == "retries spent"
        assert marks(each)["tradewind-source"] == "KafkaSource default/orders"


def test_an_event_that_no_sink_was_asked_about_stays_as_it_is() -> None:
    whole, _ = letters.of_event(ORIGIN, "7", event=event(), reason="too large")
    assert kafka.read(whole.headers, None).attributes == event().attributes
    assert (whole.value, marks(whole)["tradewind-no-data"]) == (b"", "true"), "a null value would be a tombstone"


def test_input_that_is_no_event_is_kept_as_it_came() -> None:
    content = b"\xff" * (CUT_BYTES + 1)
    whole, cut, stub = letters.of_no_event(ORIGIN, "p", content=content, headers=[("a", b"\xff")], reason="no \ud800")
    assert (whole.value, whole.headers[0]) == (content, ("a", b"\xff"))
    assert cut.value == content[:-1]
    assert stub.value == stub.key
    assert dict(whole.headers)["tradewind-reason"] == rb"no \ud800"


def test_what_is_given_as_an_event_and_is_none_keeps_its_attributes_whatever_they_are() -> None:
    wrong = event(data=b"x", subject="\ud800\n")
    whole = letters.of_faulty(ORIGIN, "p", event=wrong, reason="why")[0]
    assert json.loads(marks(whole)["tradewind-attributes"]) == wrong.attributes
    assert whole.value == b"x"
    assert letters.of_faulty(ORIGIN, "p", event=event(), reason="why")[0].value == b""
