"""Which event may run now: width, order for each key, waiting, and a partition that leaves."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event, trigger_plan
from tradewind.config import Settings
from tradewind.delivery.journey import Journey, Phase
from tradewind.plan import Target
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher.budget import Budget
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.lanes import Lanes, lane_of
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.work import Work


def partition(number: int = 0) -> OwnedPartition:
    ground = Ground(PartitionId("id", number), "topic", 4, Bounds(0, 0), external=False)
    return OwnedPartition(ground, owner="me", seen=-1, position=0)


def work(here: OwnedPartition, offset: int, *, key: str | None = None, ordered: bool = False, due: float = 0.0) -> Work:
    sent = event(data=b"12345", **({"partitionkey": key} if key else {}))
    return Work(here, Owed(offset, due=due), sent, lane_of(sent, here) if ordered else None)


def lanes_of(width: int, *, budget: int = 1 << 30) -> Lanes:
    plan = trigger_plan(max_in_flight=width)
    return Lanes(plan, Settings(), Budget(budget), now=0.0)


def drain(lanes: Lanes, *, now: float = 0.0) -> list[int]:
    taken = []
    while one := lanes.take(now=now):
        taken.append(one.owed.offset)
    return taken


def test_width_bounds_what_is_taken_and_may_change() -> None:
    here, lanes = partition(), lanes_of(2)
    for offset in range(5):
        lanes.add(work(here, offset), now=0.0)
    assert drain(lanes) == [0, 1]
    lanes.adopt(trigger_plan(max_in_flight=4), now=0.0)
    assert drain(lanes) == [2, 3]
    assert lanes.fresh[here] == 5


def test_there_is_a_way_to_the_sink_from_when_a_trigger_has_one_or_an_event_wants_one() -> None:
    lanes = lanes_of(2)
    assert list(lanes.gates) == [Phase.SUBSCRIBER]
    lanes.adopt(trigger_plan(sink="http://sink"), now=0.0)
    assert list(lanes.gates) == [Phase.SUBSCRIBER, Phase.SINK]
    here, lanes = partition(), lanes_of(2)
    lanes.add(Work(here, Owed(0, Journey(Phase.SINK)), None, None), now=0.0)  # its Trigger had a sink once
    assert drain(lanes) == [0]
    assert list(lanes.gates) == [Phase.SUBSCRIBER, Phase.SINK]


def test_a_key_runs_one_at_a_time_also_while_its_first_waits() -> None:
    here, lanes = partition(), lanes_of(10)
    works = [work(here, offset, key="ab"[offset % 2], ordered=True) for offset in range(6)]
    for one in works:
        lanes.add(one, now=0.0)
    assert drain(lanes) == [0, 1]
    works[0].owed.due = 50.0
    lanes.wait(works[0], keep_payload=True)
    lanes.done(works[1], now=1.0)
    assert drain(lanes) == [3]
    lanes.due(now=49.0)
    assert drain(lanes) == []
    assert lanes.next(now=49.0) == 50.0
    lanes.due(now=50.0)
    assert drain(lanes) == [0]
    assert lanes.next(now=50.0) is None
    lanes.done(works[0], now=51.0)
    assert drain(lanes) == [2]


def test_without_a_key_order_is_the_partitions() -> None:
    first, second, lanes = partition(0), partition(1), lanes_of(10)
    for offset in range(2):
        lanes.add(work(first, offset, ordered=True), now=0.0)
        lanes.add(work(second, 10 + offset, ordered=True), now=0.0)
    assert drain(lanes) == [0, 10]


def test_what_is_not_due_yet_waits_first_and_holds_its_lane() -> None:
    here, lanes = partition(), lanes_of(10)
    lanes.add(work(here, 0, key="a", ordered=True, due=9.0), now=0.0)
    lanes.add(work(here, 1, key="a", ordered=True), now=0.0)
    assert drain(lanes) == []
    assert (lanes.waiting, lanes.fresh[here], lanes.blocked[here]) == (1, 0, 1)
    lanes.due(now=9.0)
    assert drain(lanes) == [0]


def test_payload_is_counted_given_up_and_remembered() -> None:
    here, lanes = partition(), lanes_of(10)
    one = work(here, 0)
    size = one.size
    lanes.add(one, now=0.0)
    assert lanes.bytes == size > 5
    assert lanes.take(now=0.0) is one
    one.owed.due = 100.0
    lanes.wait(one, keep_payload=False)
    assert (lanes.bytes, one.event) == (0, None)
    lanes.due(now=100.0)
    assert lanes.take(now=100.0) is one
    lanes.remember(one, event(data=b"12345"))
    assert lanes.bytes == one.size > 5
    lanes.done(one, now=101.0)
    assert (lanes.bytes, lanes.fresh[here], lanes.waiting) == (0, 0, 0)
    assert (lanes.account.events, lanes.account.payloads, lanes.account.budget.total) == (0, 0, 0)


def test_what_waits_keeps_its_payload_where_that_is_wanted() -> None:
    here, lanes = partition(), lanes_of(10)
    for offset in range(2):
        lanes.add(work(here, offset, due=0.0), now=0.0)
    kept, forgotten = [lanes.take(now=0.0) for _ in range(2)]
    assert kept and forgotten
    lanes.wait(kept, keep_payload=True)
    lanes.wait(forgotten, keep_payload=False)
    assert (kept.event, forgotten.event, lanes.bytes) == (event(data=b"12345"), None, kept.weight)


def test_a_partition_that_leaves_takes_its_events_along_and_leaves_the_others() -> None:
    going, staying, lanes = partition(0), partition(1), lanes_of(2)
    running = [work(going, 0, key="a", ordered=True), work(going, 1, key="b", ordered=True)]
    for one in (*running, work(going, 2, key="a", ordered=True), work(going, 3, key="c", ordered=True, due=5.0),
                work(staying, 4, key="a", ordered=True), work(staying, 5, key="a", ordered=True)):  # fmt: skip
        lanes.add(one, now=0.0)
    assert drain(lanes) == [0, 1]
    lanes.drop(going)
    assert lanes.fresh[going] == 0
    assert lanes.waiting == 0
    lanes.done(running[0], now=1.0)
    running[1].owed.due = 3.0
    lanes.wait(running[1], keep_payload=True)
    assert lanes.waiting == 0
    assert drain(lanes) == [4]
    assert lanes.fresh == {staying: 2}


def test_of_a_partition_that_left_nothing_counts_when_what_ran_is_over() -> None:
    here, lanes = partition(), lanes_of(4)
    works = [work(here, offset, key=str(offset), ordered=True) for offset in range(4)]
    for one in works:
        lanes.add(one, now=0.0)
    drain(lanes)
    lanes.drop(here)
    lanes.done(works[0], now=1.0)
    lanes.wait(works[1], keep_payload=True)
    lanes.wait(works[2], keep_payload=False)
    lanes.done(works[3], now=1.0)
    assert (lanes.fresh, lanes.blocked, lanes.waiting, lanes.bytes) == ({}, {}, 0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_each_key_keeps_its_order_and_the_width_holds(events, width, random) -> None:  # type: ignore[no-untyped-def]
    here, lanes, now = partition(), lanes_of(width), 0.0
    works = [work(here, offset, key=key, ordered=True) for offset, (key, _) in enumerate(events)]
    fails = {offset for offset, (_, failing) in enumerate(events) if failing}
    for one in works:
        lanes.add(one, now=now)
    settled: list[int] = []
    while len(settled) < len(works):
        while lanes.take(now=now):
            pass
        assert len(lanes.running) <= width
        if not lanes.running:
            now = lanes.next(now=now) or now
            lanes.due(now=now)
            continue
        one = random.choice(sorted(lanes.running, key=lambda w: w.owed.offset))
        if one.owed.offset in fails:
            fails.discard(one.owed.offset)
            one.owed.journey, one.owed.due = Journey(attempts=1), now + random.random()
            lanes.wait(one, keep_payload=random.random() < 0.5)
        else:
            settled.append(one.owed.offset)
            lanes.done(one, now=now)
    for key in "abc":
        mine = [offset for offset in settled if events[offset][0] == key]
        assert mine == sorted(mine)
    assert (lanes.bytes, lanes.fresh[here], lanes.waiting) == (0, 0, 0)
    assert (lanes.account.events, lanes.account.payloads, lanes.account.budget.total) == (0, 0, 0)


def ordered(here: OwnedPartition, offset: int, key: str | None, *, size: int = 100, due: float = 0.0) -> Work:
    sent = event(data=b"x" * size, **({"partitionkey": key} if key else {}))
    return Work(here, Owed(offset, due=due), sent, lane_of(sent, here))


def blocked(lanes: Lanes, here: OwnedPartition, key: str | None, behind: int, *, first: int = 0) -> list[Work]:
    """A key whose first event waits for a retry at 50, and so many behind it."""
    works = [ordered(here, first + number, key) for number in range(behind + 1)]
    lanes.add(works[0], now=0.0)
    assert lanes.take(now=0.0) is works[0]
    works[0].owed.due = 50.0
    lanes.wait(works[0], keep_payload=False)
    for one in works[1:]:
        lanes.add(one, now=0.0)
    return works


def test_what_is_behind_a_blocked_key_counts_by_itself_until_the_key_is_free() -> None:
    here, lanes = partition(), lanes_of(10)
    works = blocked(lanes, here, "a", 5)
    assert (lanes.fresh[here], lanes.blocked[here]) == (0, 5)
    lanes.due(now=50.0)
    assert lanes.take(now=50.0) is works[0]
    works[0].owed.due = 60.0
    lanes.wait(works[0], keep_payload=True)
    assert (lanes.fresh[here], lanes.blocked[here]) == (0, 5)
    lanes.due(now=60.0)
    assert lanes.take(now=60.0) is works[0]
    lanes.done(works[0], now=60.0)
    assert (lanes.fresh[here], lanes.blocked[here]) == (5, 0)
    assert drain(lanes, now=60.0) == [1]


def test_each_bound_is_room() -> None:
    here = partition()
    bounds = replace(Settings(), backlog=3, behind=4, waiting=2)

    def lanes(window_bytes: int = 1000, budget: int = 1 << 30) -> Lanes:
        return Lanes(trigger_plan(), replace(bounds, window_bytes=window_bytes), Budget(budget), now=0.0)

    one = lanes(window_bytes=1 << 20)
    for offset in range(3):
        assert one.has_room(here)
        one.add(ordered(here, offset, str(offset)), now=0.0)
    assert not one.has_room(here)
    assert one.fits()
    one = lanes()
    one.add(ordered(here, 0, "a", size=1000), now=0.0)
    assert not one.has_room(here)
    assert not one.fits()
    one = lanes()
    for offset in range(2):
        assert one.has_room(here)
        one.add(ordered(here, offset, str(offset), due=9.0, size=1), now=0.0)
    assert not one.has_room(here)
    one = lanes(window_bytes=1 << 20)
    blocked(one, here, "a", 3)
    assert one.has_room(here)
    assert not one.overrun(here)
    one.add(ordered(here, 9, "a"), now=0.0)
    assert not one.has_room(here)
    assert one.overrun(here)
    one = lanes(window_bytes=1 << 20, budget=1000)
    one.add(ordered(here, 0, "a"), now=0.0)
    one.add(ordered(here, 1, "b"), now=0.0)
    assert not one.has_room(here)
    assert not one.fits()


def test_the_key_that_most_events_are_behind_is_told() -> None:
    here, there, lanes = partition(0), partition(1), lanes_of(10)
    blocked(lanes, here, "a", 2)
    blocked(lanes, here, "b", 3, first=10)
    blocked(lanes, there, None, 9, first=20)
    assert lanes.stuck(here) == ("b", 3)
    assert lanes.stuck(there) == (None, 9)


def test_payloads_behind_a_blocked_key_are_given_up_before_the_window_is_full() -> None:
    here = partition()
    lanes = Lanes(trigger_plan(), replace(Settings(), window_bytes=2000), Budget(1 << 30), now=0.0)
    works = blocked(lanes, here, "a", 9)
    running = ordered(here, 20, "b")
    lanes.add(running, now=0.0)
    lanes.fit()
    assert lanes.bytes <= 1000
    kept = [one.owed.offset for one in works if one.event]
    assert kept == list(range(1, 1 + len(kept)))  # the last go first
    assert running.event is not None
    free = Lanes(trigger_plan(), replace(Settings(), window_bytes=100), Budget(1 << 30), now=0.0)
    free.add(ordered(here, 0, "a"), now=0.0)
    free.fit()
    assert free.bytes > 100


def test_what_a_circuit_holds_gives_up_payloads_where_what_may_run_keeps_them() -> None:
    here, lanes = partition(), lanes_of(1)
    lanes.gates[Phase.SUBSCRIBER].circuit.open = True
    held, sink = work(here, 0), work(here, 1)
    sink.owed.journey = Journey(Phase.SINK)
    for one in (held, sink):
        lanes.add(one, now=0.0)
    lanes.give_up(lanes.bytes, ready=False)
    assert (held.event, sink.event) == (None, event(data=b"12345"))


def test_under_pressure_everything_goes_but_what_runs_and_no_more_than_is_wanted() -> None:
    here, lanes = partition(), lanes_of(1)
    works = [ordered(here, offset, key) for offset, key in enumerate("abcda")]
    for one in works:
        lanes.add(one, now=0.0)
    assert lanes.take(now=0.0) is works[0]
    assert lanes.loose() == lanes.bytes - works[0].size
    lanes.give_up(1)
    assert [one.event is None for one in works] == [False, False, False, True, False]
    lanes.give_up(1 << 30)
    assert [one.event is None for one in works] == [False, True, True, True, True]
    assert lanes.loose() == 0


def test_what_is_behind_an_event_that_must_be_read_again_is_read_with_it() -> None:
    here, lanes = partition(), lanes_of(10)
    works = blocked(lanes, here, "a", 5)
    lanes.give_up(1 << 30)
    assert lanes.ahead(ordered(here, 9, "other"), 10) == []
    assert lanes.ahead(work(here, 9), 10) == []
    lanes.due(now=50.0)
    first = lanes.take(now=50.0)
    assert first is works[0]
    assert first.size == first.weight  # room for it is taken
    assert lanes.ahead(first, 3) == works[1:4]
    assert lanes.ahead(first, 3) == []
    lanes.remember(works[1], event(data=b"y"))
    assert works[1].event is not None
    lanes.remember(works[1], event(data=b"again"))
    assert works[1].event.data == b"y"
    lanes.forget(works[2])
    lanes.remember(works[2], event(data=b"too late"))
    assert works[2].event is None


def test_no_more_is_read_ahead_than_there_is_room_for() -> None:
    here, lanes = partition(), lanes_of(10, budget=8 << 10)
    works = blocked(lanes, here, "a", 5)
    lanes.give_up(1 << 30)
    other = lanes.account.budget.account(lanes)
    other.load(0)
    other.load(2000)
    lanes.due(now=50.0)
    assert lanes.take(now=50.0) is works[0]
    assert len(lanes.ahead(works[0], 5)) < 5


def test_a_payload_for_which_there_is_no_room_waits_for_one_of_its_own_that_runs() -> None:
    here, lanes = partition(), lanes_of(10, budget=4096)
    first, never_read = work(here, 0), Work(here, Owed(1), None, None)
    lanes.add(first, now=0.0)
    assert lanes.take(now=0.0) is first
    lanes.add(never_read, now=0.0)
    assert lanes.take(now=0.0) is None
    assert lanes.next(now=0.0) is None
    lanes.done(first, now=1.0)
    assert lanes.take(now=1.0) is never_read
    assert never_read.size == Settings().max_event_bytes


def test_a_trigger_that_is_gone_holds_what_runs_and_nothing_after_it() -> None:
    here, lanes = partition(), lanes_of(1)
    running, ready = work(here, 0), work(here, 1)
    lanes.add(running, now=0.0)
    lanes.add(ready, now=0.0)
    blocked_here = [ordered(here, 2, "a", due=9.0), ordered(here, 3, "a")]
    for one in blocked_here:
        lanes.add(one, now=0.0)
    assert lanes.take(now=0.0) is running
    lanes.retire()
    assert (lanes.account.events, lanes.waiting, drain(lanes)) == (1, 0, [])
    running.owed.due = 5.0
    lanes.wait(running, keep_payload=True)
    assert (lanes.account.events, lanes.account.budget.total, lanes.bytes) == (0, 0, 0)


def test_a_trigger_that_is_gone_has_no_part_of_the_budget() -> None:
    lanes = lanes_of(1)
    budget = lanes.account.budget
    other = Lanes(trigger_plan(), Settings(), budget, now=0.0)
    assert budget.holders == 2
    lanes.retire()
    assert budget.holders == 1
    other.retire()
    assert budget.holders == 0


def test_another_address_takes_over_what_was_not_sent_and_the_sink_goes_its_own_way() -> None:
    here, lanes = partition(), lanes_of(1)
    works = [work(here, offset) for offset in range(3)]
    for one in works:
        lanes.add(one, now=0.0)
    assert lanes.take(now=0.0) is works[0]
    works[0].owed.journey = Journey(Phase.SINK)
    lanes.wait(works[0], keep_payload=True)
    lanes.due(now=0.0)
    assert drain(lanes) == [1, 0]  # each address has a width of its own
    works[1].url = "http://a"
    lanes.adopt(trigger_plan(url="http://b", max_in_flight=1), now=0.0)
    assert drain(lanes) == [2]
    for one in works:
        lanes.done(one, now=1.0)
    assert all(gate.running == 0 for gate in lanes.gates.values())


def test_an_address_that_comes_back_has_what_still_runs_there_within_its_width() -> None:
    """Its Service was made anew, or an edit was taken back: a subscriber of one at a time gets no second."""
    here, lanes = partition(), lanes_of(1)
    works = [work(here, offset) for offset in range(4)]
    for one in works:
        lanes.add(one, now=0.0)
    assert lanes.take(now=0.0) is works[0]
    works[0].url = "http://a"
    lanes.adopt(replace(trigger_plan(max_in_flight=1), subscriber=Target(None, "no Service")), now=0.0)
    lanes.adopt(trigger_plan(max_in_flight=1), now=0.0)
    assert drain(lanes) == []
    lanes.adopt(trigger_plan(url="http://b", max_in_flight=1), now=0.0)
    works[1].url = "http://a"  # an attempt before
    assert lanes.take(now=0.0) is works[1]
    assert lanes.counts(works[1]) and not lanes.counts(works[0])
    lanes.adopt(trigger_plan(max_in_flight=1), now=0.0)
    assert lanes.counts(works[0]) and not lanes.counts(works[1])  # it was not sent, and has its turn after the other
    lanes.wait(works[1], keep_payload=True)
    lanes.due(now=0.0)
    assert drain(lanes) == []
    lanes.done(works[0], now=1.0)
    assert drain(lanes) == [2]
    lanes.done(works[2], now=1.0)
    assert drain(lanes) == [3]
    lanes.done(works[3], now=1.0)
    assert drain(lanes) == [1]
    assert lanes.gates[Phase.SUBSCRIBER].running == 1


def test_what_need_not_wait_any_longer_has_its_turn() -> None:
    here, lanes = partition(), lanes_of(10)
    for offset in range(4):
        lanes.add(work(here, offset, due=100.0 + offset), now=0.0)
    lanes.hasten(here, [1, 3, 9], now=0.0)
    assert sorted(drain(lanes)) == [1, 3]
    assert (lanes.waiting, lanes.fresh[here]) == (2, 2)
    lanes.hasten(here, [9], now=0.0)
    lanes.hasten(partition(), [0], now=0.0)
    lanes.due(now=0.0)
    assert lanes.next(now=0.0) == 100.0
