"""EventTypes: made of what flows through Brokers that are switched on, and Ready while what they refer to is there.

    what dispatchers noted ──► Catalogue ──decide──► create
    Brokers, EventTypes ──────►    └───────────────► event_type_status ──► status, if it differs

What fails here stops nothing else: EventTypes are for people who look what there is.
"""

from collections.abc import Collection, Iterable

from tradewind.api_server import BROKERS, EVENT_TYPES, Change, GroupVersionResource, Object
from tradewind.control import catalogue, event_type_status
from tradewind.control.catalogue import Catalogue, Forget, LeftOut, Make, Refuse, Rest
from tradewind.control.doors import Doors, Enqueue
from tradewind.errors import ApiConflict, ApiDenied, ApiRefused
from tradewind.observe.logs import Log
from tradewind.ports import Noted
from tradewind.resources.model import NamespacedName

DENIED_AGAIN = 60.0
"""Seconds after which it is tried again what the controller may not do: a quota is full, a namespace goes, or a Role is
missing."""

log = Log("controller")


class EventTypeReconciler:
    """See doors.Reconciler.  The name of an EventType that is yet to be made is reconciled, too."""

    resource: GroupVersionResource = EVENT_TYPES
    watches: Collection[GroupVersionResource] = (EVENT_TYPES, BROKERS)

    def __init__(self, doors: Doors, noted: Noted, *, installation: str) -> None:
        self._doors = doors
        self._noted = noted
        self._installation = installation
        self._catalogue = Catalogue(classes=doors.settings.classes, installation=installation)
        self._denied: set[str] = set()
        """Namespaces in which nothing may be made, which was said."""
        doors.counts.types_left_out = self._catalogue.left_out

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned."""
        if resource == BROKERS:
            return self._catalogue.broker_changed(change)
        return self._catalogue.event_type_changed(change, now=self._doors.clock())

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: follows what flows."""
        async for noted in self._noted.watch():
            for broker, types in noted.items():
                for name in self._catalogue.flows(broker, types):
                    enqueue(name)

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        held = self._doors.objects(EVENT_TYPES).get(name)
        if held is not None:
            await self._say(held, name)
            return None
        match self._catalogue.decide(name, now=self._doors.clock()):
            case Make(made):
                return await self._make(made, name)
            case Forget(broker, one):
                await self._noted.forget(broker, one)
                self._catalogue.forgotten(name)
                return catalogue.REST
            case Rest(seconds):
                return seconds
            case Refuse(why):
                self._refused(name, why)
            case LeftOut(broker, first):
                if first:
                    log.warning("Broker has as many EventTypes as are made", broker=broker, most=catalogue.MOST)
        return None

    async def _say(self, held: Object, name: NamespacedName) -> None:
        referred = self._catalogue.referred(name)
        if referred is None:
            return
        broker, here = self._catalogue.broker(referred), self._installation
        if not event_type_status.is_ours(held, broker, installation=here):
            return
        patch = event_type_status.patch(held, broker, installation=here, now=self._doors.clock())
        if patch is not None:
            await self._doors.api.patch(EVENT_TYPES, name, patch, subresource="status")

    async def _make(self, made: Object, name: NamespacedName) -> float | None:
        created = refused = False
        try:
            await self._doors.api.create(EVENT_TYPES, made)
            created = True
            self._denied.discard(name.namespace)
        except ApiConflict:
            pass  # one of its name is there, whoever made it
        except ApiDenied as denied:
            if name.namespace not in self._denied:
                self._denied.add(name.namespace)
                log.warning("EventTypes cannot be made", namespace=name.namespace, why=denied)
            return DENIED_AGAIN
        except ApiRefused as why:
            refused = True
            self._refused(name, why)
        finally:
            self._catalogue.ended(made, created=created, refused=refused)
        return None

    def _refused(self, name: NamespacedName, why: object) -> None:
        log.warning("what flows cannot be an EventType", event_type=name, why=why)
