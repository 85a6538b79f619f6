"""The thread behind Reader and Member, without a Kafka."""

import asyncio
import gc
import threading
from collections.abc import Sequence

import pytest

from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.source import Source
from tradewind.errors import LogUnavailable
from tradewind.ports import Record


class Failing(Source):
    """Fails when it is told to."""

    def __init__(self) -> None:
        super().__init__(Connection("127.0.0.1:1", "test", 1.0), "failing")
        self.now = threading.Event()

    def _take(self, limit: int, wait: float) -> Sequence[Record]:
        self.now.wait()
        raise LogUnavailable("away")


async def test_what_a_given_up_take_raises_is_not_complained_of() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    source = Failing()
    taking = asyncio.create_task(source.take(1, 1.0))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    source.now.set()
    await source.close()
    del source, taking
    gc.collect()
    assert complaints == []
