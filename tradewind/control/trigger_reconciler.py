"""Triggers: resolved, stamped, and Ready once every dispatcher has them in force.

    Triggers, Brokers ──► Neighbours ──┐
    what they refer to ──► Referents ──┼──► triggers.decide ──► status, if it differs
    dispatchers ──► in force ──────────┘

A Trigger that awaits the dispatchers is looked at again when the last of them says that it has it.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from tradewind.api_server import BROKERS, TRIGGERS, Change, GroupVersionResource, Object
from tradewind.control import addresses, dependencies, subscriptions, triggers
from tradewind.control.addresses import Address, Lack, Why
from tradewind.control.conditions import Condition
from tradewind.control.dependencies import Unclear
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.neighbours import Neighbours
from tradewind.control.queue import Key
from tradewind.control.referents import Referents
from tradewind.control.triggers import Seen
from tradewind.plan import TriggerPlan, compute
from tradewind.plan import stamped as stamped_only
from tradewind.ports import Dispatchers, InForce
from tradewind.resources import objects
from tradewind.resources.examined import Examined
from tradewind.resources.model import Destination, KReference, NamespacedName, Trigger
from tradewind.resources.objects import Judged

AGAIN = 10.0
"""Seconds after which a Trigger that still awaits dispatchers is looked at again, so that its status names those that
lack it by then.  It is Ready at once; this is for who looks why it is not."""


class TriggerReconciler:
    """See doors.Reconciler."""

    resource: GroupVersionResource = TRIGGERS
    watches: Collection[GroupVersionResource] = (TRIGGERS, BROKERS)

    def __init__(self, doors: Doors, dispatchers: Dispatchers, referents: Referents, *, installation: str) -> None:
        self._doors = doors
        self._dispatchers = dispatchers
        self._referents = referents
        self._installation = installation
        self._classes = doors.settings.classes
        self._neighbours = Neighbours()
        self._in_force: InForce | None = None
        self._awaited: dict[NamespacedName, TriggerPlan] = {}
        """Triggers that are not in force everywhere yet, in the state that they are to be in."""

    def concerned(self, resource: GroupVersionResource, change: Change) -> Iterable[NamespacedName]:
        """See Reconciler.concerned."""
        return self._neighbours.changed(change)

    async def reconcile(self, name: NamespacedName) -> float | None:
        """See Reconciler.reconcile."""
        self._awaited.pop(name, None)
        seen = self._seen(name)
        if seen is None:
            return None
        decision = triggers.decide(seen, now=self._doors.clock())
        if decision.awaited is not None:
            self._awaited[name] = decision.awaited
        if decision.patch is not None:
            await self._doors.api.patch(TRIGGERS, name, decision.patch, subresource="status")
        return AGAIN if decision.awaited is not None else None

    async def run(self, enqueue: Enqueue) -> None:
        """See Reconciler.run: follows the dispatchers, and what is referred to."""
        self._referents.listen(TRIGGERS, enqueue)
        self._in_force = None  # what was heard when this process led before is long ago
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._referents.run())
            async for in_force in self._dispatchers.watch():
                self._in_force = in_force
                for name, plan in tuple(self._awaited.items()):
                    if in_force and not subscriptions.lacking(plan, in_force):
                        enqueue(name)

    def _seen(self, name: NamespacedName) -> Seen | None:
        """A Trigger and what is around it; None where nothing is to be said of it, or not before its Referents tell."""
        ours = self._ours(name)
        if ours is None:
            self._referents.refer(Key(TRIGGERS, name), ())
            return None
        trigger, one = ours
        resource = one.resource if isinstance(one.resource, Trigger) and not one.faults else None
        found = self._found(name, triggers.destinations(resource), dependencies.reference(trigger))
        if found is None:
            return None
        return Seen(
            trigger=trigger,
            resource=resource,
            faults=one.faults,
            broker=self._neighbours.broker_of(name),
            addresses=found[0],
            dependency=found[1],
            planned=partial(self._planned, name),
            in_force=self._in_force,
            group=self._doors.settings.dispatcher_group,
        )

    def _ours(self, name: NamespacedName) -> tuple[Object, Judged | Examined] | None:
        """A Trigger whose status is ours to write, and what it declares."""
        near = self._neighbours
        trigger = near.trigger(name)
        if trigger is None:
            return None
        around = objects.judge(near.around(name), classes=self._classes, memory=near.memory)
        judged = around.get(("Trigger", name))
        one = judged or near.examined(name)
        if not triggers.is_ours(
            trigger,
            near.broker_of(name),
            served=judged is not None,
            faulty=bool(one.faults),
            installation=self._installation,
        ):
            return None
        return trigger, one

    def _found(
        self, name: NamespacedName, wanted: Collection[Destination], named: KReference | Unclear | None
    ) -> tuple[Mapping[Destination, Address], Condition] | None:
        """Where its Destinations lead, and what its dependency says; None where that is known in a moment."""
        depends = frozenset({named}) if isinstance(named, KReference) else frozenset()
        self._referents.refer(Key(TRIGGERS, name), addresses.references(wanted) | depends)
        find, domain = self._referents.find, self._doors.settings.cluster_domain
        at = {each: addresses.address(each, find, cluster_domain=domain) for each in wanted}
        held = find(named) if isinstance(named, KReference) else None
        if any(each.pending for each in at.values()) or held == Lack(Why.PENDING):
            return None
        return at, dependencies.condition(named, held)

    def _planned(self, name: NamespacedName, stamped: Object) -> TriggerPlan | None:
        """What the data plane will run of a Trigger, once its object is this."""
        around = [stamped, *self._neighbours.around(name)[1:]]
        resources = objects.in_force(
            around, classes=self._classes, installation=self._installation, memory=self._neighbours.memory
        )
        plan = compute(resources, resolve=stamped_only)
        found = plan.triggers.get(name)
        return found if found is not None and not plan.brokers[found.broker].waits else None
