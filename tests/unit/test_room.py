"""Room for requests: half for those still coming, all of it for those that wait."""

import pytest

from tradewind.broker.room import Room
from tradewind.errors import Rejected


def test_what_is_coming_gets_half() -> None:
    room = Room(1000, 100)
    room.come(500)
    with pytest.raises(Rejected, match="500 bytes of requests are still coming") as raised:
        room.come(1)
    assert (raised.value.status, raised.value.headers) == (503, {"Retry-After": "1"})
    room.wait(500)
    assert room.held == 1000
    room.forget(500)
    room.wait(500)
    with pytest.raises(Rejected, match=r"1000 bytes are waiting for Kafka already \(--queue-bytes\)"):
        room.wait(1)
    with pytest.raises(Rejected):
        room.come(1)
    room.answered(1000)
    assert room.held == 0


def test_the_largest_request_may_always_come() -> None:
    Room(1000, 800).come(800)


def test_what_is_larger_than_all_of_it_is_no_matter_of_time() -> None:
    with pytest.raises(Rejected, match="larger than what may wait") as raised:
        Room(1000, 100).wait(1001)
    assert raised.value.status == 413
    assert raised.value.faults[0].expected == "at most 1000 bytes (--queue-bytes)"
