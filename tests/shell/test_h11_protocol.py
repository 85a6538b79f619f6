"""What stands behind the front, on a transport that a test watches."""

import asyncio

from tests import fake_time
from tests.shell.ingress_clients import head
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
