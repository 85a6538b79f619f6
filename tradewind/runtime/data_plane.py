"""Ingress, dispatcher and sources: one process each, its doors built and handed over."""

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.config import Settings
from tradewind.observe import health
from tradewind.runtime import plugins
from tradewind.runtime.declared import SUPERVISED, installed, plans
from tradewind.runtime.doors import disk_low, http_sender, kafka_log, reading
from tradewind.runtime.running import either, waiting

if TYPE_CHECKING:
    from tradewind.sources.container.program import Commands
    from tradewind.trigger_dispatcher.edges import Edges


WORKER = "TRADEWIND_WORKER"
"""Set by an ingress of several processes for each of them, to its number from 1: they listen on one port."""
COMMANDS = "TRADEWIND_COMMANDS"
"""Set by `tradewind up --allow-commands` for its sources process, and by nobody else: the one place where commands that
manifests name may be run.  A sources process by itself, and so compose and a cluster, runs none: there a file that is
mounted would be enough to run a command, containers are run by what runs containers, and only under `up` does somebody
stand by whose end is the commands' end.  No setting, so that no variable that is meant for all can allow it."""
UNREAD = "The Brokers have not been read from the Kubernetes API server yet."


async def ingress(settings: Settings, stop: asyncio.Event) -> None:
    """Take events until `stop`."""
    from tradewind.broker.ingress import NEEDS, Ingress
    from tradewind.broker.readings import page
    from tradewind.broker.serve import bind, serve

    number = int(os.environ.get(WORKER, "0"))
    listener = bind(settings.host, settings.port, shared=number > 0)
    well = health.Health(*NEEDS)
    event_log = kafka_log(settings, "tradewind-ingress")
    unread = "The manifests have not been read yet." if not settings.kubernetes else UNREAD
    taking = Ingress(event_log, settings, well, disk_low=disk_low(settings), shared=number > 0, unread=lambda: unread)
    own_port = settings.health_port + number - 1 if settings.health_port and number else 0

    planned_once = asyncio.Event()

    def wait_for(why: str) -> None:
        nonlocal unread
        unread = f"{UNREAD} ({why})" if why else UNREAD

    async def adopt() -> None:
        here = await installed(settings, wait_for)
        async for plan in plans(here, wait_for):
            taking.adopt(plan)
            planned_once.set()

    try:
        async with (
            waiting(well, settings),
            health.served(well, settings.host, own_port, lambda: page(taking)),
            asyncio.TaskGroup() as tasks,
        ):
            adopting = tasks.create_task(adopt())
            if not settings.kubernetes:  # there the API server may be away for long, and 503 says so meanwhile
                await either(planned_once, stop)  # to answer before would be to say 404 of Brokers that are there
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


async def dispatcher(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop`."""
    from tradewind.endings import unless
    from tradewind.trigger_dispatcher.supervisor import Dispatcher

    well = health.Health("manifests", "kafka", "partitions")
    delivering: Dispatcher | None = None

    async def page() -> bytes:
        return await delivering.readings.page() if delivering else b""

    async with waiting(well, settings), health.served(well, settings.host, settings.health_port, page):
        here = await unless(stop, installed(settings, lambda _: None))
        if here is None:
            return
        async with _edges(here) as edges:
            delivering = Dispatcher(edges, well)
            await delivering.run(plans(here), stop)


@contextlib.asynccontextmanager
async def _edges(settings: Settings) -> "AsyncIterator[Edges]":
    """A dispatcher's doors."""
    from tradewind.adapters import elapsed
    from tradewind.trigger_dispatcher.edges import Edges

    event_log = kafka_log(settings, settings.slot)
    sender = http_sender(settings)
    try:
        yield Edges(
            log=event_log,
            sender=sender,
            settings=settings,
            clock=time.time,
            chance=random.random,
            elapsed=elapsed.clock(),
        )
    finally:
        await sender.close()
        await event_log.close()


async def sources(settings: Settings, stop: asyncio.Event) -> None:
    """Run the declared sources until `stop`."""
    from tradewind.adapters import elapsed, https_get
    from tradewind.endings import unless
    from tradewind.sources.edges import Edges
    from tradewind.sources.kafka.run import Doors
    from tradewind.sources.kinds import Kinds
    from tradewind.sources.readings import Readings
    from tradewind.sources.runner import NEEDS, Sources
    from tradewind.sources.slots import slot_of
    from tradewind.sources.times import Time
    from tradewind.sources.webhook.port import Port
    from tradewind.sources.webhook.serve import serve

    well = health.Health(*NEEDS)
    readings: Readings | None = None

    async def page() -> bytes:
        return await readings.page() if readings else b""

    async with waiting(well, settings), health.served(well, settings.host, settings.health_port, page):
        here = await unless(stop, installed(settings, lambda _: None))
        if here is None:
            return
        slot = slot_of(here.sources_slot, socket.gethostname())
        event_log = kafka_log(here, slot)
        sender = http_sender(here)
        try:
            edges = Edges(event_log, sender, here, slot, Time(elapsed=elapsed.clock()))
            port = Port(here, https_get.get, edges.time)
            emitting = Sources(
                edges, Kinds(port, Doors(event_log, reading(here, slot)), plugins.loaded(), _commands(here)), well
            )
            readings = Readings(emitting, port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(port, stop))
                await emitting.run(plans(here, sources=True), stop)
        finally:
            await sender.close()
            await event_log.close()


def _commands(settings: Settings) -> "Commands | None":
    """What runs the commands of ContainerSources, where `up` was told that they may be run."""
    if not (os.environ.get(COMMANDS) and os.environ.get(SUPERVISED)):
        return None
    from tradewind.adapters import commands
    from tradewind.sources.container import convert
    from tradewind.sources.container.program import Commands, Program, Running

    async def launch(program: Program) -> Running:
        return await commands.start(program.name, program.argv, program.environment, program.folder)

    manifests = Path(settings.manifests).absolute()
    folder = manifests if manifests.is_dir() else manifests.parent
    return Commands(launch, convert.kept(os.environ), str(folder))
