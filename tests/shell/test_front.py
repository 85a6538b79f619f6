"""The front, on a transport that a test watches."""

import asyncio
from collections.abc import Callable

import pytest
from uvicorn.server import ServerState

from tests import fake_time
from tests.shell.ingress_clients import Acknowledgements, chunked, head, plain
from tests.shell.ingress_running import HELLO, running, until
from tests.shell.watched import BOUND, Connection, Heir, Transport, connected, turns_until
from tradewind.broker import deadlines, front, heads
from tradewind.broker.answers import Answers
from tradewind.broker.deadlines import Sweeper
from tradewind.broker.front import Front
from tradewind.config import KIB

UNDER_WAY = head("/default/hello", "Content-Length: 5"), b"hel"
WRONG_UNDER_WAY = UNDER_WAY[0].replace(b"ce-specversion", b"ce-nothing"), b"hel"
"""Refused as soon as its body is whole."""
TOO_MUCH = head("/default/hello", f"Content-Length: {2 * BOUND}"), b"x" * (BOUND + 1)
"""A body under way that is beyond the bound already."""


async def test_whoever_takes_over_says_itself_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    heir = Heir()
    async with running() as at:
        kafka = Acknowledgements(at, monkeypatch)
        state = ServerState()
        one = Front(at.ingress, state=state, answers=Answers(state), sweeper=Sweeper(), fallback=lambda: heir)
        transport = Transport(one)
        one.connection_made(transport)
        one.data_received(plain(b"x") * front.MOST_WAITING + chunked(b"y"))
        await until(lambda: len(kafka.due) == front.MOST_WAITING)
        assert not transport.reading
        while kafka.due:
            kafka.give(-1)
        await until(lambda: transport.get_protocol() is heir)
        assert transport.written.count(b"HTTP/1.1 202 ") == front.MOST_WAITING
        assert heir.got == chunked(b"y")
        assert not transport.reading


def test_whoever_reads_answers_again_is_read_again() -> None:
    async def scenario() -> None:
        async with connected() as one:
            one.send(plain(b"a"))
            one.front.pause_writing()
            assert not one.transport.reading
            one.front.resume_writing()
            assert one.transport.reading

    fake_time.run(scenario)


def test_whoever_takes_over_is_told_that_the_client_does_not_read() -> None:
    async def scenario() -> None:
        heir = Heir()
        async with connected(lambda: heir) as one:
            one.log.held = True
            one.send(plain(b"a") + chunked(b"b"))
            one.front.pause_writing()
            one.log.release()
            await fake_time.until(lambda: heir.got)
            assert not heir.may_write

    fake_time.run(scenario)


@pytest.mark.parametrize("last", [Front.shutdown, Front.eof_received])
def test_a_client_that_never_reads_its_last_answer_is_let_go(last: Callable[[Front], object]) -> None:
    async def scenario() -> None:
        async with connected() as one:
            one.log.held = True
            one.send(plain(b"a"))
            last(one.front)
            one.log.release()
            await fake_time.until(lambda: not one.open(), what="closed behind its last answer")
            assert one.answers(202) == 1
            assert one.state.connections
            await fake_time.until(lambda: not one.state.connections, what="gone")

    fake_time.run(scenario)


class TestTurns:
    """What one connection gets in one turn of the loop is bounded, whatever it sends."""

    def test_refusals_that_are_pipelined_keep_nobody_else_waiting(self) -> None:
        async def scenario() -> None:
            async with connected() as one, connected() as other:
                one.send(plain(b"a", "/default/hello", "ce-time: today") * 1000)
                assert one.answers(400) == front.AT_ONCE
                other.send(plain(b"b"))
                await turns_until(lambda: other.answers(202) == 1)
                assert one.answers(400) < 500
                await fake_time.until(lambda: one.answers(400) == 1000)
                assert one.transport.reading

        fake_time.run(scenario)

    def test_what_waits_for_its_turn_counts_and_is_not_read_on(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(refused := plain(b"a", "/default/hello", "ce-time: today") * (front.AT_ONCE + 2))
                assert not one.transport.reading
                assert 0 < one.room.held < len(refused)
                await fake_time.until(lambda: one.answers(400) == front.AT_ONCE + 2)
                assert (one.room.held, one.transport.reading) == (0, True)

        fake_time.run(scenario)

    def test_whoever_is_gone_or_has_sent_all_before_his_turn(self) -> None:
        async def scenario() -> None:
            number = 2 * front.AT_ONCE + 1
            async with connected() as one, connected() as gone, connected() as stopped:
                for each in (one, gone, stopped):
                    each.send(plain(b"a", "/default/hello", "ce-time: today") * number)
                one.send_no_more()
                gone.transport.abort()
                stopped.front.shutdown()
                await fake_time.until(lambda: not one.open())
                assert [each.answers(400) for each in (one, gone, stopped)] == [number, *2 * [front.AT_ONCE]]
                assert gone.room.held == stopped.room.held == 0

        fake_time.run(scenario)


class TestLingering:
    """Whoever is refused while a body is under way may send on for a while: else the answer would be lost to it."""

    @staticmethod
    async def lasts(one: Connection) -> None:
        """It goes on until LINGER has passed, and no longer."""
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begun + deadlines.LINGER - 0.1:
            assert one.open()
            one.send(b"x" * KIB)
            await asyncio.sleep(0.1)
        assert one.open()
        await fake_time.until(lambda: not one.open(), within=2 * deadlines.SWEEP)

    def test_a_client_that_sends_on(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*TOO_MUCH)
                assert one.answers(503) == 1
                await self.lasts(one)

        fake_time.run(scenario)

    def test_a_client_that_neither_reads_nor_ends(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*TOO_MUCH)
                one.front.pause_writing()
                await fake_time.until(lambda: not one.state.connections)

        fake_time.run(scenario)

    def test_a_client_that_has_sent_its_last(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*TOO_MUCH)
                assert one.open()
                one.send_no_more()
                assert not one.open()

        fake_time.run(scenario)

    def test_a_refusal_behind_answers_that_are_due(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.log.held = True
                one.send(plain(b"a"), *TOO_MUCH)
                await asyncio.sleep(2 * deadlines.LINGER)
                assert (one.answers(503), one.open()) == (0, True)
                one.log.release()
                await fake_time.until(lambda: one.answers(503))
                assert one.answers(202) == 1
                await self.lasts(one)

        fake_time.run(scenario)

    @pytest.mark.parametrize(("before", "status"), [(UNDER_WAY, 202), (WRONG_UNDER_WAY, 400)])
    def test_a_refusal_behind_a_body_that_came_in_parts(self, before: tuple[bytes, ...], status: int) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*before, b"lo" + b"".join(TOO_MUCH))
                await fake_time.until(lambda: one.answers(status) and one.answers(503))
                await self.lasts(one)

        fake_time.run(scenario)

    def test_the_stop(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*TOO_MUCH)
                one.front.shutdown()
                await self.lasts(one)

        fake_time.run(scenario)

    def test_the_stop_before_the_refusal(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*UNDER_WAY)
                one.front.shutdown()
                await fake_time.until(lambda: one.answers(408), what="told that the body is too slow")
                await self.lasts(one)

        fake_time.run(scenario)

    def test_a_body_that_is_too_slow(self) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.send(*UNDER_WAY)
                await fake_time.until(lambda: one.answers(408))
                await self.lasts(one)

        fake_time.run(scenario)


class TestFaultsOfOurs:
    """No exception leaves a callback: it is logged, and ends that connection alone."""

    @staticmethod
    def told(caplog: pytest.LogCaptureFixture) -> list[str]:
        """What is logged of them."""
        return [str(record.exc_info and record.exc_info[1]) for record in caplog.records]

    def test_while_it_is_read(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario() -> None:
            async with connected() as one:
                monkeypatch.setattr(heads, "plain", broken)
                one.send(plain(b"a"))
                await fake_time.until(lambda: not one.state.connections)

        fake_time.run(scenario)
        assert self.told(caplog) == ["a fault"]

    def test_while_it_is_answered(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario() -> None:
            async with connected() as one:
                one.log.held = True
                one.send(plain(b"a"))
                await fake_time.until(lambda: one.log.store.records(HELLO.topic.name))
                monkeypatch.setattr(one.transport, "write", broken)
                one.log.release()
                await fake_time.until(lambda: not one.state.connections)

        fake_time.run(scenario)
        assert self.told(caplog) == ["a fault"]

    def test_when_its_time_is_over(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario() -> None:
            async with connected() as one, connected() as other:
                monkeypatch.setattr(one.front, "expire", broken)
                await fake_time.until(lambda: not one.state.connections)
                await fake_time.until(lambda: not other.open())

        fake_time.run(scenario)
        assert self.told(caplog) == ["a fault"]


def broken(*_: object) -> None:
    """A fault of ours."""
    raise RuntimeError("a fault")
