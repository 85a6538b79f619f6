"""Controller and webhook, on Kubernetes: one process each, its doors built and handed over."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.api_server import BOUND_SOURCES, CONTAINER_SOURCES, HOSTED_SOURCES, SINK_BINDINGS, ApiServer
from tradewind.config import Settings
from tradewind.observe import health
from tradewind.resources.model import NamespacedName
from tradewind.runtime.declared import api_server, hosted, installed
from tradewind.runtime.doors import kafka_log
from tradewind.runtime.running import waiting

if TYPE_CHECKING:
    from tradewind.control.doors import Lead


CONTROLLER = "tradewind-controller"
"""The controller's name: of its Lease, and to Kafka."""
INSTALLATION = "installation"
"""What the controller's Health waits for first: which installation it belongs to."""


async def controller(settings: Settings, stop: asyncio.Event) -> None:
    """Reconcile what is declared until `stop`, while this process leads.  Raises LeadershipLost."""
    from tradewind.adapters.kube import namespace_of
    from tradewind.control.broker_topics import DELETING
    from tradewind.control.brokers import BrokerReconciler, Place
    from tradewind.control.container_source_reconciler import ContainerSourceReconciler
    from tradewind.control.controller import OBJECTS, Controller
    from tradewind.control.counting import Counted
    from tradewind.control.counts import Counts
    from tradewind.control.destinations import Destinations
    from tradewind.control.doors import Doors, Reconciler
    from tradewind.control.event_type_reconciler import EventTypeReconciler
    from tradewind.control.kafkas import Kafkas
    from tradewind.control.referents import Referents
    from tradewind.control.sink_binding_reconciler import SinkBindingReconciler
    from tradewind.control.sinks import Sinks
    from tradewind.control.source_reconciler import Hearing, SourceReconciler
    from tradewind.control.trigger_reconciler import TriggerReconciler
    from tradewind.control.workloads import Workloads
    from tradewind.endings import unless
    from tradewind.sources.heard import HostedSources
    from tradewind.trigger_dispatcher.in_force import Dispatchers
    from tradewind.trigger_dispatcher.noted import NotedTypes

    system, counts, well = namespace_of(settings), Counts(), health.Health(INSTALLATION, OBJECTS)

    def in_cluster_of(component: str) -> str:
        return f"http://tradewind-{component}.{system}.svc.{settings.cluster_domain}"

    short = replace(settings, kafka_patience=min(settings.kafka_patience, DELETING))
    event_log = kafka_log(short, CONTROLLER)
    try:
        async with api_server() as connected:
            api = Counted(connected, counts)
            controlling = Controller(api, health=well, counts=counts, chance=random.random)
            async with (
                waiting(well, settings),
                health.served(well, settings.host, settings.health_port, controlling.page),
            ):
                here = await unless(stop, installed(settings, lambda why: None))
                if here is None:
                    return
                served = await unless(stop, hosted(api, here, lambda why: None))
                bound = await unless(stop, hosted(api, here, lambda why: None, BOUND_SOURCES))
                if served is None or bound is None:
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
                referents, workloads = Referents(api), Referents(api)
                destinations = Destinations(referents, cluster_domain=settings.cluster_domain)
                place = Place(
                    installation=here.installation,
                    system=system,
                    ingress=settings.ingress_url or in_cluster_of("ingress"),
                )
                kafkas = Kafkas(event_log, lambda auth: kafka_log(short, CONTROLLER, auth))
                sinks = Sinks(referents, cluster_domain=settings.cluster_domain)
                reconcilers: list[Reconciler] = [
                    BrokerReconciler(doors, kafkas, sinks, place),
                    TriggerReconciler(doors, Dispatchers(event_log, here), referents, installation=here.installation),
                    EventTypeReconciler(doors, NotedTypes(event_log, here), installation=here.installation),
                ]
                binds = SINK_BINDINGS in bound
                if binds:
                    of = Workloads(api, workloads)
                    reconcilers.append(
                        SinkBindingReconciler(doors, destinations, of, workloads, installation=here.installation)
                    )
                if CONTAINER_SOURCES in bound:
                    deploying = ContainerSourceReconciler(
                        doors, destinations, workloads, installation=here.installation, alone=not binds
                    )
                    reconcilers.append(deploying)
                hearing = Hearing(HostedSources(event_log, here))
                reconcilers += [
                    SourceReconciler(
                        doors,
                        kind,
                        hearing,
                        destinations,
                        served=served,
                        installation=here.installation,
                        url=(settings.sources_url or in_cluster_of("sources")).rstrip("/"),
                    )
                    for kind, resource in HOSTED_SOURCES.items()
                    if resource in served
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


async def webhook(settings: Settings, stop: asyncio.Event) -> None:
    """Answer the API server's admission reviews until `stop`."""
    from tradewind.control.webhook.app import bind, require_cryptography, serve

    require_cryptography()
    from tradewind.adapters.kube import connect, namespace_of
    from tradewind.control.webhook.admission import Rules
    from tradewind.control.webhook.answering import SYNCED, Webhook
    from tradewind.control.webhook.configurations import server_names
    from tradewind.control.webhook.keeper import NEEDS, Keeper, context
    from tradewind.control.webhook.readings import page

    well, tls, namespace = health.Health(*NEEDS, SYNCED), context(), namespace_of(settings)
    rules = Rules(
        classes=settings.classes,
        default_class=settings.default_broker_class,
        unserved=frozenset(kind for kind in (*HOSTED_SOURCES, *BOUND_SOURCES) if not settings.serves_source(kind)),
    )
    names = server_names(namespace, settings.cluster_domain, settings.host)
    async with contextlib.AsyncExitStack() as held:
        listener = held.enter_context(contextlib.closing(bind(settings.host, settings.webhook_port)))
        server = await connect()
        held.push_async_callback(server.close)
        answering = Webhook(server, rules, well)
        keeper = Keeper(server, tls, well, namespace=namespace, names=names)

        def measured() -> Awaitable[bytes]:
            return page(answering, keeper, time.time())

        async with health.served(well, settings.host, settings.health_port, measured), asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(answering.run()), tasks.create_task(keeper.run(time.time))]
            await serve(answering, listener, tls, stop)
            for task in others:
                task.cancel()
