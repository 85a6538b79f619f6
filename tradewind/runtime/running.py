"""A process or a command from its beginning to its end: logs, the loop, signals, what is waited for."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from tradewind.api_server import ApiServer
from tradewind.config import Settings
from tradewind.errors import LogUnavailable
from tradewind.observe import health, logs
from tradewind.ports import EventLog
from tradewind.runtime.declared import SUPERVISED, api_server
from tradewind.runtime.doors import kafka_log

REMINDER = 5.0
"""Seconds after which it is said again what is being waited for."""
YOUNG = 50_000
"""New objects after which Python looks for cycles.  Events on their way are many objects and no cycles: at its default,
looking for them was up to two fifths of a busy dispatcher's time."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")
Process = Callable[[Settings, asyncio.Event], Awaitable[None]]

log = logs.Log("runtime")


def run(process: Process, settings: Settings) -> None:
    """Run one process until a signal asks for its end; a second one does not wait for it."""
    import uvloop

    logs.configure(process.__name__)
    gc.set_threshold(YOUNG)
    uvloop.run(_until_signalled(process, settings))


async def _until_signalled(process: Process, settings: Settings) -> None:
    await process(settings, stopping())


def stopping() -> asyncio.Event:
    """Set when a signal asks for the end; the next one ends the process as it always does."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def asked() -> None:
        stop.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, asked)
    return stop


@contextlib.asynccontextmanager
async def waiting(well: health.Health, settings: Settings) -> AsyncIterator[None]:
    """While the block runs: until the process is ready, Kafka's client is silent, which would tell of each refused
    connection, and a line every few seconds says what is waited for."""
    told = log.debug if os.environ.get(SUPERVISED) else log.info
    kafka = logging.getLogger("tradewind.kafka")

    async def tell() -> None:
        while not well.ready:
            await asyncio.sleep(REMINDER)
            if not well.ready:
                told("waiting", missing=", ".join(sorted(well.missing)), kafka=settings.kafka)

    def ready(_record: logging.LogRecord) -> bool:
        return well.ready

    kafka.addFilter(ready)
    telling = asyncio.ensure_future(tell())
    try:
        yield
    finally:
        telling.cancel()
        kafka.removeFilter(ready)


def once(settings: Settings, work: Callable[[EventLog], Awaitable[T]]) -> T:
    """Do one thing with the log and let go of it.  Raises LogUnavailable at once where nothing answers."""
    from tradewind.adapters.reach import unanswered

    async def do() -> T:
        if why := await unanswered(settings.kafka):
            places = ", ".join(f"{address} ({reason})" for address, reason in why.items())
            raise LogUnavailable(f"--kafka: found nothing that answers at {places}, expected a Kafka")
        event_log = kafka_log(settings, "tradewind-command")
        try:
            return await work(event_log)
        finally:
            await event_log.close()

    logs.configure("command", level="error")
    gc.set_threshold(YOUNG)
    return asyncio.run(do())


def at_api_server(work: Callable[[ApiServer], Awaitable[T]]) -> T:
    """Do one thing at the Kubernetes API server and let go of it.  Raises StartFailed where none is named."""

    async def do() -> T:
        async with api_server() as api:
            return await work(api)

    logs.configure("command", level="error")
    return asyncio.run(do())


async def either(*events: asyncio.Event) -> None:
    """Wait for the first of these."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
