"""What a source's status says, step by step."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tradewind.plan import SourcePlan, Target
from tradewind.resources.model import Destination, KafkaSource, Metadata, NamespacedName, WebhookSource
from tradewind.resources.webhooks import SecretRef, Webhook
from tradewind.sources.standing import MOST, Standing, State

Step = Callable[[Standing], None]


def failed(standing: Standing) -> None:
    standing.failed("no route")


def lost(standing: Standing) -> None:
    standing.lost("hung up")


def blocked(standing: Standing) -> None:
    standing.blocked("not allowed")


def waits(standing: Standing) -> None:
    standing.waits("Kafka is away")


@pytest.mark.parametrize(
    ("steps", "state", "connected", "error"),
    [
        ([], State.CONNECTING, None, ""),
        ([Standing.begins], State.CONNECTING, None, ""),
        ([Standing.connected], State.READY, 1, ""),
        ([Standing.connected, Standing.connected], State.READY, 1, ""),
        ([Standing.connected, waits], State.WAITING, 1, "Kafka is away"),
        ([Standing.connected, waits, waits, Standing.flows], State.READY, 1, "Kafka is away"),
        ([waits, Standing.flows, Standing.connected], State.READY, 3, "Kafka is away"),
        ([Standing.connected, Standing.flows], State.READY, 1, ""),
        ([waits, Standing.connected], State.WAITING, 2, "Kafka is away"),
        ([Standing.connected, lost], State.DISCONNECTED, None, "hung up"),
        ([Standing.connected, lost, Standing.connected], State.READY, 3, "hung up"),
        ([Standing.connected, failed], State.FAILED, None, "no route"),
        ([Standing.connected, failed, waits, Standing.flows], State.FAILED, None, "Kafka is away"),
        ([failed, Standing.begins], State.CONNECTING, None, "no route"),
        ([Standing.connected, Standing.ended], State.ENDED, None, ""),
        ([Standing.connected, blocked], State.BLOCKED, None, "not allowed"),
        ([blocked, Standing.begins, Standing.connected], State.READY, 3, "not allowed"),
        ([Standing.connected, lambda one: one.refused("no event")], State.READY, 1, "no event"),
    ],
)
def test_states(steps: list[Step], state: State, connected: float | None, error: str) -> None:
    now = 0.0
    standing = Standing(lambda: now)
    for step in steps:
        now += 1
        step(standing)
    record = standing.record(owner="sources-0:1", in_flight=3, sink="http://sink/")
    assert (record.state, record.connected, record.error) == (state, connected, error)
    assert standing.is_connected is (connected is not None)
    assert (record.in_flight, record.sink, record.slot) == (3, "http://sink/", "sources-0")


def test_since_when() -> None:
    now = 1.0
    standing = Standing(lambda: now)
    now = 2.0
    standing.connected()
    now = 3.0
    standing.waits("x" * 10_000)
    now = 4.0
    standing.waits("y")
    standing.took(3.5)
    record = standing.record(owner="", in_flight=0, sink="")
    assert (record.since, record.error_at, record.event, record.error) == (3.0, 4.0, 3.5, "y")
    now = 5.0
    standing.lost("z")
    now = 6.0  # it is said again
    standing.lost("z")
    assert standing.record(owner="", in_flight=0, sink="").since == 5.0
    standing.refused("x" * 10_000)
    assert len(standing.record(owner="", in_flight=0, sink="").error) == MOST


def test_which_state_of_the_source_it_speaks_of_and_what_its_secrets_lack() -> None:
    there, missing = SecretRef("s", "there"), SecretRef("s", "missing")
    metadata = Metadata(NamespacedName("default", "hook"), uid="u", generation=3)
    source = WebhookSource(metadata, Destination(), Webhook(secrets=(there, missing)))
    plan = SourcePlan(source, None, Target("http://x"), {there: b"secret"})
    record = Standing(lambda: 0.0).record(owner="", in_flight=0, sink="", plan=plan)
    assert (record.uid, record.generation, record.lacks) == ("u", 3, ("key missing of Secret s",))


def test_what_a_kafka_source_lacks_is_why_it_waits() -> None:
    waiting = KafkaSource(Metadata(NamespacedName("default", "k")), Destination(), ("kafka:9092",), ("t",), "g")
    for why in ("", "no Secret default/s"):
        plan = SourcePlan(replace(waiting, waits=why), None, Target("http://x"))
        record = Standing(lambda: 0.0).record(owner="", in_flight=0, sink="", plan=plan)
        assert record.lacks == ((why,) if why else ())
