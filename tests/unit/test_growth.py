"""An ordered Trigger begins on an added partition once the old ones have passed their ends of that moment."""

import pytest

from tradewind.ports import Bounds, TopicInfo
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.growth import CALL_AGAIN, Unowned, may_begin, partitions_before, passed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.takeover import take_over
from tradewind.trigger_dispatcher.view import View

A = NamespacedName("default", "a")
OLD, ADDED = c.PartitionId("id", 0), c.PartitionId("id", 1)


@pytest.mark.parametrize(
    ("number", "pinned_with", "before"),
    [
        pytest.param(1, [3, 3], None, id="it was there when the Trigger was pinned"),
        pytest.param(3, [3, 3, 3], 3, id="added"),
        pytest.param(4, [3, 3, 3, 5], 3, id="added with another, which was pinned first"),
        pytest.param(4, [3, 3, 3, 4], 4, id="added after another"),
        pytest.param(0, [], None, id="the Trigger is new"),
    ],
)
def test_how_many_partitions_there_were_before(number: int, pinned_with: list[int], before: int | None) -> None:
    assert partitions_before(number, [c.CursorRecord(0, "me", "topic", count) for count in pinned_with]) == before


@pytest.mark.parametrize(
    ("cursor", "is_passed"),
    [
        pytest.param(None, False, id="not pinned there yet"),
        pytest.param(c.CursorRecord(9, "me", "topic", 1), False, id="not looked at all of it"),
        pytest.param(c.CursorRecord(10, "me", "topic", 1, owed=(3,)), False, id="something of it is owed"),
        pytest.param(c.CursorRecord(12, "me", "topic", 1, owed=(10,)), True, id="all of it is settled"),
    ],
)
def test_what_has_to_be_settled_first(cursor: c.CursorRecord | None, is_passed: bool) -> None:
    view = View()
    if cursor:
        view.apply(c.cursor_key(A, OLD), c.encode(cursor), 0)
    assert passed(view, A, "id", {0: 10}) is is_passed
    assert passed(view, A, "id", {})


def test_it_is_not_attached_before_and_whoever_takes_over_knows() -> None:
    ground = Ground(ADDED, "topic", 2, Bounds(0, 0), external=False)
    owned = OwnedPartition(ground, owner="me", seen=-1, position=0)
    owned.pin(A, 0, since=0.0, after={0: 10})
    assert not owned.try_attach(A)
    view = View()
    record = owned.cursor(A)
    view.apply(record.key, record.value, 0)
    taken, _ = take_over(view, ground, {A: ""}, owner="you", seen=0, now=0.0)
    ledger = taken.ledgers[A]
    assert (dict(ledger.after), ledger.attached) == ({0: 10}, False)
    ledger.changed = False
    ledger.begin()
    assert ledger.changed
    assert taken.try_attach(A)


def test_who_may_begin_on_an_added_partition() -> None:
    ground = Ground(ADDED, "topic", 2, Bounds(0, 0), external=False)
    owned = OwnedPartition(ground, owner="me", seen=-1, position=0)
    waits, began, gone, new = (NamespacedName("default", name) for name in ("waits", "began", "gone", "new"))
    for name in (waits, began, gone):
        owned.pin(name, 0, since=0.0, after={} if name == began else {0: 10})
    owned.retire(gone, now=0.0)
    triggers, view = (waits, began, gone, new), View()
    assert may_begin(view, owned, triggers) == []
    for name in (waits, began, gone):
        view.apply(c.cursor_key(name, OLD), c.encode(c.CursorRecord(10, "me", "topic", 1)), 0)
    assert may_begin(view, owned, triggers) == [waits]


def test_what_nobody_reads_for_a_while_is_called_for_and_once_more_later() -> None:
    view, unowned, topics = View(), Unowned(), [TopicInfo("topic", "id", 3)]
    view.apply(c.reader_key(OLD), c.encode(c.ReaderRecord(5, "me", 0)), 0)

    def look(now: float, *ours: c.PartitionId) -> bool:
        return unowned.look(view, topics, ours, now=now, patience=10.0)

    third = c.PartitionId("id", 2)
    assert not look(0.0, third)
    assert not look(9.0, third)
    assert look(10.0, third)
    assert not look(11.0, third)
    assert look(10.0 + CALL_AGAIN, third)
    view.apply(c.reader_key(ADDED), c.encode(c.ReaderRecord(0, "other", 0)), 1)
    assert not look(500.0, third)
    assert not look(501.0)
    assert look(600.0)
    topics = [TopicInfo("topic", "id", 3, leaderless=frozenset({2}))]
    assert not look(700.0)
