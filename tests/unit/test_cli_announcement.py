"""What `tradewind up` tells: URLs, a curl line that passes a Trigger's filter, and what has changed."""

import shlex
from dataclasses import replace

import pytest

from tradewind.cli.announcement import (
    added_lines,
    broker_lines,
    changed,
    curl,
    nothing_answers,
    passing,
    source_lines,
    takes_webhooks,
)
from tradewind.config import Settings
from tradewind.delivery.schedule import Delivery
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan, TriggerPlan
from tradewind.resources.model import (
    Destination,
    GitHubSource,
    Metadata,
    NamespacedName,
    Order,
    PingSource,
    WebhookSource,
)
from tradewind.resources.webhooks import Webhook

SETTINGS = Settings(port=81)
SOMEWHERE = Target("http://127.0.0.1:8081/")


def broker(name: str) -> BrokerPlan:
    return BrokerPlan(NamespacedName("default", name), TopicPlan(f"events-{name}"), f"dead-{name}")


def trigger(name: str, wanted: dict[str, str], *, to: Target = SOMEWHERE, of: str = "main") -> TriggerPlan:
    return TriggerPlan(
        name=NamespacedName("default", name),
        uid="",
        broker=NamespacedName("default", of),
        topic=f"events-{of}",
        dead_letter_topic=f"dead-{of}",
        group=f"group-{name}",
        filter=AttributesFilter(wanted),
        subscriber=to,
        dead_letter_sink=None,
        delivery=Delivery(),
        order=Order.UNORDERED,
        generation="1",
    )


def plan(*things: BrokerPlan | TriggerPlan | SourcePlan) -> Plan:
    return Plan(
        {one.name: one for one in things if isinstance(one, BrokerPlan)},
        {one.name: one for one in things if isinstance(one, TriggerPlan)},
        {(type(one.source).__name__, one.source.metadata.name): one for one in things if isinstance(one, SourcePlan)},
    )


def ping(name: str, to: Target = SOMEWHERE, of: str = "") -> SourcePlan:
    source = PingSource(Metadata(NamespacedName("default", name)), Destination())
    return SourcePlan(source, NamespacedName("default", of) if of else None, to)


def hook(name: str, kind: type[WebhookSource] = WebhookSource) -> SourcePlan:
    source = kind(Metadata(NamespacedName("default", name)), Destination(), Webhook())
    return SourcePlan(source, NamespacedName("default", "main"), SOMEWHERE)


def headers(line: str) -> dict[str, str]:
    words = shlex.split(line)
    pairs = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
    return {name: value for name, value in pairs}


def test_each_broker_is_told_with_its_url() -> None:
    assert broker_lines(plan(broker("b"), broker("a")), Settings(host="0.0.0.0")) == [
        "Broker default/a listens on http://127.0.0.1:8080/default/a",
        "Broker default/b listens on http://127.0.0.1:8080/default/b",
    ]


def test_each_source_is_told_by_where_it_listens_or_sends() -> None:
    nowhere = Target(None, "no such Service")
    sources = [ping("tick", of="main"), ping("there"), ping("where", nowhere), hook("orders"), hook("gh", GitHubSource)]
    assert source_lines(plan(*sources), Settings(host="::", sources_port=91)) == [
        "GitHubSource default/gh listens on http://[::1]:91/webhooks/default/gh",
        "PingSource default/there sends to http://127.0.0.1:8081/",
        "PingSource default/tick sends to Broker default/main",
        "PingSource default/where knows no address for its events",
        "WebhookSource default/orders listens on http://[::1]:91/webhooks/default/orders",
    ]


def test_many_sources_of_a_kind_are_counted() -> None:
    lines = source_lines(plan(*(ping(f"p{number:03}") for number in range(500)), hook("orders")), SETTINGS)
    assert len(lines) == 12
    assert lines[9:11] == [
        "PingSource default/p009 sends to http://127.0.0.1:8081/",
        "PingSource: 490 more; `tradewind get sources` lists them all",
    ]


def test_no_sources_no_line() -> None:
    assert source_lines(plan(broker("main")), SETTINGS) == []


@pytest.mark.parametrize(
    ("things", "expected"), [([], False), ([ping("a")], False), ([ping("a"), hook("b", GitHubSource)], True)]
)
def test_webhooks_need_a_port(things: list[SourcePlan], expected: bool) -> None:
    assert takes_webhooks(plan(*things)) is expected


def test_what_comes_later_is_told_too_and_nothing_twice() -> None:
    old, new = plan(broker("a"), hook("one")), plan(broker("a"), broker("b"), hook("one"), hook("two"))
    assert added_lines(old, new, SETTINGS) == [
        "Broker default/b listens on http://127.0.0.1:81/default/b",
        "WebhookSource default/two listens on http://127.0.0.1:8090/webhooks/default/two",
    ]
    assert added_lines(new, old, SETTINGS) == []


def test_the_curl_line_whole() -> None:
    assert curl(plan(broker("main"), trigger("t", {"type": "a.b"})), SETTINGS) == (
        "curl -i http://127.0.0.1:81/default/main -H 'ce-specversion: 1.0' -H 'ce-id: hello-1' -H 'ce-source: /curl' "
        "-H 'ce-type: a.b' -H 'content-type: application/json' -d '{\"message\":\"hello\"}'"
    )


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"type": "a.b", "source": "/x y"},
        {"type": "", "myextension": ""},
        {"subject": 'he said "50 %" – o\'clock', "myextension": "1"},
    ],
)
def test_what_it_sends_passes_the_filter(wanted: dict[str, str]) -> None:
    attributes = passing(trigger("t", wanted))
    assert compiled(AttributesFilter(wanted))(attributes)
    assert {"specversion", "id", "source", "type"} <= attributes.keys()


def test_header_values_are_encoded_as_the_binding_asks() -> None:
    line = curl(plan(broker("main"), trigger("t", {"subject": 'a "b" 5%é'})), SETTINGS)
    assert line is not None
    assert headers(line)["ce-subject"] == "a%20%22b%22%205%25%C3%A9"


def test_a_wanted_content_type_is_that_of_the_data() -> None:
    line = curl(plan(broker("main"), trigger("t", {"datacontenttype": "text/plain"})), SETTINGS)
    assert line is not None
    assert headers(line)["content-type"] == "text/plain"
    assert "ce-datacontenttype" not in headers(line)
    assert line.endswith("-d hello")


def test_a_trigger_whose_subscriber_has_an_address_comes_first() -> None:
    lost = trigger("a", {"type": "lost"}, to=Target(None, "why"))
    line = curl(plan(broker("main"), lost, trigger("b", {"type": "found"})), SETTINGS)
    assert line is not None
    assert headers(line)["ce-type"] == "found"


def test_without_triggers_the_first_broker_gets_any_event_and_without_brokers_there_is_no_line() -> None:
    line = curl(plan(broker("b"), broker("a")), SETTINGS)
    assert line is not None
    assert "http://127.0.0.1:81/default/a " in line
    assert curl(plan(trigger("t", {})), SETTINGS) is None
    assert curl(Plan(), SETTINGS) is None


def test_what_has_changed_is_one_line() -> None:
    ping = SourcePlan(PingSource(Metadata(NamespacedName("default", "p")), Destination()), None, SOMEWHERE)
    old = plan(broker("a"), trigger("kept", {}), trigger("t", {}), trigger("gone", {}))
    new = plan(broker("a"), broker("b"), trigger("kept", {}), trigger("t", {"type": "x"}), ping)
    assert changed(old, new) == (
        "Broker default/b added, PingSource default/p added, Trigger default/gone removed, Trigger default/t changed"
    )
    assert changed(new, new) == ""
    assert changed(new, replace(new, problems=())) == ""


def test_a_kafka_that_is_named_and_not_there() -> None:
    assert nothing_answers({"a:1": "Connection refused", "b:2": "no answer within 3 s"}) == (
        "nothing answers at a:1 (Connection refused), b:2 (no answer within 3 s); check --kafka.  Waiting for it."
    )
