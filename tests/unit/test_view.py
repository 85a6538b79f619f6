"""What the records of the cursors topic add up to."""

from dataclasses import replace

from tests.shell.dispatching import trigger
from tests.unit.cursor_states import HERE, NOW, OTHER, A, B, cursor, view
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.view import Pause, Stored, View, effective_next


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


def test_law_5_who_speaks_for_whom() -> None:
    reader = c.ReaderRecord(50, "me", seen=7)
    mine, theirs = cursor(10, attached=True, owner="me"), cursor(10, attached=True)
    assert effective_next(Stored(mine, 99), reader) == 50
    assert effective_next(Stored(theirs, 7), reader) == 50
    assert effective_next(Stored(theirs, 8), reader) == 10
    assert effective_next(Stored(cursor(10, owner="me"), 3), reader) == 10
    assert effective_next(Stored(cursor(60, attached=True, owner="me"), 3), reader) == 60
    assert effective_next(Stored(mine, 3), None) == 10


def test_an_offset_that_the_cursor_lists_and_that_has_a_record_of_its_own_is_owed_once() -> None:
    known = view((c.cursor_key(A, HERE), cursor(9, owed=(3, 4))), (c.owed_key(A, HERE, 3), c.OwedRecord(2, NOW, "old")))
    state = known.state(A, HERE)
    assert state is not None
    assert sorted((entry.offset, entry.journey.attempts) for entry in state.owed) == [(3, 2), (4, 0)]


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


def test_a_partitions_state_lies_in_one_partition_of_the_cursors_topic() -> None:
    found = {c.cursor_partition(c.PartitionId("id", number), 10) for number in range(200)}
    assert found == set(range(10))


def test_a_pause_is_a_record_that_is_there_until_the_trigger_is_resumed() -> None:
    record = c.PauseRecord("me@here", NOW, "maintenance")
    known = View()
    assert known.apply(c.pause_key(A), c.encode(record), 0) == Pause(A, True)
    assert known.paused == {A: record}
    assert known.apply(c.pause_key(B), b'{"who":"x","since":1,"v":2}', 1) is None
    assert known.apply(c.pause_key(A), None, 2) == Pause(A, False)
    assert known.apply(c.pause_key(A), None, 3) == Pause(A, False)
    assert not known.paused


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
