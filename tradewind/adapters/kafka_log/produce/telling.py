"""Telling whoever produced a record how it ended."""

import asyncio

from tradewind.adapters.kafka_log.produce.partitions import Entry
from tradewind.observe.logs import Log
from tradewind.ports import Delivered, LogError, Position

LOG = Log("producer")


def tell(entry: Entry[Delivered], end: Position | LogError) -> None:
    """Tell him; his fault is no other's."""
    try:
        entry.told(end)
    except Exception:
        LOG.exception("telling of a record failed")


def settle(future: asyncio.Future[Position], end: Position | LogError) -> None:
    """Tell whoever waits for a future."""
    if future.done():  # he gave up
        return
    if isinstance(end, Position):
        future.set_result(end)
    else:
        future.set_exception(end)
