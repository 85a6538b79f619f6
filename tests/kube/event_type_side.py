"""The reconcile of EventTypes over a real API server, and a log in memory where the test notes what flows."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.kube.api import Json
from tests.kube.connected import connected, until
from tests.kube.trigger_side import HERE, SETTINGS, Side, alone
from tradewind.control.controller import Controller
from tradewind.control.counting import Counted
from tradewind.control.counts import Counts
from tradewind.control.doors import Doors
from tradewind.control.event_type_reconciler import EventTypeReconciler
from tradewind.observe.health import Health
from tradewind.ports import NewRecord
from tradewind.resources import event_types
from tradewind.resources.model import EVENT_TYPES, NamespacedName
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher.cursors import GENERAL, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.noted import NotedTypes

BETA = "/apis/eventing.knative.dev/v1beta2/namespaces"
QUIET = 1.0
"""Seconds in which nothing may be written for all to be settled."""


@dataclass(slots=True)
class Types:
    """Broker `b`, what dispatchers noted of it, and a controller that comes and goes."""

    side: Side
    user: str
    clock: float = 0.0
    """Seconds that the controller's clock is ahead."""
    counts: Counts = field(default_factory=Counts)

    @property
    def broker(self) -> NamespacedName:
        return NamespacedName(self.side.namespace, "b")

    @property
    def uid(self) -> str:
        return str(self.side.cluster.api.get(self.side.path("brokers", "b"))["metadata"]["uid"])

    def switch(self, text: str) -> None:
        patch = {"metadata": {"annotations": {EVENT_TYPES: text}}}
        self.side.cluster.api.patch(self.side.path("brokers", "b"), patch)

    async def note(self, *types: str, source: str = "/s", uid: str = "") -> None:
        """As a dispatcher does."""
        log, owner = self.side.store.client(), uid or self.uid
        await log.ensure_topics([cursors_spec(SETTINGS)])
        for one in types:
            key = type_key(self.broker, event_types.digest(self.broker, one, source))
            record = TypeRecord(one, source, uid=owner)
            await log.append(NewRecord(SETTINGS.cursors_topic, encode(record), (), key, GENERAL))

    def noted(self) -> list[bytes | None]:
        """The values of all that was ever written of types."""
        records = self.side.store.records(SETTINGS.cursors_topic)
        return [one.value for one in records if (one.key or b"").startswith(b"type/")]

    @contextlib.asynccontextmanager
    async def controller(self, kubeconfig: Path | None = None) -> AsyncIterator[None]:
        """A controller that leads, until the end of `with`."""
        path = kubeconfig or self.side.cluster.kubeconfig_for(self.user, ["system:masters"])
        async with connected(path) as api:
            log, self.counts = self.side.store.client(), Counts()
            controller = Controller(api, health=Health("objects"), counts=self.counts, chance=lambda: 0.5)
            doors = Doors(
                api=Counted(api, self.counts),
                log=log,
                objects=controller.watched.objects,
                sure=controller.sure,
                settings=SETTINGS,
                clock=lambda: time.time() + self.clock,
                counts=self.counts,
            )
            reconciler = EventTypeReconciler(doors, NotedTypes(log, SETTINGS), installation=HERE)
            stop = asyncio.Event()
            running = asyncio.ensure_future(controller.run([reconciler], alone, stop))
            try:
                yield
                assert not running.done(), running
            finally:
                stop.set()
                await running

    # --- what there is

    def path(self, name: str = "") -> str:
        return f"{BETA}/{self.side.namespace}/eventtypes" + (f"/{name}" if name else "")

    def all(self) -> dict[str, Json]:
        """By their type."""
        return {one["spec"]["type"]: one for one in self.side.cluster.api.get(self.path())["items"]}

    def declare(self, name: str, broker: str = "b") -> None:
        """A user applies an EventType."""
        ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker}
        made = {
            "apiVersion": "eventing.knative.dev/v1beta2",
            "kind": "EventType",
            "metadata": {"name": name},
            "spec": {"type": name, "source": "/declared", "reference": ref},
        }
        self.side.cluster.api.create(self.path(), made)

    def delete(self, type: str) -> None:
        self.side.cluster.api.delete(self.path(self.all()[type]["metadata"]["name"]))

    def ready(self) -> dict[str, tuple[str, str]]:
        """Status and reason of Ready, by type; of those that have it."""
        said = {}
        for type, one in self.all().items():
            for condition in one.get("status", {}).get("conditions", ()):
                if condition["type"] == "Ready":
                    said[type] = (condition["status"], condition.get("reason", ""))
        return said

    async def until_ready(self, *types: str) -> None:
        """Wait until there are these, Ready, and no others."""
        await until(lambda: self.ready() == {type: ("True", "") for type in types}, f"{types}")

    async def settled(self) -> int:
        """Wait until nothing is written any more; how much was."""
        audit, count, since = self.side.cluster.audit, -1, time.monotonic()
        while time.monotonic() - since < QUIET:
            found = len(audit.writes(user=self.user))
            if found != count:
                count, since = found, time.monotonic()
            await asyncio.sleep(0.02)
        return count
