"""Which event may run now: width, order for each key, waiting, and a partition that leaves."""

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event
from tradewind.delivery.journey import Journey
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.lanes import Lanes, Work, lane_of
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition


def partition(number: int = 0) -> OwnedPartition:
    ground = Ground(PartitionId("id", number), "topic", 4, Bounds(0, 0), external=False)
    return OwnedPartition(ground, owner="me", seen=-1, position=0)


def work(here: OwnedPartition, offset: int, *, key: str | None = None, ordered: bool = False, due: float = 0.0) -> Work:
    sent = event(data=b"12345", **({"partitionkey": key} if key else {}))
    return Work(here, Owed(offset, due=due), sent, lane_of(sent, here, ordered=ordered))


def drain(lanes: Lanes) -> list[int]:
    taken = []
    while one := lanes.take():
        taken.append(one.owed.offset)
    return taken


def test_width_bounds_what_is_taken_and_may_change() -> None:
    here, lanes = partition(), Lanes(2)
    for offset in range(5):
        lanes.add(work(here, offset), now=0.0)
    assert drain(lanes) == [0, 1]
    lanes.width = 4
    assert drain(lanes) == [2, 3]
    assert lanes.fresh[here] == 5


def test_a_key_runs_one_at_a_time_also_while_its_first_waits() -> None:
    here, lanes = partition(), Lanes(10)
    works = [work(here, offset, key="ab"[offset % 2], ordered=True) for offset in range(6)]
    for one in works:
        lanes.add(one, now=0.0)
    assert drain(lanes) == [0, 1]
    works[0].owed.due = 50.0
    lanes.wait(works[0], keep_payload=True)
    lanes.done(works[1], now=1.0)
    assert drain(lanes) == [3]
    assert lanes.due(now=49.0) == 50.0
    assert drain(lanes) == []
    assert lanes.due(now=50.0) is None
    assert drain(lanes) == [0]
    lanes.done(works[0], now=51.0)
    assert drain(lanes) == [2]


def test_without_a_key_order_is_the_partitions() -> None:
    first, second, lanes = partition(0), partition(1), Lanes(10)
    for offset in range(2):
        lanes.add(work(first, offset, ordered=True), now=0.0)
        lanes.add(work(second, 10 + offset, ordered=True), now=0.0)
    assert drain(lanes) == [0, 10]


def test_what_is_not_due_yet_waits_first_and_holds_its_lane() -> None:
    here, lanes = partition(), Lanes(10)
    lanes.add(work(here, 0, key="a", ordered=True, due=9.0), now=0.0)
    lanes.add(work(here, 1, key="a", ordered=True), now=0.0)
    assert drain(lanes) == []
    assert (lanes.waiting, lanes.fresh[here]) == (1, 1)
    lanes.due(now=9.0)
    assert drain(lanes) == [0]


def test_payload_is_counted_given_up_and_remembered() -> None:
    here, lanes = partition(), Lanes(10)
    one = work(here, 0)
    size = one.size
    lanes.add(one, now=0.0)
    assert lanes.bytes == size > 5
    assert lanes.take() is one
    one.owed.due = 100.0
    lanes.wait(one, keep_payload=False)
    assert (lanes.bytes, one.event) == (0, None)
    lanes.due(now=100.0)
    assert lanes.take() is one
    lanes.remember(one, event(data=b"12345"))
    assert lanes.bytes == one.size > 5
    lanes.done(one, now=101.0)
    assert (lanes.bytes, lanes.fresh[here], lanes.waiting) == (0, 0, 0)


def test_a_partition_that_leaves_takes_its_events_along_and_leaves_the_others() -> None:
    going, staying, lanes = partition(0), partition(1), Lanes(2)
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
    assert lanes.fresh[staying] == 2


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_each_key_keeps_its_order_and_the_width_holds(events, width, random) -> None:  # type: ignore[no-untyped-def]
    here, lanes, now = partition(), Lanes(width), 0.0
    works = [work(here, offset, key=key, ordered=True) for offset, (key, _) in enumerate(events)]
    fails = {offset for offset, (_, failing) in enumerate(events) if failing}
    for one in works:
        lanes.add(one, now=now)
    settled: list[int] = []
    while len(settled) < len(works):
        while lanes.take():
            pass
        assert len(lanes.running) <= width
        if not lanes.running:
            now = lanes.due(now=now) or now
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


def test_what_need_not_wait_any_longer_has_its_turn() -> None:
    here, lanes = partition(), Lanes(10)
    for offset in range(4):
        lanes.add(work(here, offset, due=100.0 + offset), now=0.0)
    lanes.hasten(here, [1, 3, 9])
    assert sorted(drain(lanes)) == [1, 3]
    assert (lanes.waiting, lanes.fresh[here]) == (2, 2)
    lanes.hasten(here, [9])
    lanes.hasten(partition(), [0])
    assert lanes.due(now=0.0) == 100.0
