"""The fastest honest subscriber: reads every request whole, answers 204 at once, and counts.

A process of its own on uvloop that prints its port.  `GET /` is answered with what it has counted since the last GET,
as JSON: deliveries, when the last one came (seconds of CLOCK_MONOTONIC, which is the same in every process), and of
those that say when they were sent (`ce-sent`, in nanoseconds) the latencies in ms.
"""

import asyncio
import json
import time

import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
SENT = b"\r\nce-sent: "
LENGTH = b"\r\nContent-Length: "


class Counted:
    """What came since it was asked last."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.last = 0.0
        self.took: list[float] = []

    def told(self) -> bytes:
        """As the body of an answer."""
        said = json.dumps({"deliveries": self.deliveries, "last": self.last, "took": self.took}).encode()
        self.deliveries, self.took = 0, []
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)


class Subscriber(asyncio.Protocol):
    """One connection."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._part = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport  # type: ignore[assignment]  # the loop's word for a TCP connection's

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._part:
            data, self._part = self._part + data, b""
        start = 0
        while (end := data.find(b"\r\n\r\n", start)) >= 0:
            if data.startswith(b"GET", start):
                self._transport.write(self._counted.told())
                start = end + 4
                continue
            at = data.rfind(LENGTH, start, end) + len(LENGTH)
            line = data.find(b"\r\n", at, end)
            whole = end + 4 + int(data[at : end if line < 0 else line])
            if len(data) < whole:
                break
            self._count(data, start, end)
            self._transport.write(ANSWER)
            start = whole
        self._part = data[start:]

    def _count(self, data: bytes, start: int, end: int) -> None:
        counted = self._counted
        counted.deliveries += 1
        counted.last = time.monotonic()
        at = data.find(SENT, start, end)
        if at >= 0:
            line = data.find(b"\r\n", at + len(SENT))
            sent = int(data[at + len(SENT) : line])
            counted.took.append(counted.last * 1e3 - sent / 1e6)


async def main() -> None:
    """Serve until the process ends."""
    counted = Counted()
    server = await asyncio.get_running_loop().create_server(lambda: Subscriber(counted), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
