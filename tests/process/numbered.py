"""Numbered events of one key, and what must be so of them however Kafka fares."""

import asyncio
from collections.abc import Sequence

from tradewind.events.model import Event


class Sender:
    """POSTs the events of one key on one connection, `width` of them at a time, one behind the other."""

    def __init__(self, port: int, path: str, key: str, width: int) -> None:
        self.key = key
        self.statuses: list[int] = []
        """How each was answered, by its number."""
        self.bare = 0
        """Refusals with 503 that had no Retry-After."""
        self._port = port
        self._path = path
        self._width = width

    async def send(self, enough: asyncio.Event) -> None:
        """Send until it is enough."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while not enough.is_set():
            first = len(self.statuses)
            writer.write(b"".join(self._request(first + n) for n in range(self._width)))
            for _ in range(self._width):
                await self._answer(reader)
        writer.close()

    def saw(self, status: int, *, after: int = 0, times: int = 1) -> bool:
        """Whether, of the events from this one on, so many were answered so."""
        return self.statuses[after:].count(status) >= times

    def _request(self, number: int) -> bytes:
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nce-specversion: 1.0\r\n"
            f"ce-id: {number}\r\nce-source: /x\r\nce-type: t\r\nce-partitionkey: {self.key}\r\n\r\nhello"
        ).encode()

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(lines["content-length"]))
        self.statuses.append(status := int(head.split(" ")[1]))
        self.bare += status == 503 and "retry-after" not in lines


def check(senders: Sequence[Sender], held: Sequence[Event]) -> None:
    """What was accepted is there once and in the order in which it was sent; what was refused, not twice.

    `held` is what Kafka has, each partition in its order.
    """
    for sender in senders:
        assert sender.bare == 0
        numbers = [int(event.id) for event in held if event.attributes["partitionkey"] == sender.key]
        assert len(numbers) == len(set(numbers)), f"stored twice, of key {sender.key}"
        accepted = [number for number, status in enumerate(sender.statuses) if status == 202]
        assert [number for number in numbers if sender.statuses[number] == 202] == accepted
