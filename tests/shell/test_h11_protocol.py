"""What stands behind the front, on a transport that a test watches."""

import asyncio

import pytest

from tests import fake_time
from tests.shell.ingress_clients import head
from tests.shell.ingress_running import HELLO
from tests.shell.watched import behind
from tradewind.broker import deadlines


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
