"""Records that wait for their turn."""

from tradewind.ports import Record, TopicPartition
from tradewind.resources.model import Order
from tradewind.sources.kafka.lanes import Lanes, bars


def record(partition: int, offset: int) -> Record:
    return Record("t", partition, offset, 0.0, None, b"1234", ())


def at(partition: int) -> TopicPartition:
    return TopicPartition("t", partition)


def taken(lanes: Lanes) -> list[tuple[int, int]]:
    found = []
    while (one := lanes.next()) is not None:
        where, record = one
        assert where == at(record.partition)
        found.append((record.partition, record.offset))
    return found


def filled(*, ordered: bool) -> Lanes:
    lanes = Lanes(ordered=ordered)
    lanes.add(at(0), [record(0, offset) for offset in range(3)])
    lanes.add(at(1), [record(1, 0)])
    assert (len(lanes), lanes.held_bytes) == (4, 16)
    return lanes


def test_order_is_waited_for_where_records_do_not_keep_it_themselves() -> None:
    assert bars(Order.ORDERED, into_topic=False)
    assert not bars(Order.ORDERED, into_topic=True)
    assert not bars(Order.UNORDERED, into_topic=False)


def test_unordered_lanes_take_turns_and_keep_their_order() -> None:
    lanes = filled(ordered=False)
    assert taken(lanes) == [(0, 0), (1, 0), (0, 1), (0, 2)]
    assert (len(lanes), lanes.held_bytes) == (0, 0)
    assert not lanes.settled(at(0))


def test_what_comes_later_stands_at_the_end_of_its_lane() -> None:
    lanes = filled(ordered=False)
    lanes.add(at(0), [record(0, 3)])
    assert (len(lanes), lanes.held_bytes) == (5, 20)
    assert taken(lanes) == [(0, 0), (1, 0), (0, 1), (0, 2), (0, 3)]


def test_an_ordered_lane_lets_one_out_at_a_time() -> None:
    lanes = filled(ordered=True)
    assert taken(lanes) == [(0, 0), (1, 0)]
    lanes.add(at(1), [record(1, 1)])
    assert taken(lanes) == []
    assert lanes.settled(at(0))
    assert taken(lanes) == [(0, 1)]
    assert lanes.settled(at(1))
    assert taken(lanes) == [(1, 1)]
    assert not lanes.settled(at(1)), "nothing waits there"
    lanes.add(at(1), [record(1, 2)])
    assert taken(lanes) == [(1, 2)]


def test_what_is_forgotten_does_not_come_and_bars_nothing() -> None:
    lanes = filled(ordered=True)
    assert lanes.next() == (at(0), record(0, 0))
    lanes.forget([at(0), at(7)])
    assert (len(lanes), lanes.held_bytes) == (1, 4)
    lanes.add(at(0), [record(0, 5)])
    assert taken(lanes) == [(1, 0), (0, 5)]


def test_a_lane_that_is_forgotten_has_no_turn() -> None:
    lanes = filled(ordered=False)
    lanes.forget([at(0)])
    assert taken(lanes) == [(1, 0)]
