"""The topics we make: what each promise needs of them."""

import pytest

from tradewind.config import Settings
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import NewRecord, Retention
from tradewind.resources.model import NamespacedName
from tradewind.topics import batch_bytes, cursors_spec, retention_of, sources_specs, topic_specs

SETTINGS = Settings(partitions=7, retention=60.0, max_event_bytes=1000)


def plan(**topic: object) -> BrokerPlan:
    return BrokerPlan(NamespacedName("a", "b"), TopicPlan("t", **topic), "dead")  # type: ignore[arg-type]


def test_a_broker_has_its_topic_and_its_dead_letters() -> None:
    events, dead = topic_specs(plan(), SETTINGS)
    assert (events.name, events.partitions, events.replication) == ("t", 7, None)
    assert events.config == {"cleanup.policy": "delete", "retention.ms": "60000", "max.message.bytes": "66536"}
    assert (dead.name, dead.partitions) == ("dead", 1)
    assert dead.config["cleanup.policy"] == "compact"
    assert dead.config["retention.ms"] == "-1"
    assert int(dead.config["max.message.bytes"]) > int(events.config["max.message.bytes"])


def test_sources_have_a_compacted_topic_and_dead_letters_that_stay() -> None:
    positions, dead = sources_specs(SETTINGS)
    assert (positions.name, positions.partitions) == ("tradewind.sources", 7)
    assert positions.config == cursors_spec(SETTINGS).config
    assert (dead.name, dead.partitions, dead.config["cleanup.policy"]) == ("tradewind.sources.dead", 1, "compact")
    assert dead.config["retention.ms"] == "-1"
    assert int(dead.config["max.message.bytes"]) > SETTINGS.max_event_bytes


def test_the_config_map_decides_all_but_the_cleanup_policy() -> None:
    config = {"retention.ms": "5", "cleanup.policy": "compact", "min.insync.replicas": "2"}
    events, dead = topic_specs(plan(partitions=2, replication=3, config=config), SETTINGS)
    assert (events.partitions, events.replication, dead.replication) == (2, 3, 3)
    assert events.config["retention.ms"] == "5"
    assert events.config["cleanup.policy"] == "delete"
    assert events.config["min.insync.replicas"] == dead.config["min.insync.replicas"] == "2"


@pytest.mark.parametrize(
    ("record", "size"),
    [
        pytest.param(NewRecord("t", None), 68, id="nothing but what frames it"),
        pytest.param(NewRecord("t", b""), 68, id="an empty value"),
        pytest.param(NewRecord("t", b"x" * 50), 118, id="the last length of one byte"),
        pytest.param(NewRecord("t", b"x" * 58), 127, id="the record's own length takes two bytes"),
        pytest.param(NewRecord("t", b"x" * 63), 132, id="the last value whose length takes one byte"),
        pytest.param(NewRecord("t", b"x" * 64), 134, id="the first whose length takes two"),
        pytest.param(NewRecord("t", None, key=b"abc"), 71, id="a key"),
        pytest.param(NewRecord("t", None, [("a", b"b"), ("é", b"")]), 76, id="fields, their names in UTF-8"),
    ],
)
def test_what_a_record_counts_for(record: NewRecord, size: int) -> None:
    """Against max.message.bytes; the contract suite asks Kafka the same."""
    assert batch_bytes(record) == size


def test_an_external_topic_is_never_made() -> None:
    assert [spec.name for spec in topic_specs(plan(external=True), SETTINGS)] == ["dead"]


def test_cursors_are_compacted_in_small_segments() -> None:
    spec = cursors_spec(SETTINGS)
    assert spec.name == "tradewind.cursors"
    assert spec.config["cleanup.policy"] == "compact"
    assert spec.config["segment.bytes"] == "16777216"
    assert spec.config["segment.ms"] == "600000"


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        pytest.param({}, Retention(7 * 86400.0, None), id="Kafka's defaults"),
        pytest.param({"retention.ms": "1500", "retention.bytes": "9"}, Retention(1.5, 9), id="as stated"),
        pytest.param({"retention.ms": "-1", "retention.bytes": "-1"}, Retention(None, None), id="without limit"),
        pytest.param({"cleanup.policy": "compact", "retention.ms": "5"}, Retention(None, None), id="compacted"),
        pytest.param({"cleanup.policy": "compact,delete", "retention.ms": "5"}, Retention(0.005, None), id="both"),
    ],
)
def test_how_long_a_topic_keeps_records(config: dict[str, str], kept: Retention) -> None:
    assert retention_of(config) == kept
