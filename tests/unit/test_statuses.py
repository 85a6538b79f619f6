"""What an owner says of its Triggers, and what of it counts."""

import pytest

from tradewind.delivery.journey import Phase
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.cursors import AlarmStatus, BlockedKey, OpenCircuit, StatusRecord
from tradewind.trigger_dispatcher.ownership import Alarm
from tradewind.trigger_dispatcher.statuses import AGAIN, ALARM_KEPT, Statuses, Trouble
from tradewind.trigger_dispatcher.view import View

A, B = NamespacedName("default", "a"), NamespacedName("default", "b")
HERE = c.PartitionId("id", 1)
NOW = 1_000_000.0
DOWN = OpenCircuit(Phase.SUBSCRIBER, "http://a", NOW - 5, "connection refused")
OPEN = Trouble((DOWN,))
OVERTAKEN = Alarm("retention has overtaken the cursor", A, 10, 422)


class Owned:
    """A partition's Statuses, and the topic that they are written to."""

    def __init__(self, there: dict[NamespacedName, StatusRecord] | None = None) -> None:
        self.there = there or {}
        self.statuses = Statuses(self.there)
        self.owner = "d-0:1"

    def due(
        self, troubles: dict[NamespacedName, Trouble] | None = None, *, after: float = 0.0, live: object = (A, B)
    ) -> dict[NamespacedName, StatusRecord | None]:
        now = NOW + after
        return self.statuses.due(self.there, troubles or {}, live, owner=self.owner, now=now)  # type: ignore[arg-type]

    def write(self, due: dict[NamespacedName, StatusRecord | None]) -> None:
        for name, record in due.items():
            if record is None:
                del self.there[name]
            else:
                self.there[name] = record


def test_a_trigger_that_has_nothing_to_say_has_no_record() -> None:
    assert Owned().due({A: Trouble()}) == {}


def test_what_changes_is_written_once_and_removed_when_it_is_over() -> None:
    owned = Owned()
    assert owned.due({A: OPEN}) == {A: StatusRecord("d-0:1", (DOWN,))}
    assert owned.due({A: OPEN}, after=1) == {}  # on its way
    owned.write({A: StatusRecord("d-0:1", (DOWN,))})
    assert owned.due({A: OPEN}, after=2) == owned.due({A: OPEN}, after=100) == {}
    assert owned.due(after=101) == {A: None}
    owned.write({A: None})
    assert owned.due(after=102) == owned.due(after=200) == {}


def test_what_is_over_before_it_was_read_back_is_removed_too() -> None:
    owned = Owned()
    assert owned.due({A: OPEN})
    assert owned.due(after=1) == {A: None}
    assert owned.due(after=2) == {}
    owned.there[A] = StatusRecord("d-0:1", (DOWN,))  # the first of the two is read back, as if somebody wrote late
    assert owned.due(after=3) == {A: None}
    owned.write({A: None})
    assert owned.due(after=4) == {}


def test_a_write_that_failed_is_written_again() -> None:
    owned = Owned()
    assert owned.due({A: OPEN})
    assert owned.due({A: OPEN}, after=AGAIN - 1) == {}
    assert owned.due({A: OPEN}, after=AGAIN) == {A: StatusRecord("d-0:1", (DOWN,))}


@pytest.mark.parametrize("late", [StatusRecord("d-1:9", (DOWN,)), None])
def test_what_a_former_owner_wrote_late_is_written_over(late: StatusRecord | None) -> None:
    owned = Owned()
    owned.write(due := owned.due({A: OPEN}))
    assert owned.due({A: OPEN}, after=1) == {}
    owned.write({A: late})
    assert owned.due({A: OPEN}, after=2) == due


def test_under_another_name_the_owner_says_it_again() -> None:
    owned = Owned()
    owned.write(owned.due({A: OPEN}))
    owned.owner = "d-0:2"
    assert owned.due({A: OPEN}, after=1) == {A: StatusRecord("d-0:2", (DOWN,))}


def test_alarms_add_up_and_pass_from_owner_to_owner_until_they_are_old() -> None:
    owned = Owned()
    owned.statuses.raised(OVERTAKEN, now=NOW)
    owned.statuses.raised(Alarm("x", None, 0, 5), now=NOW)  # of the whole partition: of no Trigger
    owned.write(owned.due({A: OPEN}))
    heir = Owned(owned.there)
    heir.owner = "d-1:1"
    alarms = {OVERTAKEN.what: AlarmStatus(NOW, 1, 412)}
    assert heir.due(after=1) == {A: StatusRecord(alarms=alarms)}
    heir.write(heir.due(after=1))
    heir.statuses.raised(OVERTAKEN, now=NOW + 60)
    assert heir.due(after=60) == {A: StatusRecord(alarms={OVERTAKEN.what: AlarmStatus(NOW + 60, 2, 824)})}
    heir.write(heir.due(after=70))
    assert heir.due(after=60 + ALARM_KEPT) == {}
    assert heir.due(after=61 + ALARM_KEPT) == {A: None}


def test_a_trigger_that_is_gone_is_told_of_no_longer() -> None:
    owned = Owned()
    owned.statuses.raised(OVERTAKEN, now=NOW)
    owned.write(owned.due({A: OPEN}))
    assert owned.due({A: OPEN}, after=1, live=(B,)) == {A: None}
    owned.write({A: None})
    assert owned.due(after=2) == {}  # also where it comes back


def test_a_blocked_key_is_named_with_since_when() -> None:
    owned = Owned()
    assert owned.due({A: Trouble(stuck=True, key="k")}) == {A: StatusRecord("d-0:1", blocked=BlockedKey("k", NOW))}
    owned.write({A: StatusRecord("d-0:1", blocked=BlockedKey("k", NOW))})
    assert owned.due({A: Trouble(stuck=True, key="k")}, after=5) == {}
    other = owned.due({A: Trouble(stuck=True, key=None)}, after=6)
    assert other == {A: StatusRecord("d-0:1", blocked=BlockedKey(None, NOW + 6))}


RECORD = StatusRecord("d-0:1", (DOWN,), BlockedKey("k", NOW), {"x": AlarmStatus(NOW)})
READER = c.ReaderRecord(5, "d-0:1", 0)


@pytest.mark.parametrize(
    ("why", "reader", "members", "counts"),
    [
        ("the owner says it", READER, {"d-0", "d-1"}, True),
        ("the owner is gone", READER, {"d-1"}, False),
        ("another owns it", c.ReaderRecord(5, "d-1:4", 0), {"d-0", "d-1"}, False),
        ("the same dispatcher owned it before", c.ReaderRecord(5, "d-0:2", 0), {"d-0"}, False),
        ("nobody has owned it", None, {"d-0"}, False),
    ],
)
def test_what_counts_of_a_status(why: str, reader: c.ReaderRecord | None, members: set[str], counts: bool) -> None:
    view = View()
    view.apply(c.status_key(A, HERE), c.encode(RECORD), 0)
    if reader:
        view.apply(c.reader_key(HERE), c.encode(reader), 1)
    assert view.status(A, HERE, members) == (RECORD if counts else StatusRecord(alarms=RECORD.alarms)), why
    assert view.status(B, HERE, members) == StatusRecord()
    view.apply(c.status_key(A, HERE), None, 2)
    assert view.status(A, HERE, members) == StatusRecord()


def test_a_status_of_a_later_version_is_passed_over() -> None:
    view = View()
    view.apply(c.status_key(A, HERE), b'{"v":99}', 0)
    assert view.statuses == {HERE: {}} and not view.unreadable
