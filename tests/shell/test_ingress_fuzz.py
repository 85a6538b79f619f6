"""Byte streams of every kind against running ingresses: the front, and what stands behind it alone.

    requests, whole ──► pieces ──► both ways: the statuses that were expected, and stored what was sent, in order
    requests, mutated ──► pieces ──► both ways: the same statuses, the same records; no 500; well-formed answers

Both on asyncio's loop and on uvloop, which is what runs in production: their transports differ.
"""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.shell.ingress_clients import plain
from tests.shell.ingress_running import DEADLINE, HELLO, OTHER, Running, running
from tests.shell.ingress_streams import Sent, cut, mutated, sent, streams
from tradewind.broker import serve
from tradewind.broker.h11_protocol import Protocol
from tradewind.config import KIB, Settings
from tradewind.ports import NewRecord, Position

SMALL = Settings(partitions=1, max_event_bytes=2000, max_header_bytes=2 * KIB, grace=2.0)
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [ -~]*")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~]*)")

Stored = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a byte stream: the final statuses in their order, and the records of each Broker."""

    statuses: tuple[int, ...]
    stored: tuple[tuple[Stored, ...], ...]

    @property
    def values(self) -> list[bytes | None]:
        """Bodies stored for the first Broker."""
        return [value for _, value, _ in self.stored[0]]


@dataclass(slots=True)
class Late:
    """Kafka's acknowledgements: at once, or later and in any order."""

    append: Callable[[NewRecord], Awaitable[Position]]
    chance: Random | None = None
    due: list[asyncio.Future[Position]] = field(default_factory=list)

    def __call__(self, record: NewRecord) -> Awaitable[Position]:
        """Append."""
        done = self.append(record)
        if self.chance is None:
            return done
        late: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self.due.append(late)
        return late

    async def run(self) -> None:
        """Acknowledge one from time to time, until cancelled."""
        pace = self.chance.choice([0.5, 0.1, 0.02]) if self.chance is not None else 0.0
        while True:
            await asyncio.sleep(0)
            if self.chance is not None and self.due and self.chance.random() < pace:
                late = self.due.pop(self.chance.randrange(len(self.due)))
                if not late.done():
                    late.set_result(Position(0, 0))


@dataclass(slots=True)
class Both:
    """An ingress for each way, on one loop."""

    runner: asyncio.Runner
    front: Running
    h11: Running

    def see(self, pieces: list[bytes], chance: int | None = None) -> tuple[Seen, Seen]:
        """Send the same pieces to both."""
        return self.runner.run(see(self.front, pieces, chance)), self.runner.run(see(self.h11, pieces, chance))


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    """Running for all examples: a fault of one may show in another."""
    with asyncio.Runner(loop_factory=request.param) as runner, pytest.MonkeyPatch.context() as patch:
        stack = contextlib.AsyncExitStack()
        front = runner.run(stack.enter_async_context(running(SMALL)))
        patch.setattr(serve, "connections", lambda ingress, sweeper: partial(Protocol, ingress, sweeper))
        h11 = runner.run(stack.enter_async_context(running(SMALL)))
        for at in (front, h11):
            patch.setattr(at.log, "append", Late(at.log.append))
        yield Both(runner, front, h11)
        runner.run(stack.aclose())


async def see(at: Running, pieces: list[bytes], chance: int | None) -> Seen:
    """Send the pieces, and no more; what comes back until the end, and what is stored.

    Then nothing may be held any more, and a fresh connection must be served.
    """
    late: Late = at.log.append  # type: ignore[assignment]  # put there by the fixture
    late.chance = None if chance is None else Random(chance)
    clear(at)
    acknowledging = asyncio.create_task(late.run())
    try:
        async with asyncio.timeout(DEADLINE):
            statuses = finals(await exchange(at.port, pieces))
            while late.due or at.ingress.room.held:
                await asyncio.sleep(0)
            seen = Seen(statuses, tuple(tuple(map(kept, at.stored(plan.topic.name))) for plan in (HELLO, OTHER)))
            assert finals(await exchange(at.port, [plain(b"fresh")])) == (202,)
            return seen
    finally:
        acknowledging.cancel()
        await asyncio.wait([acknowledging])


def kept(record: Any) -> Stored:  # Any: a Record, whose place and time do not count
    """Of a record, what a sender has said."""
    return record.key, record.value, tuple(record.headers)


def clear(at: Running) -> None:
    """Forget what is stored, so that no example pays for those before."""
    for topic in at.log.store.topics.values():
        for partition in topic.partitions:
            partition.records.clear()


async def exchange(port: int, pieces: list[bytes]) -> bytes:
    """All that comes back; a reset ends it, too."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(client, ("127.0.0.1", port))

        async def send() -> None:
            with contextlib.suppress(OSError):  # the server has ended it
                for piece in pieces:
                    await loop.sock_sendall(client, piece)
                    for _ in range(3):  # the server's turn, so that pieces arrive as such
                        await asyncio.sleep(0)
                client.shutdown(socket.SHUT_WR)

        answers = b""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send())
            with contextlib.suppress(ConnectionError):
                while part := await loop.sock_recv(client, 65536):
                    answers += part
            sending.cancel()
        return answers


def finals(answers: bytes) -> tuple[int, ...]:
    """The statuses of answers, but for 100; every answer must be well-formed, and say what is wrong if it refuses."""
    found = []
    while answers:
        top, end, rest = answers.partition(b"\r\n\r\n")
        assert end, answers
        line, *lines = top.split(b"\r\n")
        status = STATUS_LINE.fullmatch(line)
        assert status is not None, line
        fields = [FIELD.fullmatch(each) for each in lines]
        assert all(fields), lines
        named = {each[1].lower(): each[2] for each in fields if each}
        if status[1] == b"100":
            answers = rest
            continue
        length = int(named[b"content-length"])
        body, answers = rest[:length], rest[length:]
        assert len(body) == length
        assert named.get(b"date")
        number = int(status[1])
        assert number != 500
        if number >= 400:
            assert named[b"content-type"] == b"application/problem+json"
            document = json.loads(body)
            assert document["status"] == number and document["detail"]
        if named.get(b"connection") == b"close":
            assert not answers
        found.append(number)
    return tuple(found)


chances = st.none() | st.integers(0, 2**32)


@given(data=st.data(), requests=streams, chance=chances)
@BOUNDED
def test_whole_requests(both: Both, data: st.DataObject, requests: list[Sent], chance: int | None) -> None:
    pieces = data.draw(cut(b"".join(request.octets for request in requests)))
    for seen in both.see(pieces, chance):
        assert list(seen.statuses) == [request.status for request in requests]
        assert seen.values == [request.body for request in requests if request.status == 202]


@given(data=st.data(), request=sent.filter(lambda one: one.status == 202), many=st.integers(60, 140), chance=chances)
@settings(BOUNDED, max_examples=10)
def test_more_requests_than_may_wait(
    both: Both, data: st.DataObject, request: Sent, many: int, chance: int | None
) -> None:
    requests = [Sent(plain(b"%d" % n), body=b"%d" % n) for n in range(many)]
    requests.insert(data.draw(st.integers(0, many)), request)
    for seen in both.see(data.draw(cut(b"".join(one.octets for one in requests))), chance):
        assert list(seen.statuses) == [202] * len(requests)
        assert seen.values == [one.body for one in requests]


@given(data=st.data(), stream=mutated(), chance=chances)
@settings(BOUNDED, max_examples=400)
def test_wrong_requests(both: Both, data: st.DataObject, stream: bytes, chance: int | None) -> None:
    note(repr(stream))
    front, h11 = both.see(data.draw(cut(stream)), chance)
    assert front == h11
    assert len(front.stored[0]) + len(front.stored[1]) == front.statuses.count(202)  # there is no batch among them
    if b"chunked" not in stream.lower() and b"cloudevents" not in stream:
        assert all(value is None or value in stream for value in front.values)
