"""What a Broker's status says, by what was found."""

from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control import broker_status
from tradewind.control.broker_config import CONFIG_PARSED, BrokerConfig
from tradewind.control.broker_status import (
    NO_SINK,
    Away,
    NotThere,
    Others,
    Refused,
    Sink,
    There,
    Told,
    Topic,
    external,
    invalid,
    mark,
    marked_secret,
)
from tradewind.control.claims import Owner
from tradewind.control.conditions import Condition, Status, false, ready, true, unknown
from tradewind.errors import Fault
from tradewind.ports import TopicInfo
from tradewind.resources import stamps
from tradewind.resources.model import EXTERNAL_TOPIC, NamespacedName

NAME = NamespacedName("default", "b")
TOPIC = "knative-broker-default-b"
PARSED = BrokerConfig(true(CONFIG_PARSED))
INFO = TopicInfo(TOPIC, "id", 3, replication=3)
HERE = There(INFO, external=False, asked_partitions=3, min_insync=2)


def broker(*conditions: dict[str, str], annotations: Any = None, **marks: str) -> Object:
    status: Object = {"conditions": list(conditions), "annotations": marks}
    return {"metadata": {"name": "b", "namespace": "default", "annotations": annotations}, "status": status}


def told(held: Object, topic: Topic | None, config: BrokerConfig = PARSED, sink: Sink = NO_SINK) -> Told:
    return broker_status.told(held, config, topic, sink, url="http://i/default/b", installation="one", kafka="k:9092")


def condition(said: Told, type: str) -> Condition:
    return next(one for one in said.conditions if one.type == type)


def test_a_broker_whose_topic_is_there_is_ready_and_marked() -> None:
    said = told(broker(), HERE)
    assert ready(said.conditions).status is Status.TRUE
    address = {"name": "http", "url": "http://i/default/b"}
    assert said.fields == {
        "deadLetterSinkUri": None,
        "address": address,
        "addresses": [address],
        "annotations": {
            stamps.RESOLVED: None,
            stamps.INSTALLATION: "one",
            stamps.TOPIC: TOPIC,
            stamps.PARTITIONS: "3",
            stamps.REPLICATION: "3",
            stamps.BOOTSTRAP: "k:9092",
            stamps.SECRET: None,
            stamps.SECRET_NAMESPACE: None,
        },
    }
    assert condition(said, "TopicReady") == true(
        "TopicReady", "TopicCreated", f"topic {TOPIC} with 3 partitions, replication 3"
    )


def test_what_its_deletion_needs_is_marked() -> None:
    said = told(broker(), HERE, BrokerConfig(true(CONFIG_PARSED), secret=NamespacedName("default", "auth")))
    assert said.fields["annotations"][stamps.SECRET] == "auth"
    assert said.fields["annotations"][stamps.SECRET_NAMESPACE] == "default"


@pytest.mark.parametrize(("namespace", "counts"), [("default", True), ("system", True), ("others", False), ("", False)])
def test_a_marked_secret_lies_with_its_broker_or_in_the_installations_namespace(namespace: str, counts: bool) -> None:
    marks = {stamps.SECRET: "auth", stamps.SECRET_NAMESPACE: namespace}
    found = marked_secret({"metadata": {"namespace": "default"}, "status": {"annotations": marks}}, "system")
    assert found == (NamespacedName(namespace, "auth") if counts else None)
    assert marked_secret({"metadata": {"namespace": "default"}}, "system") is None


def test_the_sink_is_stamped() -> None:
    sink = Sink(true("DeadLetterSinkResolved"), "http://sink", "stamp")
    said = told(broker(), HERE, sink=sink)
    assert said.fields["deadLetterSinkUri"] == "http://sink"
    assert said.fields["annotations"][stamps.RESOLVED] == "stamp"


def test_a_topic_that_was_marked_stays_marked() -> None:
    said = told(broker(**{stamps.TOPIC: "theirs"}), HERE)
    assert said.fields["annotations"][stamps.TOPIC] == "theirs"


@pytest.mark.parametrize(
    ("there", "reason", "words"),
    [
        (There(INFO, external=True, min_insync=2), "ExternalTopic", ()),
        (There(INFO, external=False, asked_partitions=5, min_insync=2), "TopicCreated", ("asks for 5 partitions",)),
        (There(INFO, external=False, min_insync=1), "TopicCreated", ("warning", "min.insync.replicas is 1")),
        (There(INFO, external=False), "TopicCreated", ()),
        (There(TopicInfo(TOPIC, "id", 3, replication=2), external=False, min_insync=1), "TopicCreated", ()),
    ],
)
def test_a_topic_that_is_not_as_asked_is_ready_and_says_so(there: There, reason: str, words: tuple[str, ...]) -> None:
    found = condition(told(broker(), there), "TopicReady")
    assert (found.status, found.reason) == (Status.TRUE, reason)
    assert all(word in found.message for word in words)
    assert (";" in found.message) is bool(words)


BEFORE = {"type": "TopicReady", "status": "True", "reason": "TopicCreated", "message": "as it was"}
KEPT = true("TopicReady", "TopicCreated", "as it was")


@pytest.mark.parametrize(
    ("topic", "first", "later"),
    [
        (Away("timed out"), unknown("TopicReady", "KafkaUnavailable", ""), KEPT),
        (None, unknown("TopicReady", "ConfigNotParsed", ""), KEPT),
        (NotThere("theirs"), false("TopicReady", "ExternalTopicNotFound", ""), None),
        (Refused(TOPIC, "no"), false("TopicReady", "TopicRefused", ""), None),
        (Others(TOPIC, Owner("two", NAME, "u")), false("TopicReady", "TopicOwnedByAnother", ""), None),
    ],
)
def test_only_kafkas_word_takes_ready_back(topic: Topic | None, first: Condition, later: Condition | None) -> None:
    found = condition(told(broker(), topic), "TopicReady")
    assert (found.status, found.reason) == (first.status, first.reason)
    assert found.message
    again = condition(told(broker(BEFORE, **{stamps.TOPIC: TOPIC}), topic), "TopicReady")
    assert again == later if later is not None else (again.status, again.reason) == (first.status, first.reason)


def test_a_broker_that_was_not_taken_has_no_address() -> None:
    said = told(broker({**BEFORE, "status": "False"}), Away("timed out"))
    assert said.fields["address"] is None and said.fields["addresses"] is None
    assert stamps.INSTALLATION not in said.fields["annotations"]
    assert condition(said, "Addressable").status is Status.UNKNOWN
    assert condition(said, "TopicReady").reason == "KafkaUnavailable"


def test_a_broker_that_was_taken_keeps_its_address_while_kafka_is_away() -> None:
    said = told(broker(BEFORE, **{stamps.TOPIC: TOPIC}), Away("timed out"))
    assert said.fields["address"]["url"] == "http://i/default/b"
    assert stamps.INSTALLATION not in said.fields["annotations"]  # as it is
    assert ready(said.conditions).status is Status.TRUE


def test_what_is_anothers_is_not_served_and_names_the_owner() -> None:
    said = told(broker(BEFORE, **{stamps.TOPIC: TOPIC}), Others(TOPIC, Owner("two", NAME, "u")))
    assert said.fields["annotations"][stamps.INSTALLATION] is None
    assert said.fields["address"] is None
    assert "Broker default/b of installation two" in condition(said, "TopicReady").message


def test_an_invalid_broker_says_every_fault_and_keeps_what_it_has() -> None:
    faults = [Fault("spec.a", "x", "y"), Fault("spec.b", "x", "y")]
    said = invalid(broker(BEFORE), faults)
    assert said.fields == {}
    assert condition(said, "TopicReady") == KEPT
    assert condition(said, "Addressable").status is Status.UNKNOWN
    assert ready(said.conditions).reason == "InvalidBroker"
    assert "spec.a" in ready(said.conditions).message and "spec.b" in ready(said.conditions).message


@pytest.mark.parametrize("status", [None, {}, {"annotations": None}, {"annotations": {stamps.TOPIC: 1}}])
def test_a_mark_that_cannot_be_read_is_none(status: Any) -> None:
    assert mark({"status": status}, stamps.TOPIC) == ""


@pytest.mark.parametrize(
    ("annotations", "fixed", "expected"),
    [
        (None, "", False),
        ({EXTERNAL_TOPIC: "theirs"}, "", True),
        (None, TOPIC, False),
        (None, "theirs", True),  # the annotation was taken away since
        ({EXTERNAL_TOPIC: "theirs"}, TOPIC, True),  # it came later
    ],
)
def test_a_topic_that_ever_was_the_users_is_the_users(annotations: Any, fixed: str, expected: bool) -> None:
    marks = {stamps.TOPIC: fixed} if fixed else {}
    assert external(broker(annotations=annotations, **marks), NAME) is expected
