"""What `tradewind up` tells: URLs, a curl line that passes a Trigger's filter, and what has changed."""

import shlex
from dataclasses import replace

import pytest

from tradewind.cli.announcement import broker_lines, changed, curl, nothing_answers, passing
from tradewind.config import Settings
from tradewind.delivery.schedule import Delivery
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan, TriggerPlan
from tradewind.resources.model import Destination, Metadata, NamespacedName, Order, PingSource

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
        {("PingSource", one.source.metadata.name): one for one in things if isinstance(one, SourcePlan)},
    )


def headers(line: str) -> dict[str, str]:
    words = shlex.split(line)
    pairs = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
    return {name: value for name, value in pairs}


def test_each_broker_is_told_with_its_url() -> None:
    assert broker_lines(plan(broker("b"), broker("a")), Settings(host="0.0.0.0")) == [
        "Broker default/a listens on http://127.0.0.1:8080/default/a",
        "Broker default/b listens on http://127.0.0.1:8080/default/b",
    ]


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
