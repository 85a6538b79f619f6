"""Follows one kind of record in partition GENERAL of the cursors topic, for a controller.

    topic is not there ──None──┐
    read from its start to its end ──View──► a record of this kind, or LOOK seconds: View again ──► …
    cut, or Kafka is away ──► anew, with another View

Nothing is written, and no membership taken.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, TopicPartition
from tradewind.trigger_dispatcher.cursors import GENERAL
from tradewind.trigger_dispatcher.edges import log
from tradewind.trigger_dispatcher.view import View

BATCH = 2000
LOOK = 2.0
"""Seconds after which all is told again, where no record came; and between two tries while Kafka is away."""


async def followed(event_log: EventLog, topic: str, kind: bytes) -> AsyncGenerator[View | None, None]:
    """The View of what lies there under keys that begin with `kind`, each time all of it is read; None where there is
    no topic.  It is another View once all was read anew, and while Kafka is away nothing comes."""
    while True:
        try:
            async with aclosing(_followed(event_log, topic, kind)) as views:
                async for view in views:
                    yield view
        except PositionGone as gone:
            log.warning("cursors topic was cut, reading from its start", partition=gone.partition)
        except LogUnavailable as unavailable:
            log.debug("cursors topic is out of reach", error=unavailable)
            await asyncio.sleep(LOOK)


async def _followed(event_log: EventLog, topic: str, kind: bytes) -> AsyncGenerator[View | None, None]:
    while topic not in await event_log.topics([topic]):
        yield None
        await asyncio.sleep(LOOK)
    view, here, clock = View(), TopicPartition(topic, GENERAL), asyncio.get_running_loop().time
    bounds = (await event_log.bounds([here]))[here]
    reader, came, look_at = event_log.reader(), False, clock()
    try:
        await reader.assign({here: bounds.start})
        while True:
            if reader.position(here) >= bounds.end and (came or clock() >= look_at):
                yield view
                came, look_at = False, clock() + LOOK
            for record in await reader.take(BATCH, LOOK):
                if record.key is not None and record.key.startswith(kind):
                    view.apply(record.key, record.value, record.offset)
                    came = True
    finally:
        await reader.close()
