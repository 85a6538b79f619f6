"""The only place that builds adapters: settings in, a running process out.

    once(settings, work)      one thing with the log, for a command
    run(process, settings)    logs, uvloop, signals → stop
    store → plans             resources as they change → what runs; every process computes the same (DESIGN §6)
    installed                 on Kubernetes: the settings with the names that this installation has in Kafka
    ingress, dispatcher, sources, controller, webhook    one process each, its doors built and handed over

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
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.api_server import BROKERS, NAMESPACES, TRIGGERS, ApiServer
from tradewind.config import Settings, flag, ingress_base, installation_of, of_installation
from tradewind.errors import ApiFailed, ApiRefused, Fault, InvalidManifest, LogUnavailable, StartFailed
from tradewind.observe import health, logs
from tradewind.plan import Plan, compute, stamped
from tradewind.ports import EventLog, ResourceStore, Snapshot
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth
from tradewind.resources.model import NamespacedName, Resource

if TYPE_CHECKING:
    from tradewind.control.claims import Owner
    from tradewind.control.doors import Lead
    from tradewind.trigger_dispatcher.edges import Edges

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
ASKED_AGAIN = 2.0
"""Seconds, and at random as many again, before an API server that did not say which installation this is, is asked
again: a thousand Pods that wait for it ask not all at once."""
CONTROLLER = "tradewind-controller"
"""The controller's name: of its Lease, and to Kafka."""
INSTALLATION = "installation"
"""What the controller's Health waits for first: which installation it belongs to."""
UNREAD = "The Brokers have not been read from the Kubernetes API server yet."
YOUNG = 50_000
"""New objects after which Python looks for cycles.  Events on their way are many objects and no cycles: at its default,
looking for them was up to two fifths of a busy dispatcher's time."""
NO_CRYPTOGRAPHY = "Install it: `pip install 'tradewind[webhook]'`."
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


def at_api_server(work: Callable[[ApiServer], Awaitable[T]]) -> T:
    """Do one thing at the Kubernetes API server and let go of it.  Raises StartFailed where none is named."""

    async def do() -> T:
        async with api_server() as api:
            return await work(api)

    logs.configure("command", level="error")
    return asyncio.run(do())


# --- resources


def store(settings: Settings) -> ResourceStore:
    """Where the resources are declared."""
    from tradewind.adapters.file_store import FileStore

    return FileStore(Path(settings.manifests), portable=settings.portable)


def manifests(settings: Settings, path: str = "") -> tuple[Resource, ...]:
    """The resources as they are declared now, or those at a path.  Raises InvalidManifest, ApiFailed."""
    from tradewind.adapters.file_store import load

    if settings.kubernetes and not path:
        return asyncio.run(_listed(settings))
    return load(Path(path or settings.manifests), portable=settings.portable)


def planned(settings: Settings, resources: Sequence[Resource]) -> Plan:
    """What runs by these resources."""
    from tradewind.adapters.resolvers import parse_services, resolver

    if settings.kubernetes:
        return compute(resources, resolve=stamped)
    services = parse_services(settings.services)
    return compute(resources, resolve=resolver(resources, services=services, ingress_url=ingress_base(settings)))


async def plans(settings: Settings, missing: Callable[[str], None] = lambda _: None) -> AsyncIterator[Plan]:
    """The Plan, then again whenever it has changed.  Raises InvalidManifest when there is none to begin with.

    On Kubernetes the settings are `installed`, and what is wrong is told by the controller, in each object's status;
    `missing` is told why nothing could be read yet.
    """
    told = log.debug if os.environ.get(SUPERVISED) or settings.kubernetes else log.warning
    old: Plan | None = None
    faults: tuple[Fault, ...] = ()
    async for snapshot in _reflected(settings, missing) if settings.kubernetes else _snapshots(settings):
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


# --- Kubernetes


@contextlib.asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    """The API server that this process belongs to.  Raises StartFailed."""
    from tradewind.adapters.kube import connect

    connected = await connect()
    try:
        yield connected
    finally:
        await connected.close()


async def installed(settings: Settings, missing: Callable[[str], None] | None = None) -> Settings:
    """The settings with the names that this installation has in Kafka; those of a folder are as they are.

    Waits until an API server says which installation this is, and tells `missing` why it does not; without, raises
    ApiFailed, or StartFailed.
    """
    if not settings.kubernetes or settings.installation:
        return of_installation(settings, settings.installation) if settings.kubernetes else settings
    from tradewind.adapters.kube import namespace_of

    namespace, told = namespace_of(settings), ""
    async with api_server() as api:
        while True:
            try:
                found = await api.get(NAMESPACES, NamespacedName("", namespace))
                if found is not None:
                    return of_installation(settings, installation_of(found["metadata"]["uid"]))
                raise ApiRefused(f"there is no namespace {namespace}: make it, or name another (--system-namespace)")
            except ApiFailed as failed:
                if missing is None:
                    raise
                if str(failed) != told:
                    log.warning("the installation's namespace cannot be read", namespace=namespace, why=failed)
                told = str(failed)
                missing(told)
            await asyncio.sleep(ASKED_AGAIN * (1 + random.random()))


async def _listed(settings: Settings) -> tuple[Resource, ...]:
    """What is in force in the cluster now, for a command."""
    from tradewind.resources.objects import in_force

    async with api_server() as api:
        objects = [*await api.list(BROKERS), *await api.list(TRIGGERS)]
    return in_force(objects, classes=settings.broker_classes.split(","), installation=settings.installation)


async def _reflected(settings: Settings, missing: Callable[[str], None]) -> AsyncGenerator[Snapshot]:
    from tradewind.adapters.kube.store import KubeStore

    async with api_server() as api:
        classes = settings.broker_classes.split(",")
        declared = KubeStore(api, classes=classes, installation=settings.installation, missing=missing)
        async with contextlib.aclosing(declared.watch()) as snapshots:
            async for snapshot in snapshots:
                yield snapshot


async def orphans(settings: Settings, event_log: EventLog) -> Mapping[str, "Owner"]:
    """Topics of this installation's Brokers that are gone from the cluster, by name, and whose they were.

    The settings are `installed`.  Raises ApiFailed, LogUnavailable.
    """
    from tradewind.control import claims
    from tradewind.control.owners import Owners

    async with api_server() as api:
        brokers = await api.list(BROKERS)
    found = await Owners(event_log).found()
    left = claims.orphans(found, settings.installation, [one["metadata"]["uid"] for one in brokers])
    there = await event_log.topics(left.keys())
    return {topic: owner for topic, owner in sorted(left.items()) if topic in there}


def require_manifests(settings: Settings, command: str) -> None:
    """Raise StartFailed where resources are declared in a cluster, and this command reads manifests."""
    if settings.kubernetes:
        raise StartFailed(f"`tradewind {command}` reads manifests, not a cluster.", "Leave out --kubernetes.")


# --- processes


def kafka_log(settings: Settings, client_id: str, auth: KafkaAuth | None = None) -> KafkaLog:
    """The log on the Kafka of the settings, let in as they say where no other way is given."""
    return KafkaLog(
        settings.kafka,
        client_id=client_id,
        auth=kafka_auth(settings) if auth is None else auth,
        auth_again=partial(kafka_auth, settings) if settings.kafka_auth and auth is None else None,
        patience=settings.kafka_patience,
        queue_bytes=settings.queue_bytes,
    )


def kafka_auth(settings: Settings) -> KafkaAuth:
    """How Kafka lets us in.  Raises InvalidSettings with every fault of the folder that says so."""
    if not settings.kafka_auth:
        return PLAINTEXT
    from tradewind.adapters import auth_folder

    return auth_folder.load(Path(settings.kafka_auth), flag("kafka_auth"))


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
            _waiting(well, settings),
            health.served(well, settings.host, own_port, lambda: page(taking)),
            asyncio.TaskGroup() as tasks,
        ):
            adopting = tasks.create_task(adopt())
            if not settings.kubernetes:  # there the API server may be away for long, and 503 says so meanwhile
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
    from tradewind.trigger_dispatcher.endings import unless
    from tradewind.trigger_dispatcher.supervisor import Dispatcher

    well = health.Health("manifests", "kafka", "partitions")
    delivering: Dispatcher | None = None

    async def page() -> bytes:
        return await delivering.readings.page() if delivering else b""

    async with _waiting(well, settings), health.served(well, settings.host, settings.health_port, page):
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


async def controller(settings: Settings, stop: asyncio.Event) -> None:
    """Reconcile Brokers, Triggers and EventTypes until `stop`, while this process leads.  Raises LeadershipLost."""
    from tradewind.adapters.kube import namespace_of
    from tradewind.control.broker_topics import DELETING
    from tradewind.control.brokers import BrokerReconciler, Place
    from tradewind.control.controller import OBJECTS, Controller
    from tradewind.control.counting import Counted
    from tradewind.control.counts import Counts
    from tradewind.control.doors import Doors, Reconciler
    from tradewind.control.event_type_reconciler import EventTypeReconciler
    from tradewind.control.kafkas import Kafkas
    from tradewind.control.referents import Referents
    from tradewind.control.sinks import Sinks
    from tradewind.control.trigger_reconciler import TriggerReconciler
    from tradewind.trigger_dispatcher.in_force import Dispatchers
    from tradewind.trigger_dispatcher.noted import NotedTypes

    system, counts, well = namespace_of(settings), Counts(), health.Health(INSTALLATION, OBJECTS)
    in_cluster = f"http://tradewind-ingress.{system}.svc.{settings.cluster_domain}"
    short = replace(settings, kafka_patience=min(settings.kafka_patience, DELETING))
    event_log = kafka_log(short, CONTROLLER)
    try:
        async with api_server() as connected:
            api = Counted(connected, counts)
            controlling = Controller(api, health=well, counts=counts, chance=random.random)
            async with (
                _waiting(well, settings),
                health.served(well, settings.host, settings.health_port, controlling.page),
            ):
                here = await _unless(stop, installed(settings, lambda why: None))
                if here is None:
                    return
                well.reached(INSTALLATION)
                doors = Doors(
                    api=api,
                    log=event_log,
                    objects=controlling.watched.objects,
                    sure=controlling.sure,
                    settings=here,
                    clock=time.time,
                    counts=counts,
                )
                referents = Referents(api)
                place = Place(installation=here.installation, system=system, ingress=settings.ingress_url or in_cluster)
                kafkas = Kafkas(event_log, lambda auth: kafka_log(short, CONTROLLER, auth))
                sinks = Sinks(referents, cluster_domain=settings.cluster_domain)
                reconcilers: list[Reconciler] = [
                    BrokerReconciler(doors, kafkas, sinks, place),
                    TriggerReconciler(doors, Dispatchers(event_log, here), referents, installation=here.installation),
                    EventTypeReconciler(doors, NotedTypes(event_log, here), installation=here.installation),
                ]
                await controlling.run(reconcilers, _leading(connected, system), stop)
    finally:
        await event_log.close()


def _leading(api: ApiServer, system: str) -> "Lead":
    """How the controller of an installation leads."""
    from tradewind.adapters import elapsed
    from tradewind.control import leading

    name, who = NamespacedName(system, CONTROLLER), leading.identity(socket.gethostname())
    clock = elapsed.clock()
    return lambda work, stop: leading.lead(api, name, who, work, stop, clock=clock)


async def sources(settings: Settings, stop: asyncio.Event) -> None:
    """Run the declared sources until `stop`."""
    from tradewind.sources.runner import PLAN, Sources

    require_manifests(settings, "sources")
    event_log = kafka_log(settings, "tradewind-sources")
    sender = http_sender(settings)
    well = health.Health(PLAN)
    try:
        emitting = Sources(event_log, sender, settings, well)
        served = health.served(well, settings.host, settings.health_port, emitting.page)
        async with _waiting(well, settings), served:
            await emitting.run(plans(settings), stop)
    finally:
        await sender.close()
        await event_log.close()


async def webhook(settings: Settings, stop: asyncio.Event) -> None:
    """Answer the API server's admission reviews until `stop`."""
    if find_spec("cryptography") is None:
        raise StartFailed("certificates cannot be made here: cryptography is not installed", NO_CRYPTOGRAPHY)
    from tradewind.adapters.kube import connect, namespace_of
    from tradewind.control.webhook.admission import Rules
    from tradewind.control.webhook.answering import SYNCED, Webhook
    from tradewind.control.webhook.app import bind, serve
    from tradewind.control.webhook.configurations import server_names
    from tradewind.control.webhook.keeper import NEEDS, SECRET, Keeper, context
    from tradewind.control.webhook.readings import page

    well, tls, namespace = health.Health(*NEEDS, SYNCED), context(), namespace_of(settings)
    rules = Rules(classes=frozenset(settings.broker_classes.split(",")), default_class=settings.default_broker_class)
    names = server_names(namespace, settings.cluster_domain, settings.host)
    async with contextlib.AsyncExitStack() as held:
        listener = held.enter_context(contextlib.closing(bind(settings.host, settings.webhook_port)))
        server = await connect()
        held.push_async_callback(server.close)
        answering = Webhook(server, rules, well)
        keeper = Keeper(server, tls, well, secret=NamespacedName(namespace, SECRET), names=names)
        measured = partial(page, answering, keeper, time.time)
        async with health.served(well, settings.host, settings.health_port, measured), asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(answering.run()), tasks.create_task(keeper.run(time.time))]
            await serve(answering, listener, tls, stop)
            for task in others:
                task.cancel()


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


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:  # what it awaits is its own
    """What the work comes to; None where `stop` is set before."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        stopped.cancel()


async def _either(*events: asyncio.Event) -> None:
    """Wait for the first of these."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
