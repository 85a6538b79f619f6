"""The only place that builds adapters: settings in, a running process out.

    once(settings, work)      one thing with the log, for a command
    run(process, settings)    logs, uvloop, signals → stop
    store → plans             resources as they change → what runs; every process computes the same (DESIGN §6)
    ingress, dispatcher, sources    one process each, its doors built and handed over

What is imported where it is used costs a process nothing that it does not need: starting counts.
"""

import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.config import Settings, ingress_base
from tradewind.errors import Fault, InvalidManifest, LogUnavailable
from tradewind.observe import health, logs
from tradewind.plan import Plan, compute
from tradewind.ports import EventLog, ResourceStore, Snapshot
from tradewind.resources.model import Resource

SUPERVISED = "TRADEWIND_SUPERVISED"
"""Set by `tradewind up`, which tells of the manifests itself."""
WORKER = "TRADEWIND_WORKER"
"""Set by an ingress of several processes for each of them, to its number from 1: they listen on one port."""
REMINDER = 5.0
"""Seconds after which it is said again what is being waited for."""
DISK_LOOK = 1.0
"""Seconds between two looks at a disk's free space."""
AGAIN = 0.5
"""Seconds between looks at manifests that were broken from the start."""
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
async def _waiting(well: health.Health, settings: Settings) -> AsyncIterator[None]:
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


# --- resources


def store(settings: Settings) -> ResourceStore:
    """Where the resources are declared."""
    from tradewind.adapters.file_store import FileStore

    return FileStore(Path(settings.manifests), portable=settings.portable)


def manifests(settings: Settings, path: str = "") -> tuple[Resource, ...]:
    """The resources as they are declared now, or those at a path.  Raises InvalidManifest with every fault."""
    from tradewind.adapters.file_store import load

    return load(Path(path or settings.manifests), portable=settings.portable)


def planned(settings: Settings, resources: Sequence[Resource]) -> Plan:
    """What runs by these resources."""
    from tradewind.adapters.resolvers import parse_services, resolver

    services = parse_services(settings.services)
    return compute(resources, resolve=resolver(resources, services=services, ingress_url=ingress_base(settings)))


async def plans(settings: Settings) -> AsyncIterator[Plan]:
    """The Plan, then again whenever it has changed.  Raises InvalidManifest when there is none to begin with."""
    told = log.debug if os.environ.get(SUPERVISED) else log.warning
    old: Plan | None = None
    faults: tuple[Fault, ...] = ()
    async for snapshot in _snapshots(settings):
        for fault in snapshot.faults if snapshot.faults != faults else ():
            told("manifests refused, what ran goes on", fault=fault)
        faults = snapshot.faults
        plan = planned(settings, snapshot.resources)
        if plan == old:
            continue
        for problem in plan.problems if old is None or plan.problems != old.problems else ():
            told("manifests have a problem", problem=problem)
        old = plan
        yield plan


async def _snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """As the store tells them.  A supervised process that is started again while the manifests are broken waits until
    they are right: its supervisor tells of the faults, and the others go on."""
    while True:
        try:
            async for snapshot in store(settings).watch():
                yield snapshot
        except InvalidManifest:
            if not os.environ.get(SUPERVISED):
                raise
        await asyncio.sleep(AGAIN)


# --- processes


def kafka_log(settings: Settings, client_id: str) -> KafkaLog:
    """The log on the Kafka of the settings."""
    return KafkaLog(
        settings.kafka, client_id=client_id, patience=settings.kafka_patience, queue_bytes=settings.queue_bytes
    )


def require_port(settings: Settings) -> None:
    """Raise StartFailed where the ingress' port cannot be listened on."""
    from tradewind.broker.serve import bind

    bind(settings.host, settings.port).close()


async def ingress(settings: Settings, stop: asyncio.Event) -> None:
    """Take events until `stop`."""
    from tradewind.broker.ingress import NEEDS, Ingress
    from tradewind.broker.readings import page
    from tradewind.broker.serve import bind, serve

    number = int(os.environ.get(WORKER, "0"))
    listener = bind(settings.host, settings.port, shared=number > 0)
    well = health.Health(*NEEDS)
    event_log = kafka_log(settings, "tradewind-ingress")
    taking = Ingress(event_log, settings, well, disk_low=disk_low(settings), shared=number > 0)
    own_port = settings.health_port + number - 1 if settings.health_port and number else 0

    planned_once = asyncio.Event()

    async def adopt() -> None:
        async for plan in plans(settings):
            taking.adopt(plan)
            planned_once.set()

    try:
        async with (
            _waiting(well, settings),
            health.served(well, settings.host, own_port, lambda: page(taking)),
            asyncio.TaskGroup() as tasks,
        ):
            adopting = tasks.create_task(adopt())
            await _either(planned_once, stop)  # to answer before would be to say 404 of Brokers that are there
            if not stop.is_set():
                await serve(
                    taking,
                    host=settings.host,
                    port=settings.port,
                    health=well,
                    settings=settings,
                    stop=stop,
                    listener=listener,
                )
            adopting.cancel()
    finally:
        listener.close()
        await event_log.close()


def http_sender(settings: Settings) -> HttpSender:
    """What POSTs for this process."""
    return HttpSender(max_answer_bytes=settings.max_event_bytes)


async def dispatcher(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop`."""
    from tradewind.adapters import elapsed
    from tradewind.trigger_dispatcher.edges import Edges
    from tradewind.trigger_dispatcher.supervisor import Dispatcher

    event_log = kafka_log(settings, settings.slot)
    sender = http_sender(settings)
    edges = Edges(
        log=event_log,
        sender=sender,
        settings=settings,
        clock=time.time,
        chance=random.random,
        elapsed=elapsed.clock(),
    )
    well = health.Health("manifests", "kafka", "partitions")
    try:
        delivering = Dispatcher(edges, well)
        served = health.served(well, settings.host, settings.health_port, delivering.readings.page)
        async with _waiting(well, settings), served:
            await delivering.run(plans(settings), stop)
    finally:
        await sender.close()
        await event_log.close()


async def sources(settings: Settings, stop: asyncio.Event) -> None:
    """Run the declared sources until `stop`."""
    from tradewind.adapters import elapsed
    from tradewind.sources.edges import Edges
    from tradewind.sources.kinds import Kinds
    from tradewind.sources.readings import Readings
    from tradewind.sources.runner import NEEDS, Sources
    from tradewind.sources.slots import slot_of
    from tradewind.sources.times import Time

    slot = slot_of(settings.sources_slot, socket.gethostname())
    event_log = kafka_log(settings, slot)
    sender = http_sender(settings)
    well = health.Health(*NEEDS)
    try:
        edges = Edges(event_log, sender, settings, slot, Time(elapsed=elapsed.clock()))
        emitting = Sources(edges, Kinds(), well)
        served = health.served(well, settings.host, settings.health_port, Readings(emitting).page)
        async with _waiting(well, settings), served:
            await emitting.run(plans(settings), stop)
    finally:
        await sender.close()
        await event_log.close()


def disk_low(settings: Settings) -> Callable[[], str | None]:
    """Asks whether the disk of the embedded Kafka is nearly full: the folder, or None.  Looks once a second."""
    if not settings.data:
        return lambda: None
    from tradewind.adapters.embedded_kafka import free_bytes

    folder, floor = settings.data, settings.disk_floor
    looked, low = -DISK_LOOK, False

    def look() -> str | None:
        nonlocal looked, low
        if (now := time.monotonic()) - looked >= DISK_LOOK:
            looked, low = now, False
            with contextlib.suppress(OSError):  # a folder that is gone is for Kafka to tell of
                low = free_bytes(Path(folder)) < floor
        return folder if low else None

    return look


async def _either(*events: asyncio.Event) -> None:
    """Wait for the first of these."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
