"""Dead letters: as they are written they are read again, and leave only after they are on their way or discarded."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from tests.builders import event
from tests.shell.dispatching import BROKER, DEAD, TOPIC, plan, trigger
from tradewind.delivery import marks
from tradewind.delivery.journey import Failure
from tradewind.delivery.verdicts import Answer
from tradewind.events import kafka
from tradewind.events.model import HOPS, Event
from tradewind.plan import SourcePlan, Target
from tradewind.ports import NewRecord, Record
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources import letters as source_letters
from tradewind.sources.letters import Origin
from tradewind.trigger_dispatcher import letterbox, letters
from tradewind.trigger_dispatcher.addressed import TO, addressed, addressee
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.letterbox import GoneRecord, Kind, Letter, Letterbox, Redrive, Url, What, way

A = trigger("a")
HERE = PartitionId("id", 2)
KEY = b"default/a/id/2/7"
FAILURE = Failure("http://a", "status 500", 500, "eA==", {"why": "x", "mine": "theirs", "self": "them"})
EVENT = event(data=b"data", mine="my own", partitionkey="k", **{HOPS: "9"})


def stored(new: NewRecord, at: int = 0) -> Record:
    return Record(new.topic, new.partition or 0, at, 0.0, new.key, new.value, new.headers)


def of_event(sent: Event = EVENT, failure: Failure = FAILURE) -> Sequence[NewRecord]:
    return letters.of_event(DEAD, A.name, HERE, 7, sent, failure, "retries spent: status 500")


def letter(new: NewRecord, at: int = 0) -> Letter:
    found = letterbox.read(stored(new, at))
    assert found is not None
    return found


def terms(served: bool = True, broker: str = "default") -> Redrive:
    here = plan(replace(A, broker=NamespacedName("default", broker)))
    return Redrive(here, here.brokers[BROKER], lambda name: served)


@pytest.mark.parametrize(
    ("sent", "form"),
    [
        (EVENT, 0),
        (EVENT, 1),
        (event(), 0),
        (event(data=b""), 0),
        (event(data=b"{}", datacontenttype="application/cloudevents+json"), 0),
        (event(knativeerrordest="http://earlier", knativeerrorcode="404"), 0),
        (replace(event(data=b"x"), headers=(("x-request-id", "7"),)), 0),
    ],
)
def test_an_event_is_redriven_as_it_was_to_its_trigger_alone(sent: Event, form: int) -> None:
    found = letter(of_event(sent)[form], at=5)
    assert (found.place, found.key, found.cut) == ("0/5", "default/a/id/2/7", False)
    assert found.name == letterbox.Name(Kind.EVENT, A.name, HERE, 7)
    assert found.reason == "retries spent: status 500"
    assert found.failure["knativeerrordest"] == "http://a"
    assert found.failure.get("mine", "theirs") == "theirs"
    assert HOPS not in found.failure
    back = way(found, terms())
    assert isinstance(back, NewRecord)
    assert (back.topic, back.key) == (TOPIC, kafka.key(sent))
    assert kafka.read(back.headers, back.value) == sent
    assert addressee(back.headers) == A.name


def test_a_letter_of_an_earlier_version_loses_what_the_failure_added() -> None:
    new = of_event(event(data=b"x"), Failure("http://a", "status 500", 500))[0]
    old = new._replace(headers=[header for header in new.headers if header[0] != marks.BEFORE])
    back = letter(old).event
    assert back is not None
    assert back.with_attributes(**{HOPS: None}) == event(data=b"x")


REPLY = letters.of_reply(DEAD, A.name, HERE, 7, EVENT, "reply cannot be stored: too large")


def test_a_reply_re_enters_its_broker() -> None:
    found = letter(REPLY[0])
    assert (found.name.kind, found.name.trigger) == (Kind.REPLY, A.name)
    back = way(found, terms(served=False))
    assert isinstance(back, NewRecord)
    assert kafka.read(back.headers, back.value) == EVENT
    assert addressee(back.headers) is None


ORIGIN = Origin(DEAD, "KafkaSource", NamespacedName("default", "orders"))


def test_an_event_of_a_source_re_enters_its_broker_whatever_its_place_looks_like() -> None:
    found = letter(source_letters.of_event(ORIGIN, "3/9", event=EVENT, reason="too large", failure=FAILURE)[0])
    assert (found.name.kind, found.name.trigger, found.source) == (Kind.SOURCE, None, "KafkaSource default/orders")
    assert not found.of_record
    assert letter(REPLY[0]).of_record
    back = way(found, terms(served=False))
    assert isinstance(back, NewRecord)
    assert kafka.read(back.headers, back.value) == EVENT
    assert addressee(back.headers) is None


def test_an_event_of_a_source_goes_to_the_sink_that_its_source_has_now() -> None:
    name = NamespacedName("default", "orders")
    found = letter(source_letters.of_event(ORIGIN, "3/9", event=EVENT, reason="too large", failure=FAILURE)[0])
    assert (found.source_namespace, letter(of_event()[0]).source_namespace) == ("default", "")
    here = plan(A)

    def sent(target: Target, broker: NamespacedName | None = None) -> NewRecord | Url | str:
        ping = SourcePlan(PingSource(Metadata(name), Destination(), "* * * * *"), broker, target)
        return letterbox.to_sink(found, replace(here, sources={("KafkaSource", name): ping}))

    assert sent(Target("http://sink")) == Url("http://sink")
    assert sent(Target(None, "no Service s")) == "KafkaSource default/orders: found no sink: no Service s"
    back = sent(Target("http://broker"), BROKER)
    assert isinstance(back, NewRecord)
    assert (back.topic, kafka.read(back.headers, back.value)) == (TOPIC, EVENT)
    assert str(sent(Target("http://b"), NamespacedName("x", "y"))).startswith(
        "KafkaSource default/orders: found no Bro"
    )
    assert str(letterbox.to_sink(found, here)).startswith("KafkaSource default/orders: found none, expected it in the")
    assert str(letterbox.to_sink(letter(NO_EVENT[0]), here)).startswith("found what a source could make no event of")


NO_EVENT = source_letters.of_no_event(ORIGIN, "3/9", content=b"{", headers=[], reason="no JSON")
RECORD = Record(TOPIC, 2, 7, 0.0, None, b"no event", [("x", b"y")])


@pytest.mark.parametrize(
    ("new", "given", "why"),
    [
        (letters.of_record(DEAD, HERE, RECORD, "not a CloudEvent")[0], terms(), "found a record that is no event"),
        (NO_EVENT[0], terms(), "found what a source could make no event of"),
        (NO_EVENT[1], terms(), "found only the place of the event"),
        (of_event()[2], terms(), "found only the place of the event"),
        (REPLY[1], terms(), "found only the place of the event"),
        (letters.of_lost(DEAD, A.name, HERE, 7, "retention: gone"), terms(), "found only the place of the event"),
        (letters.of_answer(DEAD, A.name, HERE, 7, Answer(200, {}, b"x"), "coded")[0], terms(), "found only the place"),
        (letters.of_reply(DEAD, A.name, HERE, 7, EVENT, letters.HOP_LIMIT)[0], terms(), "found a reply whose hops"),
        (of_event()[0], terms(served=False), "Trigger default/a: found no place of it on knative-broker"),
        (of_event()[0], terms(broker="b"), "Trigger default/a: found on Broker default/b, expected one"),
        (of_event()[0]._replace(key=b"default/z/id/2/7"), terms(), "Trigger default/z: found none, expected one on"),
        (of_event()[0]._replace(headers=[(marks.BEFORE, b"{"), ("ce_id", b"1")]), terms(), "found only the place"),
    ],
)  # fmt: skip
def test_what_cannot_be_redriven_says_why(new: NewRecord, given: Redrive, why: str) -> None:
    said = way(letter(new), given)
    assert isinstance(said, str)
    assert said.startswith(why)
    assert "expected" in said


def test_a_mark_that_cannot_be_read_gives_no_event() -> None:
    new = of_event()[0]
    headers = [(name, b"[]" if name == marks.BEFORE else value) for name, value in new.headers]
    assert letter(new._replace(headers=headers)).event is None


@pytest.mark.parametrize(
    "key", [None, b"", b"a/b/c", b"gone:default/a/id/2/7", b"default/a/id/x/7", b"record/id/2/x", b"reply/a/b/id/2/-1"]
)
def test_what_is_no_dead_letter_is_none(key: bytes | None) -> None:
    assert letterbox.read(Record(DEAD, 0, 0, 0.0, key, b"", ())) is None


def test_a_tombstone_is_no_letter() -> None:
    assert letterbox.read(stored(letterbox.tombstone(DEAD, KEY, 0))) is None


def box(*records: NewRecord) -> Letterbox:
    made = Letterbox()
    for at, record in enumerate(records):
        made.apply(stored(record, at))
    return made


def test_a_letter_leaves_by_its_gone_record_and_only_then_by_its_tombstone() -> None:
    new = of_event()[0]
    gone = letterbox.gone(letter(new), GoneRecord(What.DISCARDED, "me", 1.0, "old"))
    assert (gone.partition, gone.key) == (0, b"gone:" + KEY)
    last = letterbox.end(letter(new))
    assert last == letterbox.tombstone(DEAD, KEY, 0)
    there, leaving, left, back = box(new), box(new, gone), box(new, gone, last), box(new, gone, last, new)
    assert there.there() == back.there() == [KEY]
    assert leaving.there() == left.there() == left.unfinished() == there.unfinished() == back.unfinished() == []
    assert (leaving.unfinished(), leaving.partition(KEY)) == ([KEY], 0)
    assert leaving.gone() == left.gone() == {KEY: What.DISCARDED}
    assert there.gone() == back.gone() == {}
    assert [there.holds(stored(new, at)) for at in (0, 1)] == [True, False]
    assert not leaving.holds(stored(new, 0))
    assert back.holds(stored(new, 3))


def test_a_gone_record_that_cannot_be_read_takes_no_letter_away() -> None:
    new = of_event()[0]
    gone = letterbox.gone(letter(new), GoneRecord(What.DISCARDED, "me", 1.0))
    assert msgspec.json.decode(gone.value or b"") == {"what": "discarded", "who": "me", "when": 1.0}
    assert box(new, gone._replace(value=b'{"what":"sold"}'), gone._replace(value=None)).there() == [KEY]
    assert box(NewRecord(DEAD, b"", (), b"what is this"), NewRecord(DEAD, b"", (), None)).there() == []


@pytest.mark.parametrize(
    ("names", "of", "expected"),
    [
        ((), None, True),
        ((), A.name, True),
        ((), NamespacedName("default", "b"), False),
        (("0/5",), None, True),
        ((KEY.decode(),), A.name, True),
        (("0/6",), None, False),
        (("0/5",), NamespacedName("default", "b"), False),
    ],
)
def test_which_letters_are_meant(names: tuple[str, ...], of: NamespacedName | None, expected: bool) -> None:
    assert letterbox.selected(letter(of_event()[0], at=5), names, of) is expected


def test_the_mark_of_an_addressed_record_is_its_last_header() -> None:
    assert addressee(()) is None
    assert addressee(addressed([("a", b"b")], A.name)) == A.name
    assert addressee([(TO, b"default/a"), ("a", b"b")]) is None
    assert addressee([(TO, b"\xff")]) == NamespacedName("\ufffd", "")
