"""What people name on the command line."""

import pytest

from tests.shell.dispatching import plan, trigger
from tradewind.cli import naming
from tradewind.errors import InvalidSettings
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.positions import SourceKey


def broker(namespace: str, name: str) -> BrokerPlan:
    return BrokerPlan(NamespacedName(namespace, name), TopicPlan(f"{namespace}-{name}"), "dead")


PLAN = Plan(
    brokers={one.name: one for one in (broker("shop", "b"), broker("default", "a"))},
    triggers=plan(trigger("a"), trigger("b")).triggers,
)


@pytest.mark.parametrize(
    ("text", "namespace", "expected"),
    [
        ("trigger/a", "", "default/a"),
        ("triggers/a", "shop", "shop/a"),
        ("trigger/shop/a", "", "shop/a"),
        ("trigger/shop/a", "shop", "shop/a"),
    ],
)
def test_a_trigger_is_named(text: str, namespace: str, expected: str) -> None:
    assert str(naming.trigger(text, namespace)) == expected


@pytest.mark.parametrize(
    ("text", "namespace", "expected"),
    [
        ("pingsource/a", "", ("PingSource", "default/a")),
        ("WebhookSources/a", "shop", ("WebhookSource", "shop/a")),
        ("pingsource/shop/a", "", ("PingSource", "shop/a")),
    ],
)
def test_a_source_is_named(text: str, namespace: str, expected: tuple[str, str]) -> None:
    found = naming.source(text, namespace)
    assert (found.kind, str(found.name)) == expected


@pytest.mark.parametrize("text", ["a", "trigger/a", "pingsource/", "pingsource/a//b", "pingsource/a/b/c"])
def test_what_is_no_source_is_said(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"--source: found '.*', expected KIND/NAME or KIND/NAMESPACE/NAME"):
        naming.source(text, "")


@pytest.mark.parametrize(
    ("text", "namespace", "said"),
    [
        ("a", "", "TRIGGER: found 'a', expected trigger/NAME"),
        ("broker/a", "", "TRIGGER: found 'broker/a', expected trigger/NAME"),
        ("trigger/", "", "TRIGGER: found 'trigger/', expected trigger/NAME"),
        ("trigger/a//b", "", "TRIGGER: found 'a//b', expected trigger/NAME"),
        ("trigger/a/b/c", "", "TRIGGER: found 'a/b/c', expected trigger/NAME"),
        ("trigger/a/b", "c", "TRIGGER: found 'a/b', expected one in the namespace c, which --namespace names"),
    ],
)
def test_what_is_no_trigger_is_said(text: str, namespace: str, said: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        naming.trigger(text, namespace)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("namespace", "wanted", "expected"),
    [
        ("", [], ["default/a", "shop/b"]),
        ("shop", [], ["shop/b"]),
        ("", ["shop/b", "a"], ["shop/b", "default/a"]),
        ("shop", ["b"], ["shop/b"]),
    ],
)
def test_brokers_that_are_meant(namespace: str, wanted: list[str], expected: list[str]) -> None:
    assert [str(one.name) for one in naming.brokers(PLAN, namespace, wanted)] == expected


@pytest.mark.parametrize(
    ("where", "namespace", "wanted", "said"),
    [
        (PLAN, "", ["x", "y"],
         "--broker: found default/x, expected a Broker of the manifests (default/a, shop/b); -f says where they are; "
         "--broker: found default/y, expected a Broker of the manifests (default/a, shop/b); -f says where they are"),
        (PLAN, "other", [], "--filename: found no Broker in the namespace other, expected manifests that declare one"),
        (Plan(), "", [], "--filename: found no Broker, expected manifests that declare one"),
        (Plan(), "", ["a"], "--broker: found default/a, expected a Broker of the manifests (none); -f says where they"),
    ],
)  # fmt: skip
def test_brokers_that_are_not_there(where: Plan, namespace: str, wanted: list[str], said: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        naming.brokers(where, namespace, wanted)
    assert str(caught.value).startswith(said)


def test_a_broker_that_is_gone_may_be_meant_where_its_topics_are_there_still() -> None:
    (known, gone) = naming.brokers(PLAN, "", ["a", "shop/x"], gone=True)
    assert naming.still_there(PLAN, known) is PLAN.brokers[known.name]
    assert (gone.topic.name, gone.dead_letter_topic) == ("knative-broker-shop-x", "knative-broker-shop-x.dead-letters")
    with pytest.raises(InvalidSettings, match="found shop/x, expected a Broker of the manifests"):
        naming.still_there(PLAN, gone)


def test_a_trigger_of_the_manifests() -> None:
    a = NamespacedName("default", "a")
    assert naming.known_trigger(PLAN, a, where="TRIGGER") == a
    for where, listed in ((PLAN, "default/a, default/b"), (Plan(), "none")):
        with pytest.raises(InvalidSettings, match=rf"found x/y, expected a Trigger of the manifests \({listed}\)"):
            naming.known_trigger(where, NamespacedName("x", "y"), where="TRIGGER")


def test_a_source_of_the_manifests() -> None:
    key = SourceKey("PingSource", NamespacedName("default", "a"))
    there = Plan(sources={key: SourcePlan(PingSource(Metadata(key.name), Destination()), None, Target(None))})
    naming.known_source(there, key, where="--source", other="")
    for plan_, listed in ((there, "pingsource/default/a"), (Plan(), "none")):
        expected = rf"--source: found apisource/x/y, expected a source of the manifests \({listed}\), or more; -f says"
        with pytest.raises(InvalidSettings, match=expected):
            other = SourceKey("ApiSource", NamespacedName("x", "y"))
            naming.known_source(plan_, other, where="--source", other=", or more")


def test_rates() -> None:
    assert [naming.rate(text) for text in (None, "10/s", "0.5/s")] == [None, 10.0, 0.5]
    for text in ("", "10", "10/m", "-1/s", "0/s", "1e3/s", "٣/s"):
        with pytest.raises(InvalidSettings, match=r"--rate: found '.*', expected a number above zero and /s"):
            naming.rate(text)


NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", NOW - 30),
        ("10m", NOW - 600),
        ("1h", NOW - 3600),
        ("7d", NOW - 7 * 86400),
        ("1970-01-02T00:00:00Z", 86400.0),
    ],
)
def test_since_when(text: str, expected: float) -> None:
    assert naming.since(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "1.5h", "latest", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_since(text: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        naming.since(text, NOW)
    assert (
        str(raised.value) == f"--since: found {text!r}, expected how long ago (30s, 10m, 1h, 7d), or an RFC 3339 time"
    )


def test_since_in_a_sentence() -> None:
    assert naming.when("10m") == "in the last 10m"
    assert naming.when("2026-01-31T12:00:00Z") == "since 2026-01-31T12:00:00Z"
