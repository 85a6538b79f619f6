"""Asks Kafka's admin client, few calls at once, each with a deadline of our own.

librdkafka aborts the whole process when many admin calls time out together (its issue 4605).  So no call ever does:
each may take five minutes by librdkafka's clock, and one that is not answered within our patience costs its client,
which is thrown away with every call it has and made anew.  That also frees us of calls that an outage left
unanswered for good: seen of groups' offsets asked for in the moment of a kill -9.  A client that is new is kept for a
while: on a busy machine it may need longer than our patience to connect, and would never come to answer.

Where Kafka is a cluster the controller that librdkafka asks is just some broker, as KRaft names one at random.  If that
one dies, librdkafka looks for it in a busy loop and never asks anew who is there.  So we do, where an answer is late.
"""

import asyncio
import concurrent.futures
import contextlib
import time
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

NEW = 10.0
"""Seconds after which a client that does not answer is no longer waited for."""

LATE = 1.0
"""Seconds after which an answer is late."""


class Asker:
    """An admin client and its deadlines."""

    def __init__(self, connection: Connection, *, at_once: int) -> None:
        self._connection = connection
        self._places = asyncio.Semaphore(at_once)
        self._kafka: AdminClient | None = None
        self._made_at = 0.0
        self._generation = 0
        """Of what lets it in."""

    async def ask_one(self, call: Callable[[AdminClient], Asked[Any]]) -> Any:
        """The one answer of a call, or the exception it ended with."""
        (answer,) = (await self.ask(call)).values()
        return answer

    async def ask(self, call: Callable[[AdminClient], Asked[K]]) -> dict[K, Any]:
        """The answers of a call by key, each a result or the exception it ended with; LogUnavailable without them."""
        patience, asked_of = self._connection.patience, None
        try:
            async with asyncio.timeout(patience), self._places:
                asked_of = self._client()
                asked = call(asked_of)
                looking = asyncio.create_task(_look_around(asked_of))
                try:
                    answers = await asyncio.gather(*map(asyncio.wrap_future, asked.values()), return_exceptions=True)
                finally:
                    looking.cancel()
        except TimeoutError:
            await asyncio.to_thread(self._connection.login.look)
            if asked_of is self._kafka and time.monotonic() - self._made_at > NEW:
                self._kafka = None
            raise LogUnavailable(self._connection.unanswered()) from None
        except KafkaException as refused:  # the client would not even ask
            raise LogUnavailable(str(refused)) from refused
        return dict(zip(asked, answers, strict=True))

    def _client(self) -> AdminClient:
        generation = self._connection.login.generation
        if self._kafka is None or self._generation != generation:
            self._made_at, self._generation = time.monotonic(), generation
            # Its words would pile up unread: it is never polled, and what it has to say comes out of its futures.
            self._kafka = AdminClient(self._connection.config({"log_level": 0}))
        return self._kafka


async def _look_around(kafka: AdminClient) -> None:
    """Have a client ask who is there, again and again: whom it then takes for the controller it asks at once."""
    while True:
        await asyncio.sleep(LATE)
        with contextlib.suppress(KafkaException):
            await asyncio.to_thread(kafka.list_topics, timeout=LATE)
