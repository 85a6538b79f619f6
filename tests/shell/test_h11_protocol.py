"""What stands behind the front, on a transport that a test watches."""

import asyncio
import re

import pytest

from tests import fake_time
from tests.shell.ingress_clients import chunked, head, plain
from tests.shell.ingress_running import HELLO
from tests.shell.watched import BOUND, behind, turns_until
from tradewind.broker import deadlines
from tradewind.config import KIB

TARDY = head("/no/broker", "Transfer-Encoding: chunked")


def test_a_connection_at_fault_that_is_still_there_does_not_spoil_the_stop() -> None:
    """Refused before its body, of which a wrong chunk follows: there is nothing more to say, nor at the stop."""

    async def scenario() -> None:
        async with behind() as one:
            one.protocol.data_received(head("/no/broker", "Transfer-Encoding: chunked"))
            await fake_time.until(lambda: b"HTTP/1.1 404 " in one.transport.written and not one.state.tasks)
            one.protocol.data_received(b"zz\r\n")
            one.protocol.shutdown()
            assert one.transport.written.count(b"HTTP/1.1 ") == 1

    fake_time.run(scenario)


def test_empty_lines_are_no_sign_of_life() -> None:
    async def scenario() -> None:
        async with behind() as one:
            begun = asyncio.get_running_loop().time()
            while not one.transport.is_closing():
                one.protocol.data_received(b"\r\n")
                await asyncio.sleep(deadlines.HEAD / 2)
            assert asyncio.get_running_loop().time() - begun < deadlines.IDLE + deadlines.HEAD
            assert not one.transport.written

    fake_time.run(scenario)


def test_whoever_is_refused_amid_a_body_gets_no_second_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Also where its client does not read the first, and the connection lasts: the route is told at once."""

    async def scenario() -> None:
        async with behind() as one:
            one.protocol.data_received(head("/default/hello", "Content-Length: 5", "TE: x") + b"hell")
            await fake_time.until(lambda: one.ingress.room.held == 4)
            assert not one.protocol.eof_received()
            await fake_time.until(lambda: not one.state.tasks, within=1)
            assert one.ingress.room.held == 0
            assert one.transport.written.count(b"HTTP/1.1 ") == one.transport.written.count(b"HTTP/1.1 400 ") == 1
            assert one.log.store.records(HELLO.topic.name) == []

    fake_time.run(scenario)
    assert not caplog.records


SWEEPS = 2 * deadlines.SWEEP


@pytest.mark.parametrize(
    ("sent", "seconds"), [(b"\r\n", deadlines.IDLE), (head()[:-2], deadlines.HEAD), (TARDY, deadlines.BODY)]
)
def test_whatever_a_client_is_to_do_next_has_its_time(sent: bytes, seconds: float) -> None:
    """Also the rest of a body that is refused: more of it gives it no more time."""

    async def scenario() -> None:
        async with behind() as one:
            begun = asyncio.get_running_loop().time()
            one.protocol.data_received(sent)
            while not one.transport.is_closing():
                await asyncio.sleep(1)
                if sent is TARDY:
                    one.protocol.data_received(b"1\r\na\r\n")
            assert seconds <= asyncio.get_running_loop().time() - begun <= seconds + SWEEPS

    fake_time.run(scenario)


def test_a_client_that_does_not_read_why_its_body_is_refused_is_let_go() -> None:
    async def scenario() -> None:
        async with behind() as one:
            one.protocol.data_received(head("/default/hello", "Transfer-Encoding: chunked") + b"zz\r\n")
            assert one.transport.written.startswith(b"HTTP/1.1 400 ")
            assert one.transport.is_closing()
            await fake_time.until(lambda: not one.state.connections, within=deadlines.IDLE + SWEEPS, what="gone")

    fake_time.run(scenario)


class TestTurns:
    """What one connection gets in one turn of the loop is bounded, whatever it sends."""

    SMALL = chunked(*[b"a"] * 5000)

    def test_a_body_of_single_octets_keeps_nobody_else_waiting(self) -> None:
        async def scenario() -> None:
            async with behind() as one, behind() as other:
                one.protocol.data_received(self.SMALL)
                other.protocol.data_received(plain(b"b"))
                await turns_until(lambda: b"HTTP/1.1 202 " in other.transport.written)
                assert len(one.protocol.conn.coming) > len(self.SMALL) // 2
                assert not one.transport.reading
                assert one.ingress.room.held > len(self.SMALL) // 2
                await fake_time.until(lambda: b"HTTP/1.1 202 " in one.transport.written)
                assert one.transport.reading
                (record,) = one.log.store.records(HELLO.topic.name)
                assert record.value == b"a" * 5000

        fake_time.run(scenario)

    def test_a_refused_one_neither(self) -> None:
        async def scenario() -> None:
            async with behind() as one:
                size = self.SMALL.index(b"\r\n\r\n") + 4
                one.protocol.data_received(self.SMALL[:size].replace(b"/hello", b"/nobody"))
                await fake_time.until(lambda: b"HTTP/1.1 404 " in one.transport.written)
                one.protocol.data_received(self.SMALL[size:] + plain(b"b"))
                assert len(one.protocol.conn.coming) > len(self.SMALL) // 2
                assert not one.transport.reading
                await fake_time.until(lambda: b"HTTP/1.1 202 " in one.transport.written)

        fake_time.run(scenario)

    @pytest.mark.parametrize("before", [b"", chunked(b"x")])
    def test_whoever_has_sent_all_before_his_turn_gets_every_answer(self, before: bytes) -> None:
        async def scenario() -> None:
            async with behind() as one:
                one.protocol.data_received(before + self.SMALL)
                assert one.protocol.eof_received()
                await fake_time.until(one.transport.is_closing)
                whole = bool(before) + 1
                assert one.transport.written.count(b"HTTP/1.1 ") == whole == one.transport.written.count(b" 202 ")

        fake_time.run(scenario)

    def test_whoever_is_gone_before_his_turn(self) -> None:
        async def scenario() -> None:
            async with behind() as one:
                one.protocol.data_received(self.SMALL)
                one.transport.abort()
                await fake_time.until(lambda: not one.state.tasks and not one.ingress.room.held)
                assert one.log.store.records(HELLO.topic.name) == []

        fake_time.run(scenario)


class TestBehindARequestThatWaits:
    """What is pipelined behind a request is h11's to keep, and counts as requests do that are still coming."""

    def test_it_counts_until_it_is_served_or_its_client_is_gone(self) -> None:
        async def scenario() -> None:
            async with behind() as one:
                one.log.held = True
                one.protocol.data_received(head("/default/hello", "Content-Length: 1") + b"a")
                await fake_time.until(lambda: one.log.store.records(HELLO.topic.name))
                before = one.ingress.room.held
                one.protocol.data_received(plain(b"b" * 50 * KIB) + plain(b"c" * 50 * KIB))
                assert 100 * KIB < one.ingress.room.held - before == len(one.protocol.conn.coming)
                one.log.release()
                await fake_time.until(lambda: len(one.log.store.records(HELLO.topic.name)) == 2)
                assert 50 * KIB < len(one.protocol.conn.coming) < 52 * KIB
                assert one.ingress.room.held > 100 * KIB
                one.transport.abort()
                await fake_time.until(lambda: not one.protocol.conn.coming)
                assert 50 * KIB < one.ingress.room.held < 53 * KIB
                one.log.release()
                await fake_time.until(lambda: one.ingress.room.held == 0)

        fake_time.run(scenario)

    @pytest.mark.parametrize("piece", [1000, BOUND])
    def test_a_client_that_sends_on_is_held_within_the_bound(self, piece: int) -> None:
        """Whatever is read of it; its answers come in order, and the last says why there are no more."""

        async def scenario() -> None:
            async with behind() as one:
                one.log.held = True
                one.protocol.data_received(plain(b"a"))
                await fake_time.until(lambda: one.log.store.records(HELLO.topic.name))
                for _ in range(3 * BOUND // piece):
                    one.protocol.data_received(b"POST " + b"x" * piece)
                    assert len(one.protocol.conn.coming) <= one.ingress.room.held <= BOUND
                assert one.transport.written == b""
                one.log.release()
                await fake_time.until(one.transport.is_closing)
                statuses = re.findall(rb"HTTP/1.1 ([0-9]+)", one.transport.written)
                assert statuses == [b"202", b"503"]
                for line in (b"Retry-After: 1", b"Connection: close"):
                    assert one.transport.written.count(b"\r\n" + line + b"\r\n") == 1
                assert one.ingress.room.held == 0

        fake_time.run(scenario)

    def test_heads_that_are_not_whole_count(self) -> None:
        async def scenario() -> None:
            async with behind() as one:
                one.ingress.room.wait(BOUND - 1000)
                one.protocol.data_received(head()[:-2])
                assert one.ingress.room.held == BOUND - 1000 + len(head()) - 2
                one.protocol.data_received(b"ce-x: " + b"y" * 1000)
                assert one.transport.written.startswith(b"HTTP/1.1 503 ")
                assert one.transport.is_closing()
                assert one.ingress.room.held == BOUND - 1000

        fake_time.run(scenario)
