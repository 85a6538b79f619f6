"""Asks Kafka's admin client, few calls at once, each with a deadline of our own.

librdkafka aborts the whole process when many admin calls time out together (its issue 4605).  So no call ever does:
each may take five minutes by librdkafka's clock, we stop waiting for it much sooner, and it keeps its place among the
few that may be outstanding until it has really ended.

Calls about groups that are in flight in the moment of a kill -9 stay unanswered for good where others share their
client (seen; alone and one at a time they are answered once Kafka is back), so they have an Asker of their own.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradewind.adapters.kafka_log.connection import Connection
from tradewind.errors import LogUnavailable

K = TypeVar("K", bound=Hashable)
Asked = Mapping[K, "concurrent.futures.Future[Any]"]  # Any: the client library does not say what its futures hold

REQUEST_TIMEOUT = 300.0
"""Seconds; so that it never fires."""


_KEPT: list[AdminClient] = []


class Asker:
    """An admin client and its deadlines."""

    def __init__(self, connection: Connection, *, at_once: int) -> None:
        self._connection = connection
        self._places = asyncio.Semaphore(at_once)
        self._kafka: AdminClient | None = None
        self._outstanding = 0

    def close(self) -> None:
        """Ask no more.  A client that still has calls is kept until the process ends."""
        if self._kafka is not None and self._outstanding:
            _KEPT.append(self._kafka)
        self._kafka = None

    async def ask_one(self, call: Callable[[AdminClient], Asked[Any]]) -> Any:
        """The one answer of a call, or the exception it ended with."""
        (answer,) = (await self.ask(call)).values()
        return answer

    async def ask(self, call: Callable[[AdminClient], Asked[K]]) -> dict[K, Any]:
        """The answers of a call by key, each a result or the exception it ended with; LogUnavailable without them."""
        patience = self._connection.patience
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
                asked = self._holding_a_place(call)
                answers = await asyncio.gather(*map(asyncio.wrap_future, asked.values()), return_exceptions=True)
        except TimeoutError:
            raise LogUnavailable(f"Kafka did not answer within {patience:g} s") from None
        except KafkaException as refused:  # the client would not even ask
            raise LogUnavailable(str(refused)) from refused
        return dict(zip(asked, answers, strict=True))

    def _holding_a_place(self, call: Callable[[AdminClient], Asked[K]]) -> Asked[K]:
        """Make a call; its place is free again when the last of its futures has ended, waited for or not."""
        loop, left = asyncio.get_running_loop(), 1

        def ended(_: object = None) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._outstanding -= 1
                self._places.release()

        def in_the_loop(_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended)

        self._outstanding += 1
        try:
            asked = call(self._client())
            left += len(asked)
            for future in asked.values():
                future.add_done_callback(in_the_loop)
        finally:
            ended()
        return asked

    def _client(self) -> AdminClient:
        if self._kafka is None:
            # Its words would pile up unread: it is never polled, and what it has to say comes out of its futures.
            self._kafka = AdminClient(self._connection.config({"log_level": 0}))
        return self._kafka
