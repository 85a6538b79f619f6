"""What may be removed from the cursors topic, and what must stay."""

from dataclasses import replace

import pytest

from tests.shell.dispatching import plan, trigger
from tests.unit.cursor_states import view
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.leftovers import Leftover, abandoned, leftovers, outlived
from tradewind.trigger_dispatcher.ownership import KEPT, Ground, OwnedPartition
from tradewind.trigger_dispatcher.takeover import take_over
from tradewind.trigger_dispatcher.view import View

A, B = NamespacedName("default", "a"), NamespacedName("default", "b")
HERE, OLD = c.PartitionId("id", 0), c.PartitionId("old", 0)
NOW = 1_000_000.0
LONG_AGO = NOW - KEPT - 1


def cursor(*, topic: str = "topic", deleted: float | None = None) -> c.CursorRecord:
    return c.CursorRecord(5, "me", topic, 2, deleted=deleted)


def retry() -> c.OwedRecord:
    return c.OwedRecord(1, NOW, "me")


def owned_of(known: View, *live: NamespacedName, identity: c.PartitionId = HERE) -> OwnedPartition:
    ground = Ground(identity, "topic", 2, Bounds(0, 9), external=False)
    owned, _ = take_over(known, ground, dict.fromkeys(live, ""), owner="me", seen=9, now=NOW)
    owned.served |= set(live)
    return owned


def of(known: View, *live: NamespacedName) -> list[Leftover]:
    return leftovers(known, owned_of(known, *live), live, now=NOW)


def test_of_a_trigger_deleted_long_ago_everything_goes_the_cursor_last() -> None:
    known = view(
        (c.cursor_key(A, HERE), cursor(deleted=LONG_AGO)),
        (c.owed_key(A, HERE, 4), retry()),
        (c.owed_key(A, HERE, 3), retry()),
        (c.cursor_key(B, HERE), cursor()),
        (c.owed_key(B, HERE, 4), retry()),
    )
    owed = (c.owed_key(A, HERE, 3), c.owed_key(A, HERE, 4))
    assert of(known, B) == [Leftover(HERE, owed, (c.cursor_key(A, HERE),), A)]


@pytest.mark.parametrize("deleted", [None, NOW - 60])
def test_the_place_of_one_that_is_there_or_went_lately_is_kept(deleted: float | None) -> None:
    known = view((c.cursor_key(A, HERE), cursor(deleted=deleted)), (c.owed_key(A, HERE, 4), retry()))
    assert of(known) == of(known, A) == []


def test_one_that_came_back_is_kept_whatever_the_topic_still_says() -> None:
    known = view((c.cursor_key(A, HERE), cursor(deleted=LONG_AGO)))
    owned = owned_of(known)
    owned.pin(A, 9, since=NOW)
    owned.retire(A, now=NOW)
    assert leftovers(known, owned, [], now=NOW) == []


def test_retries_without_a_cursor_go_unless_it_only_cannot_be_read() -> None:
    known = view((c.owed_key(A, HERE, 4), retry()), (c.owed_key(B, HERE, 4), retry()))
    known.apply(c.cursor_key(B, HERE), b"of a later version", 9)
    assert of(known) == [Leftover(HERE, (c.owed_key(A, HERE, 4),), (), A)]


def test_of_a_topic_made_again_all_goes_once_its_triggers_are_pinned_on_the_new_one() -> None:
    known = view(
        (c.reader_key(OLD), c.ReaderRecord(5, "me", 0)),
        (c.cursor_key(A, OLD), cursor()),
        (c.cursor_key(B, OLD), cursor()),
        (c.owed_key(A, OLD, 4), retry()),
        (c.status_key(A, OLD), c.StatusRecord("me")),
        (c.cursor_key(A, HERE), cursor()),
    )
    owned = owned_of(known, A)
    first = (c.owed_key(A, OLD, 4), c.status_key(A, OLD))
    last = (c.cursor_key(A, OLD), c.cursor_key(B, OLD), c.reader_key(OLD))
    assert leftovers(known, owned, [A], now=NOW) == [Leftover(OLD, first, last)]
    owned.served.clear()
    assert leftovers(known, owned, [A], now=NOW) == []
    assert leftovers(known, owned, [], now=NOW) != []


def test_what_falls_to_another_owner_or_belongs_to_another_topic_stays() -> None:
    second, third = c.PartitionId("old", 1), c.PartitionId("old", 2)
    known = view(
        (c.cursor_key(A, second), cursor()),
        (c.cursor_key(A, third), cursor()),
        (c.cursor_key(A, c.PartitionId("other", 0)), cursor(topic="other")),
    )
    assert of(known) == [Leftover(third, (), (c.cursor_key(A, third),))]  # the new topic has two partitions only
    of_second = owned_of(known, identity=c.PartitionId("id", 1))
    assert leftovers(known, of_second, [], now=NOW) == [Leftover(second, (), (c.cursor_key(A, second),))]
    known.apply(c.cursor_key(B, third), b"of a later version", 9)
    assert of(known) == []


def test_of_topics_that_nobody_names_the_triggers_deleted_long_ago_go() -> None:
    known = view(
        (c.reader_key(OLD), c.ReaderRecord(5, "me", 0)),
        (c.cursor_key(A, OLD), cursor(topic="gone", deleted=LONG_AGO)),
        (c.owed_key(A, OLD, 3), retry()),
        (c.status_key(A, OLD), c.StatusRecord("me")),
        (c.cursor_key(B, OLD), cursor(topic="gone", deleted=NOW - 60)),
        (c.cursor_key(A, HERE), cursor(deleted=LONG_AGO)),
        (c.cursor_key(B, HERE), cursor()),
    )
    assert abandoned(known, {"topic"}, now=NOW) == [
        Leftover(OLD, (c.owed_key(A, OLD, 3), c.status_key(A, OLD)), (c.cursor_key(A, OLD),), A),
    ]
    assert abandoned(known, {"topic", "gone"}, now=NOW) == []


HELD = trigger("a")
ANOTHER = replace(HELD, topic="another")


def force(told: float | None, *triggers: TriggerPlan) -> c.ForceRecord:
    """What is said of these Triggers; an earlier version does not say since when."""
    since = () if told is None else tuple(c.Since(c.identity_of(held), told, told) for held in triggers)
    return c.ForceRecord({str(held.name): held.generation for held in triggers}, since)


@pytest.mark.parametrize(
    ("why", "gone", "ours", "plan"),
    [
        ("the Trigger is gone", force(5.0, HELD), force(5.0), Plan()),
        ("the Trigger is another", force(5.0, HELD), force(9.0, ANOTHER), plan(ANOTHER)),
        ("we have told it as early", force(5.0, HELD), force(5.0, HELD), plan(HELD)),
        ("it had nothing", force(5.0), force(5.0, HELD), plan(HELD)),
        ("it does not say since when", force(None, HELD), force(5.0, HELD), plan(HELD)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_dispatcher_had_in_force_goes_once_nothing_hangs_on_it(
    why: str, gone: c.ForceRecord, ours: c.ForceRecord, plan: Plan
) -> None:
    known = view((c.force_key("gone"), gone), (c.force_key("me"), ours))
    assert outlived(known, "me", [], plan) == {"gone": c.ForceRecord({})}
    assert outlived(known, "me", ["gone"], plan) == {}


@pytest.mark.parametrize("told", [5.0, None])
def test_of_the_last_owner_of_a_partition_all_stays_that_is_of_the_plan(told: float | None) -> None:
    """It tells of a missing cursor.  An earlier version does not say which Trigger of a name it had."""
    known = view(
        (c.force_key("gone"), force(told, HELD, trigger("b"), trigger("c"))),
        (c.force_key("me"), force(5.0, HELD)),
        (c.reader_key(HERE), c.ReaderRecord(5, "gone:1", 0)),
    )
    assert outlived(known, "me", [], plan(HELD, trigger("b"), trigger("c"))) == {}
    assert outlived(known, "me", [], plan(HELD, trigger("c"))) == {"gone": force(told, HELD, trigger("c"))}
    left = force(told, *([] if told else [HELD]), trigger("c"))
    assert outlived(known, "me", [], plan(ANOTHER, trigger("c"))) == {"gone": left}


@pytest.mark.parametrize("ours", [force(5.0), force(6.0, HELD), force(4.0, ANOTHER)])
def test_it_stays_while_it_alone_tells_since_when(ours: c.ForceRecord) -> None:
    known = view((c.force_key("gone"), force(5.0, HELD)), (c.force_key("me"), ours))
    assert outlived(known, "me", [], plan(replace(HELD, generation="changed"))) == {}
