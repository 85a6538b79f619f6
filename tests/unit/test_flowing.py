"""What flows is noted once, within bounds, and known by what the cursors topic holds."""

from dataclasses import replace

import msgspec
import pytest

from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.resources import event_types
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import flowing
from tradewind.trigger_dispatcher.cursors import VERSION, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.flowing import LONGEST, MOST, Flowing
from tradewind.trigger_dispatcher.view import View

BROKER = NamespacedName("default", "default")
PLAN = BrokerPlan(BROKER, TopicPlan("topic"), "dead", uid="u", event_types=True)


def attributes(type: str, source: str = "/s", **more: str) -> dict[str, str]:
    return {"id": "1", "type": type, "source": source, "specversion": "1.0", **more}


def record(type: str, source: str = "/s", *, uid: str = "u") -> TypeRecord:
    return TypeRecord(type, source, uid=uid)


def held(*records: TypeRecord) -> dict[str, TypeRecord]:
    return {event_types.digest(BROKER, one.type, one.source): one for one in records}


def written(types: Flowing, before: dict[str, TypeRecord]) -> dict[str, TypeRecord]:
    """What the topic holds once all was written."""
    types.absorb(before)
    after = {**before, **dict(types.to_write(before))}
    types.absorb(after)
    return after


def test_each_type_and_source_is_written_once_with_the_first_schema() -> None:
    types = Flowing(PLAN)
    for one in (
        attributes("a"),
        attributes("a", dataschema="https://later"),
        attributes("a", "/other", dataschema="https://first"),
        attributes("a", "/other", dataschema="https://later"),
        attributes("b"),
    ):
        types.note(one)
    wanted = held(record("a"), TypeRecord("a", "/other", "https://first", "u"), record("b"))
    assert dict(types.to_write({})) == wanted
    after = written(types, {})
    assert not types.fresh
    types.note(attributes("b"))
    assert not types.fresh
    assert (after, types.left_out) == (wanted, 0)


def test_what_is_held_already_is_not_written_again() -> None:
    types = Flowing(PLAN)
    types.note(attributes("a"))
    types.note(attributes("b"))
    types.absorb(held(record("a")))
    assert [one for _, one in types.to_write(held(record("a")))] == [record("b")]


def test_what_a_broker_of_the_name_had_before_is_written_anew() -> None:
    types, before = Flowing(PLAN), held(record("a", uid="before"))
    types.note(attributes("a"))
    types.absorb(before)
    assert [one for _, one in types.to_write(before)] == [record("a")]


def test_what_was_removed_is_written_when_it_is_seen_again() -> None:
    types = Flowing(PLAN)
    types.note(attributes("a"))
    written(types, {})
    types.absorb({})
    assert not types.fresh
    types.note(attributes("a"))
    assert [one for _, one in types.to_write({})] == [record("a")]


def test_two_that_have_one_name_in_knative_are_one() -> None:
    types = Flowing(PLAN)
    types.note(attributes("a", "bc"))
    types.note(attributes("ab", "c"))
    after = written(types, {})
    assert list(after.values()) == [record("a", "bc")]
    types.note(attributes("ab", "c"))
    assert not types.fresh


@pytest.mark.parametrize("already", [0, 1, MOST - 1, MOST])
def test_no_more_are_held_than_are_kept(already: int) -> None:
    types = Flowing(PLAN)
    before = held(*(record(f"held-{number}") for number in range(already)))
    after = before
    for number in range(10 * MOST):
        types.note(attributes(f"new-{number}"))
        if number % 300 == 0:
            after = written(types, after)
    after = written(types, after)
    assert len(after) == MOST
    assert not types.fresh
    assert types.left_out == 10 * MOST - (MOST - already)
    known = next(iter(after.values()))
    types.note(attributes(known.type))
    assert types.left_out == 10 * MOST - (MOST - already)


def test_two_processes_share_what_is_kept() -> None:
    one, two = Flowing(PLAN), Flowing(PLAN)
    for number in range(MOST):
        one.note(attributes(f"one-{number}"))
    two.note(attributes("two"))
    after = written(one, {})
    after = written(two, after)
    assert len(after) == MOST
    assert two.left_out == 1


def test_room_that_comes_free_is_used_again() -> None:
    types = Flowing(PLAN)
    full = held(*(record(f"held-{number}") for number in range(MOST)))
    types.absorb(full)
    types.note(attributes("new"))
    del full[next(iter(full))]
    types.absorb(full)
    types.note(attributes("new"))
    assert [one for _, one in types.to_write(full)] == [record("new")]


def test_what_is_too_long_is_left_out() -> None:
    types = Flowing(PLAN)
    types.note(attributes("a" * (LONGEST - 1), "b"))
    types.note(attributes("a" * LONGEST, "b"))
    types.note(attributes("a", "b", dataschema="c" * LONGEST))
    assert [len(one.type) for _, one in types.to_write({})] == [LONGEST - 1]
    assert types.left_out == 2


def test_what_the_log_refuses_is_not_asked_again() -> None:
    types = Flowing(PLAN)
    types.note(attributes("a"))
    ((digest, _),) = types.to_write({})
    types.refused(digest)
    for _ in range(2):
        types.note(attributes("a"))
        assert not types.fresh
        types.absorb({})
    assert types.left_out == 1


def test_only_brokers_that_are_switched_on_are_noted() -> None:
    off = replace(PLAN, name=NamespacedName("default", "off"), topic=TopicPlan("off"), event_types=False)
    before = flowing.adopted({}, {PLAN.name: PLAN, off.name: off})
    assert set(before) == {"topic"}
    after = flowing.adopted(before, {PLAN.name: replace(PLAN, dead_letter_topic="other")})
    assert after["topic"] is before["topic"]


@pytest.mark.parametrize("other", [{"uid": "another"}, {"name": NamespacedName("default", "another")}])
def test_another_broker_on_the_topic_begins_anew(other: dict[str, str]) -> None:
    before = flowing.adopted({}, {PLAN.name: PLAN})
    plan = replace(PLAN, **other)  # type: ignore[arg-type]  # either of them
    assert flowing.adopted(before, {plan.name: plan})["topic"] is not before["topic"]


def test_what_brokers_left_that_are_gone_may_go() -> None:
    there, left, off = (NamespacedName("default", name) for name in ("default", "left", "off"))
    types = {
        there: held(record("a"), record("b", uid="before")),
        left: {"x": record("c")},
        off: {"y": record("d")},
    }
    brokers = {there: PLAN, off: replace(PLAN, event_types=False)}
    old = event_types.digest(BROKER, "b", "/s")
    assert list(flowing.gone(types, brokers)) == [(there, old), (left, "x")]


# --- as records of the cursors topic


def test_the_view_holds_what_flows() -> None:
    view = View()
    for digest, one in (("1", record("a")), ("2", record("b"))):
        assert view.apply(type_key(BROKER, digest), encode(one), 0) is None
    assert view.types == {BROKER: {"1": record("a"), "2": record("b")}}
    assert view.types_changed == {BROKER}
    view.apply(type_key(BROKER, "1"), None, 2)
    assert view.types == {BROKER: {"2": record("b")}}
    view.apply(type_key(BROKER, "2"), None, 3)
    view.apply(type_key(BROKER, "3"), None, 4)
    assert view.types == {}


@pytest.mark.parametrize("value", [b"{", b"{}", msgspec.json.encode(TypeRecord("a", "/s", v=VERSION + 1))])
def test_a_record_that_cannot_be_read_is_passed_over(value: bytes) -> None:
    view = View()
    view.apply(type_key(BROKER, "1"), value, 0)
    assert not view.types.get(BROKER)
