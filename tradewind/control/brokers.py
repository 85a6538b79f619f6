"""Brokers: their topics made, marked for the data plane, and deleted with them.

    object ──judged──► faults: said in its status
                  └──► finalizer ──► ConfigMap, Secret ──► claims, topics ──► status, marks ──► the Secret held
    deletion asked for ──► topics deleted ──► claims released ──► Secret let go ──► finalizer gone

What is decided is in `broker_config`, `broker_status`, `deletion` and `claims`; a controller that dies between any two
steps is followed by one that finds what was done.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from tradewind.api_server import BROKERS, CRDS, Change, GroupVersionResource, Object
from tradewind.control import broker_status, deletion, finalizers
from tradewind.control.broker_config import BrokerConfig
from tradewind.control.broker_status import Away, Told, Topic, mark, marked_secret
from tradewind.control.broker_topics import BrokerTopics
from tradewind.control.conditions import Condition, status_patch, true
from tradewind.control.configs import Configs, Configured
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.kafkas import Kafkas
from tradewind.control.owners import Owners
from tradewind.control.sinks import Sinks
from tradewind.errors import ApiConflict, ApiDenied, LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.resources import objects, stamps
from tradewind.resources.examined import Memory
from tradewind.resources.model import Broker, NamespacedName
from tradewind.resources.objects import Judged
from tradewind.resources.untyped import name_of

LOOK = 30.0
"""Seconds after which a Broker's ConfigMap, Secret and topic are looked at again: nothing tells of them."""
SURE_AGAIN = 1.0
"""Seconds after which it is asked again whether this process is sure to lead: a renewal is under way."""
TIDY = 60.0
"""Seconds between two looks at which logs nobody needs any more."""
OTHERS = 2
"""Times a deletion's patience, after which another installation's Broker is let go: it would have done so itself."""
DEFINITION = NamespacedName("", "brokers.eventing.knative.dev")

log = Log("controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an installation is."""

    installation: str
    system: str
    """Its namespace."""
    ingress: str
    """Base URL of Brokers' addresses."""

    def address(self, name: NamespacedName) -> str:
        """The URL that takes a Broker's events."""
        return f"{self.ingress.rstrip('/')}/{name.namespace}/{name.name}"


class BrokerReconciler:
    """See doors.Reconciler."""

    resource = BROKERS
    watches = (BROKERS,)

    def __init__(self, doors: Doors, kafkas: Kafkas, sinks: Sinks, place: Place) -> None:
        self._doors = doors
        self._kafkas = kafkas
        self._sinks = sinks
        self._place = place
        self._owners = Owners(kafkas.own)
        self._topics = BrokerTopics(kafkas, self._owners, doors.settings, installation=place.installation)
        self._configs = Configs(doors.api, kafkas, system=place.system, kafka=doors.settings.kafka)
        self._classes = doors.settings.classes
        self._memory = Memory()
        self._judged: Mapping[tuple[str, NamespacedName], Judged] | None = None
        self._deleting: dict[str, float] = {}
        """Uids of Brokers that are being deleted, and since when that is known here."""
        self._replaced: dict[NamespacedName, set[str]] = {}
        """Versions of Brokers that were written over here, as long as the Reflector may still hold one of them."""
        self._foreign: set[str] = set()
        """Uids of Brokers that are another installation's, which was said."""

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned."""
        self._judged = None
        found = change.new or change.old
        if found is None:
            return ()
        name = name_of(found)
        if change.new is None or _version(change.new) not in self._replaced.get(name, ()):
            self._replaced.pop(name, None)
        if change.new is None:
            self._sinks.forget(name)
            self._deleting.pop(found["metadata"]["uid"], None)
            self._foreign.discard(found["metadata"]["uid"])
        return (name,)

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: closes what nobody needs."""
        self._sinks.listen(enqueue)
        try:
            while True:
                await asyncio.sleep(TIDY)
                await self._kafkas.tidy()
        finally:
            await self._owners.close()
            await self._kafkas.close()

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        held = self._doors.objects(BROKERS).get(name)
        if held is None:
            return None
        if _version(held) in self._replaced.get(name, ()):
            return LOOK  # what was written is told of in a moment: before, it would be a conflict
        if not stamps.may_serve(mark(held, stamps.INSTALLATION), self._place.installation):
            return await self._others(held, name)
        if finalizers.deleting(held):
            return await self._delete(held, name)
        judged = self._all().get(("Broker", name))
        if judged is None:
            return None
        if judged.faults or not isinstance(judged.resource, Broker):
            self._sinks.forget(name)
            await self._say(held, name, broker_status.invalid(held, judged.faults))
            return LOOK  # a fault may be that another has its topic
        return await self._serve(held, judged.resource)

    def _all(self) -> Mapping[tuple[str, NamespacedName], Judged]:
        if self._judged is None:
            every = self._doors.objects(BROKERS).values()
            self._judged = objects.judge(every, classes=self._classes, memory=self._memory)
        return self._judged

    async def _others(self, held: Object, name: NamespacedName) -> float | None:
        """Of another installation, which alone writes its status, and deletes its topic.

        Where that is gone nobody does: a Broker whose deletion it should have settled long ago is let go here.
        """
        if (uid := held["metadata"]["uid"]) not in self._foreign:
            self._foreign.add(uid)
            owner, remedy = mark(held, stamps.INSTALLATION), "--installation with its id, if it is to be this one's"
            log.warning("Broker belongs to another installation", broker=name, installation=owner, remedy=remedy)
        if not (finalizers.deleting(held) and finalizers.present(held, finalizers.TOPIC)):
            return None
        seen = self._deleting.setdefault(uid, self._doors.clock())
        patience = OTHERS * self._doors.settings.deletion_patience
        if not deletion.overdue(held, seen, self._doors.clock(), patience):
            return min(LOOK, patience)
        self._orphan(held, name, f"installation {mark(held, stamps.INSTALLATION)} does not delete it")
        return await self._let_go(held, name)

    # --- one that lives

    async def _serve(self, held: Object, broker: Broker) -> float | None:
        name = broker.metadata.name
        sink = self._sinks.of(broker, held)
        if sink is None:
            return None
        if (patch := finalizers.added(held, finalizers.TOPIC)) is not None:
            patched = await self._patched(held, name, patch)
            if patched is None:
                return None
            held = patched
        configured = await self._configured(held, broker)
        topic: Topic | None = None
        if configured.config.usable:
            confirm = partial(self._confirm, held, name)
            topic = await self._topics.made(broker, held, configured, there=self._there(), confirm=confirm)
        told = broker_status.told(
            held,
            configured.config,
            topic,
            sink,
            url=self._place.address(name),
            installation=self._place.installation,
            kafka=self._doors.settings.kafka,
        )
        await self._say(held, name, told)
        if isinstance(topic, Away):
            raise LogUnavailable(topic.why)
        return LOOK

    async def _configured(self, held: Object, broker: Broker) -> Configured:
        """What its config comes to, its Secret held once the marks name it; one that they named before is let go."""
        configured = await self._configs.of(broker)
        secret, before, uid = configured.config.secret, marked_secret(held, self._place.system), held["metadata"]["uid"]
        refusal: Condition | None = None
        if configured.config.usable and before is not None and before != secret:
            await self._free(before, uid, broker.metadata.name)
        elif configured.config.usable and secret is not None and secret == before:
            refusal = await self._configs.hold(secret, uid)
        return configured if refusal is None else configured.refused(refusal)

    async def _say(self, held: Object, name: NamespacedName, told: Told) -> None:
        patch = status_patch(held, told.conditions, told.fields, now=self._doors.clock())
        if patch is not None:
            await self._patched(held, name, patch, subresource="status")

    async def _patched(
        self, held: Object, name: NamespacedName, patch: Object, *, subresource: str = ""
    ) -> Object | None:
        patched = await self._doors.api.patch(BROKERS, name, patch, subresource=subresource)
        if patched is not None and _version(patched) != _version(held):
            self._replaced.setdefault(name, set()).add(_version(held))
        return patched

    async def _confirm(self, held: Object, name: NamespacedName) -> None:
        """Ask whether the Broker lives: what is held may be old.  Raises ApiConflict where it does not."""
        now = await self._doors.api.get(BROKERS, name)
        if now is None or now["metadata"]["uid"] != held["metadata"]["uid"] or finalizers.deleting(now):
            raise ApiConflict(f"Broker {name} was deleted meanwhile")

    def _there(self) -> frozenset[str]:
        return frozenset(one["metadata"]["uid"] for one in self._doors.objects(BROKERS).values())

    # --- one that is deleted

    async def _delete(self, held: Object, name: NamespacedName) -> float | None:
        self._sinks.forget(name)
        if not finalizers.present(held, finalizers.TOPIC):
            return None
        seen = self._deleting.setdefault(held["metadata"]["uid"], self._doors.clock())
        patience = self._doors.settings.deletion_patience
        try:
            if not deletion.kind_goes(await self._definition()):
                configured = await self._opened(held)
                if not await self._topics.removed(held, name, configured, sure=self._doors.sure):
                    return SURE_AGAIN
        except (LogUnavailable, LogRefused, ApiDenied) as error:
            if not deletion.overdue(held, seen, self._doors.clock(), patience):
                raise
            self._orphan(held, name, error)
        return await self._let_go(held, name)

    async def _opened(self, held: Object) -> Configured:
        """What lets the controller in for this Broker's topic, as its marks have it.

        The installation's own where that cannot be had: of a namespace that is deleted Secret and Role may go first.
        """
        named = Configured(BrokerConfig(true("ConfigParsed"), secret=marked_secret(held, self._place.system)))
        configured = await self._configs.opened(named)
        if not configured.config.usable:
            why = configured.config.condition.message
            log.warning("topic is deleted as the installation itself", broker=name_of(held), why=why)
            return named
        return configured

    async def _definition(self) -> Object | None:
        try:
            return await self._doors.api.get(CRDS, DEFINITION)
        except ApiDenied as denied:
            raise ApiDenied(f"not known whether Brokers are being uninstalled: {denied}") from denied

    def _orphan(self, held: Object, name: NamespacedName, why: Exception | str) -> None:
        topic = deletion.orphaned(held, name)
        if topic:
            self._doors.counts.orphans[name] += 1
            remedy = "`tradewind get orphans` lists such topics; delete it with Kafka's tools"
            log.error("topic could not be deleted, and is orphaned", broker=name, topic=topic, why=why, remedy=remedy)

    async def _let_go(self, held: Object, name: NamespacedName) -> float | None:
        if (secret := marked_secret(held, self._place.system)) is not None:
            await self._free(secret, held["metadata"]["uid"], name)
        if not self._doors.sure(0.0):
            return SURE_AGAIN
        if (patch := finalizers.removed(held, finalizers.TOPIC)) is not None:
            await self._patched(held, name, patch)
        return None

    async def _free(self, secret: NamespacedName, uid: str, broker: NamespacedName) -> None:
        """Let a Secret go; where that may not be done any more, nothing waits for it."""
        if (refusal := await self._configs.free(secret, uid)) is not None:
            log.warning("Secret cannot be let go", broker=broker, secret=secret, why=refusal.message)


def _version(held: Object) -> str:
    return str(held["metadata"]["resourceVersion"])
