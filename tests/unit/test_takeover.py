"""Where a Trigger starts, and what is taken over."""

import pytest

from tests.unit.cursor_states import AT_8, HERE, NOW, OTHER, A, B, cursor, ground, view
from tradewind.delivery.journey import Failure, Journey, Phase
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.ownership import KEPT, Alarm, Ground
from tradewind.trigger_dispatcher.takeover import Start, start_of, take_over
from tradewind.trigger_dispatcher.view import State, View


def start(known: View, where: Ground, *, migrated: int | None = None, kept: State | None = None) -> Start:
    return start_of(known, where, A, migrated=migrated, kept=kept, now=NOW, generation="g")


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


def test_a_trigger_whose_cursor_cannot_be_read_begins_at_the_start_with_an_alarm() -> None:
    known = view(READ, (c.cursor_key(A, HERE), cursor(70)), (c.cursor_key(B, HERE), cursor(70)))
    known.apply(c.cursor_key(A, HERE), b'{"next":9,"owner":"x","topic":"topic","partitions":3,"v":2}', 3)
    assert known.state(A, HERE) is None
    assert start(known, ground(), migrated=80) == Start(0, alarm=Alarm("cursor cannot be read", A, 0, 0))
    known.apply(c.cursor_key(A, HERE), c.encode(cursor(75)), 4)
    assert start(known, ground(), migrated=80) != start(known, ground(start=3))
    assert not known.unreadable[HERE]
