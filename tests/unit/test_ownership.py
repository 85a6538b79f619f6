"""What an owner writes of a partition, and what it makes of what others wrote."""

import msgspec

from tests.unit.cursor_states import AT_8, HERE, NOW, A, B, cursor, ground, view
from tradewind.delivery.journey import Journey, Phase
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.ownership import Alarm, OwnedPartition
from tradewind.trigger_dispatcher.takeover import take_over
from tradewind.trigger_dispatcher.view import View, Write


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
        owned.ledgers[A].match(offset, room=True)
        owned.ledgers[A].wait(offset, Journey(attempts=2), NOW + 9)
    owned.ledgers[A].settle(8)
    owned.retire(A, now=NOW)
    owned.pin(A, 5, since=NOW, start=AT_8)
    ledger = owned.ledgers[A]
    assert (ledger.first, ledger.start, ledger.next) == (5, AT_8, 5)
    assert {offset: entry.journey.attempts for offset, entry in ledger.owed.items()} == {7: 2}
    assert set(ledger.tombstones) == {3, 8}
    owned.ledgers[A].match(8, room=True)
    ledger.wait(8, Journey(attempts=1), NOW + 9)  # of its second life: its record must not be taken away
    assert [(p.offset, p.value is None) for p in owned.retries()] == [(7, False), (8, False), (3, True)]


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
    [*owned.cursors()]
    assert owned.reader(now=NOW) == (c.reader_key(HERE), c.encode(c.ReaderRecord(4, "me", -1, NOW)), None, None)
    assert owned.reader(now=NOW) is None
    owned.unreadable.clear()
    [*owned.cursors()]
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
    assert len([*owned.cursors()]) == 1
    owned.failed(retry)
    (retry,) = owned.retries()
    owned.acknowledged(retry)
    assert ledger.unrecorded() == ()
    assert len([*owned.cursors()]) == 1  # it lists the offset no longer, before that record is taken away again
    ledger.settle(3)
    assert len([*owned.cursors()]) == 1
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
    owned.ledgers[A].match(20, room=False)
    assert (ledger.attached, ledger.next) == (False, 50)


def test_after_a_failed_write_every_attached_cursor_is_written_under_a_new_name() -> None:
    owned = owner()
    (pending,) = owned.cursors()
    assert [*owned.cursors()] == []
    reader = owned.reader(now=NOW)
    assert reader is not None
    owned.acknowledged(pending)
    owned.failed(reader)
    assert owned.reader(now=NOW) is not None
    owned.renew("me again")
    (again,) = owned.cursors()
    assert b'"owner":"me again"' in (again.value or b"")
    owned.failed(again)
    assert len([*owned.cursors()]) == 1
    assert owned.reader(now=NOW) is not None


def test_a_trigger_that_comes_while_cursors_are_written_is_written_after_them() -> None:
    owned = owner()
    written = owned.cursors()
    owned.pin(B, 0, since=NOW)
    assert [pending.trigger for pending in written] == [A]
    assert [pending.trigger for pending in owned.cursors()] == [B]


def test_where_the_cursors_topic_is_another_everything_is_written_again() -> None:
    owned = owner()
    owned.seen = 40
    for offset in (3, 4, 5):
        owned.ledgers[A].match(offset, room=True)
    ledger = owned.ledgers[A]
    for offset in (3, 4):
        ledger.wait(offset, Journey(Phase.SUBSCRIBER, 1), NOW)
    stored = [*owned.retries(), *owned.cursors(), owned.reader(now=NOW)]
    for pending in filter(None, stored):
        owned.acknowledged(pending)
    ledger.settle(4)  # its tombstone is for a record that is not there
    [*owned.cursors()]
    assert not [*owned.cursors()] and owned.reader(now=NOW) is None
    owned.rewrite()
    (retry,) = owned.retries()
    assert retry.offset == 3
    owned.acknowledged(retry)
    (cursor,) = owned.cursors()
    assert msgspec.json.decode(cursor.value or b"")["owed"] == [5]
    reader = owned.reader(now=NOW)
    assert reader and msgspec.json.decode(reader.value or b"")["seen"] == -1


def test_a_cursor_that_is_the_first_on_another_topic_lists_the_retries_that_are_not_there() -> None:
    """The topic was found to be another between two rounds: those of the retries come with the next."""
    owned = owner()
    owned.ledgers[A].match(3, room=True)
    owned.ledgers[A].wait(3, Journey(Phase.SUBSCRIBER, 1), NOW)
    for pending in owned.retries():
        owned.acknowledged(pending)
    cursors = owned.cursors()
    owned.rewrite()
    assert [msgspec.json.decode(one.value or b"")["owed"] for one in cursors] == [[3]]


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
    [*owned.cursors()]
    owned.reader(now=NOW)
    for write in (Write(HERE, "me", A), Write(HERE, "them", B), Write(HERE, "them", A, 99)):
        owned.overwritten(write)
    assert [*owned.cursors()] == owned.retries() == []
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
    owned.ledgers[A].match(12, room=True)
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
