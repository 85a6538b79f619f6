"""Records and state: where a Trigger starts, what is taken over, what an owner writes and what it makes of the rest."""

from dataclasses import replace

import msgspec
import pytest

from tests.shell.dispatching import trigger
from tradewind.delivery.journey import Failure, Journey, Phase
from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.ownership import KEPT, Alarm, Ground, OwnedPartition
from tradewind.trigger_dispatcher.takeover import Start, start_of, take_over
from tradewind.trigger_dispatcher.view import Pause, State, Stored, View, Write, effective_next

A, B = NamespacedName("default", "a"), NamespacedName("default", "b")
HERE = c.PartitionId("id", 1)
NOW = 1_000_000.0


def ground(*, external: bool = False, start: int = 0, end: int = 100, partitions: int = 3) -> Ground:
    return Ground(HERE, "topic", partitions, Bounds(start, end), external=external)


def cursor(next_offset: int, **changes: object) -> c.CursorRecord:
    fields = {"owner": "old", "topic": "topic", "partitions": 3, **changes}
    return c.CursorRecord(next_offset, **fields)  # type: ignore[arg-type]


def view(*records: tuple[bytes, c.Value | None]) -> View:
    made = View()
    for at, (key, value) in enumerate(records):
        made.apply(key, None if value is None else c.encode(value), at)
    return made


def start(known: View, where: Ground, *, migrated: int | None = None, kept: State | None = None) -> Start:
    return start_of(known, where, A, migrated=migrated, kept=kept, now=NOW, generation="g")


OTHER = c.PartitionId("id", 0)
THIRD = c.PartitionId("id", 2)
GONE = c.PartitionId("gone", 1)
READ = (c.reader_key(OTHER), c.ReaderRecord(5, "old", 0))
TOLD_AT_5 = c.ForceRecord({"default/a": "g"}, (c.Since(0, 1.0, 5.0),))
"""By this member; by another before it earlier."""


@pytest.mark.parametrize(
    ("why", "known", "where", "migrated", "expected"),
    [
        ("topic and Trigger are new", view(), ground(), None, Start(0, earliest=True)),
        ("the topic is the user's own", view(), ground(external=True), None, Start(100)),
        ("the topic has been read before", view(READ), ground(), None, Start(100)),
        ("Knative's dispatcher was at 40", view(), ground(), 40, Start(40)),
        ("Knative's offset lies below the log", view(), ground(start=60), 40, Start(60)),
        ("Knative's offset lies beyond the log", view(), ground(end=30), 40, Start(30)),
        ("pinned at the end elsewhere", view(READ, (c.cursor_key(A, OTHER), cursor(7))), ground(), None, Start(100)),
        ("pinned elsewhere before", view(READ, (c.cursor_key(A, OTHER), cursor(7, since=9.0)),
                                         (c.cursor_key(A, THIRD), cursor(7, since=5.0))), ground(), None,
         Start(100, moment=5.0, since=5.0)),
        ("deleted elsewhere long ago", view(READ, (c.cursor_key(A, OTHER), cursor(7, since=9.0, deleted=0.0))),
         ground(), None, Start(100)),
        ("deleted long ago where it began at the start",
         view(READ, (c.cursor_key(A, OTHER), cursor(7, earliest=True, deleted=0.0))), ground(), None, Start(100)),
        ("the partition was added when it had been deleted for long",
         view(READ, (c.cursor_key(A, OTHER), cursor(7, partitions=1, deleted=0.0))), ground(), None, Start(100)),
        ("the topic was made again when it had been deleted for long",
         view(READ, (c.cursor_key(A, GONE), cursor(70, deleted=0.0))), ground(), None, Start(100)),
        ("began at the start elsewhere", view(READ, (c.cursor_key(A, OTHER), cursor(7, earliest=True))), ground(), None,
         Start(0, earliest=True)),
        ("the partition was added", view(READ, (c.cursor_key(A, OTHER), cursor(7, partitions=1))), ground(), None,
         Start(0, before=1)),
        ("retention has taken of a partition that was added before anybody owned it",
         view(READ, (c.cursor_key(A, OTHER), cursor(7, partitions=1))), ground(start=3), None,
         Start(3, before=1, alarm=Alarm("retention has overtaken the cursor", A, 0, 3))),
        ("the topic was made again", view((c.cursor_key(A, GONE), cursor(70))), ground(), None,
         Start(0, earliest=True, alarm=Alarm("topic was made again", A, 70, 0))),
        ("its cursor is lost", view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0)),
                                    (c.force_key("dispatcher-1"), c.ForceRecord({"default/a": "g"}))), ground(start=3),
         40, Start(3, alarm=Alarm("cursor is missing", A, 3, 3))),
        ("in force elsewhere", view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0)),
                                    (c.force_key("dispatcher-1"), c.ForceRecord({"default/b": "g"})),
                                    (c.force_key("dispatcher-0"), c.ForceRecord({"default/a": "g"}))), ground(), None,
         Start(100)),
        ("of another topic before", view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0)),
                                    (c.force_key("dispatcher-1"), c.ForceRecord({"default/a": "other"}))), ground(),
         None, Start(100)),
        ("the last owner told it when it had the partition no more",
         view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0, 4.0)),
              (c.force_key("dispatcher-1"), TOLD_AT_5)), ground(), None, Start(100)),
        ("the last owner told it while it had the partition",
         view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0, 5.0)),
              (c.force_key("dispatcher-1"), TOLD_AT_5)), ground(start=3), None,
         Start(3, alarm=Alarm("cursor is missing", A, 3, 3))),
        ("the last owner did not say when it had the partition: it was of an earlier version",
         view(READ, (c.reader_key(HERE), c.ReaderRecord(9, "dispatcher-1:x", 0)),
              (c.force_key("dispatcher-1"), TOLD_AT_5)), ground(start=3), None,
         Start(3, alarm=Alarm("cursor is missing", A, 3, 3))),
        ("another topic is no matter", view(READ, (c.cursor_key(A, GONE), cursor(70, topic="other"))), ground(), None,
         Start(100)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_where_a_trigger_starts(why: str, known: View, where: Ground, migrated: int | None, expected: Start) -> None:
    assert start(known, where, migrated=migrated) == expected


PINNED = (c.cursor_key(A, OTHER), cursor(7, since=9.0))
AT_0 = "1970-01-01T00:00:00.000000Z"
AT_8 = "1970-01-01T00:00:08.000000Z"
AT_10 = "1970-01-01T00:00:10.000000Z"


@pytest.mark.parametrize(
    ("known", "where", "migrated", "asked", "expected"),
    [
        (view(READ), ground(), None, "latest", Start(100)),
        (view(), ground(), None, "latest", Start(0, earliest=True)),
        (view(), ground(), 40, "latest", Start(40)),
        (view(READ), ground(), None, "earliest", Start(0, earliest=True)),
        (view(READ), ground(start=60), None, "earliest", Start(60, earliest=True)),
        (view(READ), ground(external=True), None, "earliest", Start(0, earliest=True)),
        (view(READ), ground(), 40, "earliest", Start(0, earliest=True)),
        (view(READ), ground(), None, AT_0, Start(100, moment=0.0)),
        (view(READ), ground(), None, AT_8, Start(100, moment=8.0)),
        (view(), ground(), 40, AT_8, Start(100, moment=8.0)),
        (view(READ, PINNED), ground(), None, AT_8, Start(100, moment=8.0, since=9.0)),
        # the annotation has been changed since: what came since the Trigger was pinned is not skipped
        (view(READ, PINNED), ground(), None, AT_10, Start(100, moment=9.0, since=9.0)),
        (view(READ, (c.cursor_key(A, OTHER), cursor(7, earliest=True))), ground(), None, AT_8, Start(0, earliest=True)),
        # it was deleted, and the annotation says something else since
        (
            view(READ, (c.cursor_key(A, OTHER), cursor(7, earliest=True, deleted=NOW - 60))),
            ground(),
            None,
            "latest",
            Start(100),
        ),
        (
            view(READ, (c.cursor_key(A, OTHER), cursor(7, partitions=1, deleted=NOW - 60))),
            ground(),
            None,
            AT_8,
            Start(100, moment=8.0),
        ),
    ],
)
def test_where_a_trigger_starts_by_its_annotation(
    known: View, where: Ground, migrated: int | None, asked: str, expected: Start
) -> None:
    assert start_of(known, where, A, migrated=migrated, kept=None, now=NOW, start=asked) == expected


@pytest.mark.parametrize(
    ("known", "where", "kept", "asked", "expected"),
    [
        (view(READ), ground(), None, "", Start(100, moment=7.0, since=7.0)),
        (view(READ), ground(external=True), None, "latest", Start(100, moment=7.0, since=7.0)),
        (view(READ), ground(), None, "earliest", Start(0, earliest=True, moment=7.0, since=7.0)),
        (view(READ), ground(), None, AT_8, Start(100, moment=7.0, since=7.0)),
        (view(READ), ground(), None, AT_0, Start(100, moment=0.0, since=7.0)),
        (view(), ground(), None, "", Start(0, earliest=True)),
        (view(READ, PINNED), ground(), None, "", Start(100, moment=7.0, since=7.0)),
        (view(READ, (c.cursor_key(A, OTHER), cursor(7, since=5.0))), ground(), None, "",
         Start(100, moment=5.0, since=5.0)),
        # it was deleted, and told to be in force after that
        (view(READ), ground(), State(10, (), cursor(10, deleted=6.0)), "latest",
         Start(100, moment=7.0, since=7.0)),
    ],
)  # fmt: skip
def test_where_a_trigger_starts_that_was_told_to_be_in_force_before_it_had_a_place(
    known: View, where: Ground, kept: State | None, asked: str, expected: Start
) -> None:
    assert start_of(known, where, A, migrated=None, kept=kept, now=NOW, start=asked, told=7.0) == expected


def test_a_trigger_has_been_told_since_the_first_who_did_whatever_was_changed_of_it() -> None:
    held = trigger("a")
    this, other = c.identity_of(held), c.identity_of(replace(held, topic="another"))
    known = view(
        (c.force_key("one"), c.ForceRecord({"default/b": "g", "default/a": "g"}, (since(this, 3.0), since(this, 8.0)))),
        (c.force_key("two"), c.ForceRecord({"default/a": "of before"}, (since(this, 7.0),))),
        (c.force_key("another"), c.ForceRecord({"default/a": "g"}, (since(other, 1.0),))),
        (c.force_key("earlier version"), c.ForceRecord({"default/a": "g"})),
        (c.force_key("gone"), c.ForceRecord({"default/a": "g"}, (since(this, 2.0),))),
        (c.force_key("gone"), None),
    )
    assert known.told(held) == 7.0
    assert known.told(trigger("later")) is None
    assert known.since("two", held) == since(this, 7.0)
    assert known.since("gone", held) is known.since("another", held) is None


def since(identity: int, told: float) -> c.Since:
    return c.Since(identity, told, told + 1)


@pytest.mark.parametrize(
    ("before", "now", "kept", "expected"),
    [
        ("", "", True, None),
        ("earliest", "earliest", True, None),  # applied again unchanged: not a day of events once more
        (AT_8, AT_8, True, None),
        ("earliest", "", True, None),
        ("", "earliest", False, Start(0, earliest=True)),
        ("earliest", "latest", False, Start(100)),
        ("latest", AT_8, False, Start(100, moment=8.0)),
    ],
)
def test_a_deleted_trigger_keeps_its_place_unless_its_annotation_says_otherwise(
    before: str, now: str, kept: bool, expected: Start | None
) -> None:
    known = view((c.cursor_key(A, HERE), cursor(10, deleted=NOW - 60, start=before)))
    owned, _ = take_over(known, ground(), {A: now}, owner="me", seen=0, now=NOW)
    assert owned.revive(A, now=NOW, start=now) is kept
    if kept:
        assert (owned.ledgers[A].next, owned.ledgers[A].start) == (10, now)
    else:
        assert start_of(known, ground(), A, migrated=40, kept=known.state(A, HERE), now=NOW, start=now) == expected


def test_an_annotation_that_changes_while_the_trigger_is_there_is_only_remembered() -> None:
    owned = owner()
    owned.cursor(A)
    assert owned.revive(A, now=NOW, start="earliest")
    assert (owned.ledgers[A].changed, owned.ledgers[A].start) == (True, "earliest")
    owned.retire(A, now=NOW)
    assert owned.revive(A, now=NOW, start="earliest")
    assert View().apply(c.cursor_key(A, HERE), owned.cursor(A).value, 0)


def test_a_trigger_that_starts_anew_keeps_what_it_owes_from_there_on_with_its_attempts() -> None:
    owned = owner()
    for offset in (3, 7, 8):
        owned.match(A, offset, room=True)
        owned.ledgers[A].wait(offset, Journey(attempts=2), NOW + 9)
    owned.ledgers[A].settle(8)
    owned.retire(A, now=NOW)
    owned.pin(A, 5, since=NOW, start=AT_8)
    ledger = owned.ledgers[A]
    assert (ledger.first, ledger.start, ledger.next) == (5, AT_8, 5)
    assert {offset: entry.journey.attempts for offset, entry in ledger.owed.items()} == {7: 2}
    assert ledger.tombstones == {3, 8}
    owned.match(A, 8, room=True)
    ledger.wait(8, Journey(attempts=1), NOW + 9)  # of its second life: its record must not be taken away
    assert [(p.offset, p.value is None) for p in owned.retries()] == [(7, False), (8, False), (3, True)]


def test_a_trigger_deleted_long_ago_starts_anew_and_forgets_what_it_owed() -> None:
    known = view(
        (c.cursor_key(A, HERE), cursor(10, deleted=NOW - KEPT - 1)),
        (c.owed_key(A, HERE, 4), c.OwedRecord(1, NOW, "old")),
    )
    owned, _ = take_over(known, ground(), {A: ""}, owner="me", seen=1, now=NOW)
    assert not owned.revive(A, now=NOW)
    begin = start(known, ground(), kept=known.state(A, HERE))
    assert begin == Start(100)
    owned.pin(A, begin.offset, since=NOW)
    assert [(p.key, p.value) for p in owned.retries()] == [(c.owed_key(A, HERE, 4), None)]


def test_a_trigger_deleted_lately_goes_on_where_it_stood() -> None:
    known = view((c.cursor_key(A, HERE), cursor(10, deleted=NOW - 60)))
    owned, _ = take_over(known, ground(), {A: ""}, owner="me", seen=0, now=NOW)
    assert owned.ledgers[A].next == 10
    assert owned.ledgers[A].deleted is None
    assert not owned.revive(B, now=NOW)


def test_law_5_who_speaks_for_whom() -> None:
    reader = c.ReaderRecord(50, "me", seen=7)
    mine, theirs = cursor(10, attached=True, owner="me"), cursor(10, attached=True)
    assert effective_next(Stored(mine, 99), reader) == 50
    assert effective_next(Stored(theirs, 7), reader) == 50
    assert effective_next(Stored(theirs, 8), reader) == 10
    assert effective_next(Stored(cursor(10, owner="me"), 3), reader) == 10
    assert effective_next(Stored(cursor(60, attached=True, owner="me"), 3), reader) == 60
    assert effective_next(Stored(mine, 3), None) == 10


def test_state_is_taken_over_whole() -> None:
    failure = Failure("http://a", "status 500", 500, "eA==", {"why": "x"})
    known = view(
        (c.reader_key(HERE), c.ReaderRecord(50, "old", 0)),
        (c.cursor_key(A, HERE), cursor(10, attached=True, owed=(3, 5))),
        (c.owed_key(A, HERE, 5), c.OwedRecord(2, NOW + 9, "old", Phase.SINK, failure)),
        (c.cursor_key(B, HERE), cursor(20, attached=True)),
    )
    owned, alarms = take_over(known, ground(), {A: ""}, owner="me", seen=3, now=NOW)
    assert not alarms
    assert owned.position == 50
    ledger = owned.ledgers[A]
    assert ledger.attached
    assert owned.effective_next(A) == 50
    assert ledger.owed[3].journey == Journey()
    assert ledger.owed[5].journey == Journey(Phase.SINK, 2, failure)
    assert ledger.owed[5].due == NOW + 9
    gone = owned.ledgers[B]
    assert (gone.attached, gone.next, gone.deleted) == (False, 50, NOW)
    assert [name for name in (A, B) if owned.serves(name)] == [A]


@pytest.mark.parametrize(
    ("bounds", "position", "where", "what"),
    [((60, 100), 60, 60, "retention has overtaken the cursor"), ((0, 30), 30, 30, "the log ends before the cursor")],
)
def test_a_log_that_was_cut_is_an_alarm_and_goes_on(
    bounds: tuple[int, int], position: int, where: int, what: str
) -> None:
    known = view((c.reader_key(HERE), c.ReaderRecord(50, "old", 0)), (c.cursor_key(A, HERE), cursor(40)))
    owned, alarms = take_over(known, ground(start=bounds[0], end=bounds[1]), {A: ""}, owner="me", seen=1, now=NOW)
    assert owned.position == position
    assert owned.ledgers[A].next == where
    assert alarms == [Alarm(what, None, 50, position), Alarm(what, A, 40, where)]


def test_a_topic_of_the_users_is_read_from_its_end() -> None:
    owned, _ = take_over(view(), ground(external=True), {A: ""}, owner="me", seen=-1, now=NOW)
    assert owned.position == 100


def owner() -> OwnedPartition:
    owned, _ = take_over(view(), ground(), {A: ""}, owner="me", seen=-1, now=NOW)
    owned.pin(A, 0, earliest=True, since=NOW)
    owned.try_attach(A)
    return owned


def test_bounds_that_were_asked_for_before_more_was_read_move_nothing() -> None:
    owned = owner()
    owned.position = 120
    assert owned.truncated(Bounds(0, 100), asked_at=90) == []
    assert (owned.position, owned.effective_next(A)) == (120, 120)
    assert owned.truncated(Bounds(0, 100), asked_at=120) == [
        Alarm("the log ends before the cursor", None, 120, 100),
    ]


def test_the_reader_states_no_position_past_a_record_that_is_not_kept() -> None:
    owned = owner()
    owned.position = 10
    owned.unreadable |= {4, 7}
    owned.cursors()
    assert owned.reader(now=NOW) == (c.reader_key(HERE), c.encode(c.ReaderRecord(4, "me", -1, NOW)), None, None)
    assert owned.reader(now=NOW) is None
    owned.unreadable.clear()
    owned.cursors()
    assert owned.reader(now=NOW) is not None


def test_a_waiting_retry_moves_from_the_cursor_to_a_record_of_its_own() -> None:
    owned = owner()
    ledger = owned.ledgers[A]
    assert ledger.owe(3)
    ledger.wait(3, Journey(attempts=1), NOW + 5)
    assert not ledger.owe(3)
    (retry,) = owned.retries()
    assert retry.value == c.encode(c.OwedRecord(1, NOW + 5, "me"))
    assert owned.retries() == []
    assert ledger.unrecorded() == (3,)
    assert len(owned.cursors()) == 1
    owned.failed(retry)
    (retry,) = owned.retries()
    owned.acknowledged(retry)
    assert ledger.unrecorded() == ()
    assert len(owned.cursors()) == 1  # it lists the offset no longer, before that record is taken away again
    ledger.settle(3)
    assert len(owned.cursors()) == 1
    ledger.settle(3)
    ledger.wait(3, Journey(attempts=9), NOW)
    (tombstone,) = owned.retries()
    assert tombstone.value is None
    owned.failed(tombstone)
    assert owned.retries() == [tombstone]
    owned.acknowledged(tombstone)
    assert owned.retries() == []
    owned.failed(retry)  # it has been settled meanwhile
    assert owned.retries() == []


def test_what_is_settled_without_ever_waiting_leaves_the_cursors_list() -> None:
    owned = owner()
    owned.ledgers[A].owe(3)
    assert [msgspec.json.decode(one.value or b"")["owed"] for one in owned.cursors()] == [[3]]
    owned.ledgers[A].settle(3)
    assert [msgspec.json.decode(one.value or b"").get("owed") for one in owned.cursors()] == [None]


def test_an_offset_that_the_cursor_lists_and_that_has_a_record_of_its_own_is_owed_once() -> None:
    known = view((c.cursor_key(A, HERE), cursor(9, owed=(3, 4))), (c.owed_key(A, HERE, 3), c.OwedRecord(2, NOW, "old")))
    state = known.state(A, HERE)
    assert state is not None
    assert sorted((entry.offset, entry.journey.attempts) for entry in state.owed) == [(3, 2), (4, 0)]


def test_the_place_of_a_trigger_that_goes_is_where_the_reader_spoke_for_it() -> None:
    owned = owner()
    owned.position = 40
    owned.retire(A, now=NOW)
    ledger = owned.ledgers[A]
    assert (ledger.attached, ledger.next, ledger.deleted) == (False, 40, NOW)


def test_a_trigger_that_is_ahead_of_the_reader_and_has_no_room_stays_where_it_is() -> None:
    owned = owner()
    ledger = owned.ledgers[A]
    ledger.advance(50)
    owned.match(A, 20, room=False)
    assert (ledger.attached, ledger.next) == (False, 50)


def test_after_a_failed_write_every_attached_cursor_is_written_under_a_new_name() -> None:
    owned = owner()
    (pending,) = owned.cursors()
    assert owned.cursors() == []
    reader = owned.reader(now=NOW)
    assert reader is not None
    owned.acknowledged(pending)
    owned.failed(reader)
    assert owned.reader(now=NOW) is not None
    owned.renew("me again")
    (again,) = owned.cursors()
    assert b'"owner":"me again"' in (again.value or b"")
    owned.failed(again)
    assert len(owned.cursors()) == 1
    assert owned.reader(now=NOW) is not None


def test_where_the_cursors_topic_is_another_everything_is_written_again() -> None:
    owned = owner()
    owned.seen = 40
    for offset in (3, 4, 5):
        owned.match(A, offset, room=True)
    ledger = owned.ledgers[A]
    for offset in (3, 4):
        ledger.wait(offset, Journey(Phase.SUBSCRIBER, 1), NOW)
    stored = [*owned.retries(), *owned.cursors(), owned.reader(now=NOW)]
    for pending in filter(None, stored):
        owned.acknowledged(pending)
    ledger.settle(4)  # its tombstone is for a record that is not there
    owned.cursors()
    assert not owned.cursors() and owned.reader(now=NOW) is None
    owned.rewrite()
    assert [pending.offset for pending in owned.retries()] == [3]
    (cursor,) = owned.cursors()
    assert msgspec.json.decode(cursor.value or b"")["owed"] == [5]
    reader = owned.reader(now=NOW)
    assert reader and msgspec.json.decode(reader.value or b"")["seen"] == -1


def test_a_kill_between_two_writes_repeats_no_more_than_since_the_last() -> None:
    """An attached Trigger's cursor says as far as the reader has come: nobody may be left to speak for it."""
    owned = owner()
    owned.position = 90
    (pending,) = owned.cursors()
    reader = owned.reader(now=NOW)
    assert reader is not None
    stored = [(one.key, one.value) for one in (pending, reader)]
    owned.renew("me again")  # a write failed: what the reader said under the old name speaks for nobody any more
    owned.position = 95
    stored += [(one.key, one.value) for one in owned.cursors()]
    known = View()
    for at, (key, value) in enumerate(stored):
        known.apply(key, value, at)
    after, _ = take_over(known, ground(), {A: ""}, owner="other", seen=len(stored) - 1, now=NOW)
    assert after.effective_next(A) >= 90


def test_what_another_wrote_on_our_keys_is_written_again() -> None:
    owned = owner()
    owned.ledgers[A].owe(3)
    owned.cursors()
    owned.reader(now=NOW)
    for write in (Write(HERE, "me", A), Write(HERE, "them", B), Write(HERE, "them", A, 99)):
        owned.overwritten(write)
    assert owned.cursors() == owned.retries() == []
    owned.overwritten(Write(HERE, "them", A, 3))
    assert [pending.offset for pending in owned.retries()] == [3]
    owned.overwritten(Write(HERE, "them", A))
    assert [pending.trigger for pending in owned.cursors()] == [A]
    owned.overwritten(Write(HERE, "them"))
    assert owned.reader(now=NOW) is not None


def test_what_another_wrote_of_an_event_that_is_owed_anew_is_not_taken_away_again() -> None:
    """The Trigger began anew further down, and the tombstone of that event's earlier life is still to be written."""
    owned = OwnedPartition(ground(), owner="me", seen=0, position=50)
    owned.pin(A, 10, since=NOW)
    ledger = owned.ledgers[A]
    ledger.owe(12)
    ledger.wait(12, Journey(attempts=1), NOW)
    ledger.settle(12)
    owned.pin(A, 0, since=NOW)
    owned.match(A, 12, room=True)
    owned.overwritten(Write(HERE, "another", A, 12))
    made = view()
    for pending in owned.retries():
        made.apply(pending.key, pending.value, 0)
        owned.acknowledged(pending)
    (pending,) = owned.cursors()
    made.apply(pending.key, pending.value, 1)
    state = made.state(A, HERE)
    assert state is not None
    assert [entry.offset for entry in state.owed] == [12]


def test_a_view_forgets_what_was_removed_and_counts_what_it_cannot_read() -> None:
    known = view(
        (c.reader_key(HERE), c.ReaderRecord(1, "x", 0)), (c.reader_key(HERE), None),
        (c.cursor_key(A, HERE), cursor(1)), (c.owed_key(A, HERE, 4), c.OwedRecord(1, 0.0, "x")),
        (c.owed_key(A, HERE, 4), None), (c.owed_key(A, HERE, 5), None),
        (c.force_key("dispatcher-0"), c.ForceRecord({"default/a": "g"})), (c.force_key("dispatcher-1"), None),
        (b"unknown/key", c.ForceRecord({})),
    )  # fmt: skip
    state = known.state(A, HERE)
    assert state is not None
    assert state.owed == ()
    assert known.force["dispatcher-0"].triggers == {"default/a": "g"}
    assert not known.readers
    known.apply(c.cursor_key(A, HERE), None, 9)
    assert known.state(A, HERE) is None
    assert not known.unreadable
    for key, value in [
        (b"reader/id/x", b"{}"),
        (b"\xff", b""),
        (c.reader_key(HERE), b"garbage"),
        (c.reader_key(HERE), b'{"position":1,"owner":"x","seen":0,"v":2}'),
    ]:
        assert known.apply(key, value, 10) is None
    assert not known.unreadable


def test_a_trigger_whose_cursor_cannot_be_read_begins_at_the_start_with_an_alarm() -> None:
    known = view(READ, (c.cursor_key(A, HERE), cursor(70)), (c.cursor_key(B, HERE), cursor(70)))
    known.apply(c.cursor_key(A, HERE), b'{"next":9,"owner":"x","topic":"topic","partitions":3,"v":2}', 3)
    assert known.state(A, HERE) is None
    assert start(known, ground(), migrated=80) == Start(0, alarm=Alarm("cursor cannot be read", A, 0, 0))
    known.apply(c.cursor_key(A, HERE), c.encode(cursor(75)), 4)
    assert start(known, ground(), migrated=80) != start(known, ground(start=3))
    assert not known.unreadable[HERE]


def test_a_partitions_state_lies_in_one_partition_of_the_cursors_topic() -> None:
    found = {c.cursor_partition(c.PartitionId("id", number), 10) for number in range(200)}
    assert found == set(range(10))


def test_a_detached_ledger_stays_where_it_is() -> None:
    owned = owner()
    ledger = owned.ledgers[A]
    ledger.detach(5)
    ledger.detach(9)
    assert ledger.next == 5
    ledger.advance(3)
    assert ledger.next == 5
    owned.retire(A, now=NOW)
    owned.retire(A, now=NOW + 5)
    assert ledger.deleted == NOW


def test_a_pause_is_a_record_that_is_there_until_the_trigger_is_resumed() -> None:
    record = c.PauseRecord("me@here", NOW, "maintenance")
    known = View()
    assert known.apply(c.pause_key(A), c.encode(record), 0) == Pause(A, True)
    assert known.paused == {A: record}
    assert known.apply(c.pause_key(B), b'{"who":"x","since":1,"v":2}', 1) is None
    assert known.apply(c.pause_key(A), None, 2) == Pause(A, False)
    assert known.apply(c.pause_key(A), None, 3) == Pause(A, False)
    assert not known.paused


def test_a_filter_decides_from_where_the_trigger_stands_when_it_comes_into_force() -> None:
    known = view((c.cursor_key(A, HERE), cursor(7)), (c.reader_key(HERE), c.ReaderRecord(20, "old", 9)))
    owned, _ = take_over(known, ground(), {A: ""}, owner="me", seen=9, now=NOW)
    ledger = owned.ledgers[A]
    assert (ledger.filter, ledger.decided) == ("", -1)  # written before there were any
    owned.decide(A, "f1")
    assert (ledger.filter, ledger.decided) == ("f1", 7)
    ledger.advance(30)
    assert owned.try_attach(A)
    owned.position = 50
    ledger.changed = False
    owned.decide(A, "f1")
    assert (ledger.decided, ledger.changed) == (7, False)
    owned.decide(A, "f2")  # attached: the shared reader has looked at what lies below its position
    assert (ledger.decided, ledger.changed) == (50, True)
    kept = view((c.cursor_key(A, HERE), None))
    pending = owned.cursor(A)
    kept.apply(pending.key, pending.value, 1)
    again, _ = take_over(kept, ground(), {A: ""}, owner="you", seen=1, now=NOW)
    assert (again.ledgers[A].filter, again.ledgers[A].decided) == ("f2", 50)


def test_of_a_trigger_that_was_deleted_it_is_known_when_while_a_cursor_says_so() -> None:
    known = view((c.cursor_key(A, HERE), cursor(7)))
    assert known.deleted(A, "topic") == 0.0
    for here, deleted in ((HERE, 5.0), (OTHER, 6.0)):
        known.apply(c.cursor_key(A, here), c.encode(cursor(7, deleted=deleted)), 1)
    assert (known.deleted(A, "topic"), known.deleted(A, "other"), known.deleted(B, "topic")) == (6.0, 0.0, 0.0)
    known.apply(c.cursor_key(A, OTHER), c.encode(cursor(7)), 2)
    assert known.deleted(A, "topic") == 5.0
    known.apply(c.cursor_key(A, HERE), None, 3)
    assert known.deleted(A, "topic") == 0.0
