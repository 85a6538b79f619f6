"""Room for requests: half for those still coming, all of it for those that wait; who comes longest gives way."""

import pytest

from tradewind.broker.room import Room
from tradewind.errors import Rejected


class Sender:
    """Whose request is coming."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.refused: Rejected | None = None

    def come(self, size: int) -> None:
        """So much of it has come."""
        self.room.hold(self, size)

    def give_way(self, rejected: Rejected) -> None:
        """See Comer."""
        self.refused = rejected


def senders(room: Room, number: int) -> list[Sender]:
    """So many."""
    return [Sender(room) for _ in range(number)]


def test_who_has_been_coming_longest_gives_way_and_no_other() -> None:
    room = Room(1000, 100)
    first, second, third, last = senders(room, 4)
    for sender in (first, second, third):
        sender.come(150)
    second.come(200)
    last.come(1)
    assert [bool(one.refused) for one in (first, second, third, last)] == [True, False, False, False]
    assert room.held == 351
    assert first.refused
    assert (first.refused.status, first.refused.headers) == (503, {"Retry-After": "1"})
    assert "500 bytes of requests are still coming, and this one has been coming longest" in first.refused.why
    assert "(--queue-bytes)" in first.refused.why


def test_more_of_a_request_makes_it_no_younger() -> None:
    room = Room(1000, 100)
    first, second, last = senders(room, 3)
    first.come(1)
    second.come(250)
    first.come(250)
    last.come(1)
    assert first.refused and not second.refused


def test_as_many_give_way_as_must() -> None:
    room = Room(1000, 100)
    *others, large = senders(room, 6)
    for other in others:
        other.come(100)
    large.come(201)
    assert [bool(other.refused) for other in others] == [True, True, True, False, False]
    assert room.held == 401


def test_who_has_been_coming_longest_of_all_keeps_what_it_has_while_there_are_others() -> None:
    room = Room(1000, 100)
    first, second = senders(room, 2)
    first.come(250)
    second.come(250)
    first.come(251)
    assert second.refused and not first.refused


def test_nobody_gives_way_to_what_has_no_room_at_all() -> None:
    room = Room(1000, 100)
    one, large = senders(room, 2)
    one.come(100)
    large.come(300)
    with pytest.raises(Rejected, match=r"501 bytes .* at most 500 .* \(--queue-bytes\)"):
        large.come(501)
    assert not one.refused
    assert room.held == 100


def test_what_waits_for_kafka_gives_way_to_nothing() -> None:
    room = Room(1000, 100)
    one, other = senders(room, 2)
    room.wait(999)
    one.come(1)
    with pytest.raises(Rejected, match=r"999 bytes are waiting for Kafka already \(--queue-bytes\)"):
        other.come(2)
    assert not one.refused
    assert room.held == 1000
    with pytest.raises(Rejected, match=r"999 bytes are waiting for Kafka already"):
        room.wait(2)
    assert not one.refused
    room.wait(1)
    assert one.refused and "999 bytes wait for Kafka" in one.refused.why
    room.answered(1000)
    assert room.held == 0


def test_what_is_whole_or_gone_is_held_no_longer() -> None:
    room = Room(1000, 100)
    one, other = senders(room, 2)
    one.come(500)
    room.forget(one)
    room.forget(one)
    other.come(500)
    other.come(0)
    assert room.held == 0
    one.come(500)
    assert not other.refused


def test_the_largest_request_may_always_come() -> None:
    Sender(room := Room(1000, 800)).come(800)
    assert room.held == 800


def test_what_is_larger_than_all_of_it_is_no_matter_of_time() -> None:
    with pytest.raises(Rejected, match="larger than what may wait") as raised:
        Room(1000, 100).wait(1001)
    assert raised.value.status == 413
    assert raised.value.faults[0].expected == "at most 1000 bytes (--queue-bytes)"
