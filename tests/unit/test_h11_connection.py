"""h11's connection as we use it: what a head costs that comes in small pieces."""

import re

import h11
import pytest

from tradewind.broker import heads
from tradewind.broker.h11_connection import Connection

PIECE = b"a:\r\n"


class Counted:
    """A pattern that counts the octets that are searched."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.octets = 0
        self._pattern = pattern

    def search(self, part: bytearray, start: int = 0) -> re.Match[bytes] | None:
        """See re.Pattern."""
        self.octets += len(part) - start
        return self._pattern.search(part, start)


def take(connection: Connection, piece: bytes) -> object:
    """What comes of it, in a turn of its own."""
    connection.left = 1
    connection.receive_data(piece)
    return connection.next_event()


@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r"])
def test_a_head_in_small_pieces_is_searched_once(before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(heads._BLANK)
    monkeypatch.setattr(heads, "_BLANK", counted)
    connection = Connection(h11.SERVER, 100_000)
    start = b"\nPOST / HTTP/1.1\r\n" if before.endswith(b"\r") else b"POST / HTTP/1.1\r\n"
    for piece in (before, start, *[PIECE] * 1000):
        assert take(connection, piece) is h11.NEED_DATA
    assert counted.octets < 2 * 1000 * len(PIECE)


@pytest.mark.parametrize("size", range(1, 8))
def test_every_head_of_a_connection_is_searched_whole(size: int) -> None:
    """In pieces of any size; the second has two lengths."""
    connection, found = Connection(h11.SERVER, 1000), []
    head = b"GET / HTTP/1.1\r\nHost: x\r\n"
    sent = b"\r\n" + head + b"\r\n" + head + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(h11.RemoteProtocolError, match="conflicting Content-Length"):
        for at in range(0, len(sent), size):
            connection.receive_data(sent[at : at + size])
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                found.append(event)
            connection.left = 10
            if connection.their_state is h11.DONE:
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
    assert [type(event) for event in found] == [h11.Request, h11.EndOfMessage]
