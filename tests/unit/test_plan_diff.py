"""What to do where one Plan runs and another shall."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tradewind.delivery.schedule import Delivery
from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.tree import read
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan, TriggerPlan
from tradewind.resources.model import Destination, Metadata, NamespacedName, Order, PingSource
from tradewind.steps import Adjust, Start, Stop, diff


def name(short: str) -> NamespacedName:
    return NamespacedName("shop", short)


def broker(short: str = "b", topic: str = "topic", partitions: int | None = None) -> BrokerPlan:
    return BrokerPlan(name(short), TopicPlan(topic, partitions=partitions), f"{topic}.dead-letters")


def trigger(short: str = "t", *, url: str = "http://a", topic: str = "topic", uid: str = "") -> TriggerPlan:
    return TriggerPlan(
        name=name(short),
        uid=uid,
        broker=name("b"),
        topic=topic,
        dead_letter_topic="d",
        group="g",
        filter=AttributesFilter(),
        subscriber=Target(url),
        dead_letter_sink=None,
        delivery=Delivery(),
        order=Order.UNORDERED,
        generation=url,
    )


def source(short: str = "s", schedule: str = "* * * * *") -> SourcePlan:
    ping = PingSource(Metadata(name(short)), Destination(uri="http://a"), schedule)
    return SourcePlan(ping, None, Target("http://a"))


def plan(*things: BrokerPlan | TriggerPlan | SourcePlan) -> Plan:
    return Plan(
        {one.name: one for one in things if isinstance(one, BrokerPlan)},
        {one.name: one for one in things if isinstance(one, TriggerPlan)},
        {("PingSource", one.source.metadata.name): one for one in things if isinstance(one, SourcePlan)},
    )


def test_everything_starts_from_nothing_brokers_first() -> None:
    things = (broker(), trigger(), source())
    assert diff(Plan(), plan(*reversed(things))) == tuple(Start(thing) for thing in things)


def test_everything_stops_sources_first() -> None:
    assert diff(plan(broker(), trigger(), source()), Plan()) == (Stop(source()), Stop(trigger()), Stop(broker()))


def test_what_is_the_same_goes_on() -> None:
    same = plan(broker(), trigger(), source())
    assert diff(same, plan(broker(), trigger(), source())) == ()


def test_what_changed_is_adjusted() -> None:
    old = plan(broker(), trigger(), source())
    new = plan(broker(partitions=3), trigger(url="http://b"), source(schedule="@hourly"))
    assert diff(old, new) == (
        Adjust(broker(), broker(partitions=3)),
        Adjust(trigger(), trigger(url="http://b")),
        Adjust(source(), source(schedule="@hourly")),
    )


def test_a_changed_filter_adjusts_what_runs() -> None:
    changed = replace(trigger(), filter=read([{"prefix": {"type": "a"}}]), generation="2")
    assert diff(plan(trigger()), plan(changed)) == (Adjust(trigger(), changed),)
    assert diff(plan(changed), plan(replace(changed, filter=read([{"prefix": {"type": "a"}}])))) == ()


def test_what_has_only_the_name_in_common_is_stopped_and_started() -> None:
    old, new = trigger(), trigger(topic="other")
    assert diff(plan(old), plan(new)) == (Stop(old), Start(new))
    again = trigger(uid="2")
    assert diff(plan(old), plan(again)) == (Stop(old), Start(again))
    assert diff(plan(broker()), plan(broker(topic="x"))) == (Stop(broker()), Start(broker(topic="x")))


THINGS = st.one_of(
    st.builds(broker, st.sampled_from("ab"), st.sampled_from("xy"), st.none() | st.just(1)),
    st.builds(trigger, st.sampled_from("ab"), url=st.sampled_from("uv"), topic=st.sampled_from("xy")),
    st.builds(source, st.sampled_from("ab"), st.sampled_from(["* * * * *", "@daily"])),
)


@given(st.lists(THINGS), st.lists(THINGS))
def test_the_steps_lead_from_the_old_plan_to_the_new(
    before: Iterable[BrokerPlan | TriggerPlan | SourcePlan], after: Iterable[BrokerPlan | TriggerPlan | SourcePlan]
) -> None:
    old, new = plan(*before), plan(*after)
    runs = _running(old)
    for step in diff(old, new):
        match step:
            case Stop(gone):
                runs.remove(gone)
            case Start(begun):
                runs.append(begun)
            case Adjust(was, now):
                runs[runs.index(was)] = now
    assert sorted(map(repr, runs)) == sorted(map(repr, _running(new)))


def _running(of: Plan) -> list[object]:
    return [*of.brokers.values(), *of.triggers.values(), *of.sources.values()]


def test_problems_alone_change_nothing() -> None:
    assert diff(plan(broker()), replace(plan(broker()), problems=())) == ()
