"""Which EventTypes are to be made: of what flows, for Brokers that are switched on, and no more than `MOST` for each.

    what flows ──┐
    Brokers ─────┼──► decide(name) ──► Make │ Forget │ Rest │ LeftOut │ Refuse │ nothing
    EventTypes ──┘

An EventType that somebody deletes is not made again of what was noted: it is forgotten, and comes back, after a rest,
when its events are seen again, as with Knative.  So what flows no more stays away, and whoever deletes again and again
meets one that is made every ten minutes.  Deleted while no controller runs, it comes back once.
EventTypes that are there are never changed, whoever made them; those that were made go with their Broker.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.api_server import Change, Object
from tradewind.resources import event_types, manifests, stamps
from tradewind.resources.event_types import FlowingType
from tradewind.resources.examined import examine
from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import name_of

MOST = 100
"""EventTypes that are made for a Broker: what people look through.  Each is an object in etcd that every watcher holds;
thousands of Brokers with thousands each would be the API server's end."""

REST = 600.0
"""Seconds for which one that was deleted is not made again, whatever flows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides of a Broker about its EventTypes."""

    uid: str
    ours: bool
    """This installation serves it, or is about to."""
    on: bool
    """It has EventTypes made of what flows."""


class Make(NamedTuple):
    """Create this EventType; then tell `ended`."""

    made: Object


class Forget(NamedTuple):
    """Have it forgotten that this flows; then tell `forgotten`."""

    broker: NamespacedName
    one: FlowingType


class Rest(NamedTuple):
    """Decide again after so many seconds."""

    seconds: float


class LeftOut(NamedTuple):
    """The Broker has as many as are made."""

    broker: NamespacedName
    first: bool
    """None was left out before."""


class Refuse(NamedTuple):
    """It cannot be an EventType: it is not asked for again."""

    why: str


Decision = Make | Forget | Rest | LeftOut | Refuse | None


@dataclass(frozen=True, slots=True)
class _There:
    """An EventType that is there."""

    broker: NamespacedName | None
    """That it refers to."""
    owner: str
    """Uid of the Broker that it goes with; empty where there is none."""


@dataclass(slots=True)
class _Deleted:
    """One that somebody deleted, whose Broker is there."""

    owner: str
    at: float
    forgotten: bool = False


def standing(broker: Object, *, classes: Collection[str], installation: str) -> Standing:
    """What a Broker's object says about its EventTypes."""
    one = examine(broker)
    ours = one.broker_class in classes and stamps.may_serve(one.installation, installation)
    taken = ours and one.installation == installation and not one.deleting
    switched = one.resource is not None and event_types.enabled(one.resource.metadata.annotations)
    return Standing(one.uid, ours, taken and switched)


class Catalogue:
    """What is known of Brokers, EventTypes and what flows."""

    def __init__(self, *, classes: Collection[str], installation: str) -> None:
        self._classes = classes
        self._installation = installation
        self._brokers: dict[NamespacedName, Standing] = {}
        self._there: dict[NamespacedName, _There] = {}
        self._naming: dict[NamespacedName, set[NamespacedName]] = {}
        """EventTypes that are there, by the Broker that they refer to."""
        self._owned: dict[str, set[NamespacedName]] = {}
        """Those that go with a Broker, by its uid; also those that are being made."""
        self._flowing: dict[NamespacedName, dict[NamespacedName, FlowingType]] = {}
        """By Broker and name of the EventType."""
        self._wanted: dict[NamespacedName, NamespacedName] = {}
        """The Broker of each of these names."""
        self._deleted: dict[NamespacedName, _Deleted] = {}
        self._refused: set[tuple[str, NamespacedName]] = set()
        self.left_out: dict[NamespacedName, set[NamespacedName]] = {}
        """By Broker, what has no place among those that are made."""

    def broker(self, name: NamespacedName) -> Standing | None:
        """A Broker that is there."""
        return self._brokers.get(name)

    def referred(self, name: NamespacedName) -> NamespacedName | None:
        """The Broker that an EventType which is there refers to, be that there or not."""
        return self._there[name].broker

    def broker_changed(self, change: Change) -> Iterable[NamespacedName]:
        """Add, replace or remove a Broker; the EventTypes of which it decides something."""
        name = _name(change)
        old = self._brokers.pop(name, None)
        if change.new is not None:
            self._brokers[name] = standing(change.new, classes=self._classes, installation=self._installation)
        new = self._brokers.get(name)
        if new == old:
            return ()
        if old is not None and (new is None or new.uid != old.uid):
            self._deleted = {one: held for one, held in self._deleted.items() if held.owner != old.uid}
            self._refused = {held for held in self._refused if held[0] != old.uid}
        self.left_out.pop(name, None)
        return {*self._naming.get(name, ()), *self._flowing.get(name, ())}

    def event_type_changed(self, change: Change, *, now: float) -> Iterable[NamespacedName]:
        """Add, replace or remove an EventType; those of which it decides something."""
        name = _name(change)
        old = self._forget(name)
        if change.new is not None:
            self._remember(name, change.new)
            self._deleted.pop(name, None)
            return (name,)
        wanted = self._wanted.get(name)
        if old is None or wanted is None or self._uid(wanted) != old.owner:
            return (name,)
        self._deleted[name] = _Deleted(old.owner, now)
        return (name, *self.left_out.pop(wanted, ()))  # there is room for another

    def flows(self, broker: NamespacedName, types: Iterable[FlowingType]) -> Iterable[NamespacedName]:
        """This, and nothing else, flows through a Broker; the EventTypes that are not there."""
        for name in self._flowing.pop(broker, ()):
            del self._wanted[name]
        digests = ((event_types.digest(broker, one.type, one.source), one) for one in types)
        named = {event_types.name_of(broker, digest): one for digest, one in digests}
        if named:
            self._flowing[broker] = named
            self._wanted |= dict.fromkeys(named, broker)
        if broker in self.left_out:
            self.left_out[broker] &= set(named)
        return [name for name in named if name not in self._there]

    def decide(self, name: NamespacedName, *, now: float) -> Decision:
        """What to do of an EventType that is not there."""
        broker = self._wanted.get(name)
        if broker is None or name in self._there:
            return None
        one, there = self._flowing[broker][name], self._brokers.get(broker)
        if there is None or not there.on or there.uid != one.uid or (one.uid, name) in self._refused:
            return None
        deleted = self._deleted.get(name)
        if deleted is not None and not deleted.forgotten:
            return Forget(broker, one)
        if deleted is not None and now < deleted.at + REST:
            return Rest(deleted.at + REST - now)
        return self._made(name, broker, one)

    def _made(self, name: NamespacedName, broker: NamespacedName, one: FlowingType) -> Decision:
        owned = self._owned.get(one.uid, set())
        if name not in owned and len(owned) >= MOST:
            first = broker not in self.left_out
            self.left_out.setdefault(broker, set()).add(name)
            return LeftOut(broker, first)
        self.left_out.get(broker, set()).discard(name)
        made = event_types.made(broker, one)
        faults = manifests.judge(made).faults
        if faults:
            self._refused.add((one.uid, name))
            return Refuse("; ".join(map(str, faults)))
        self._owned.setdefault(one.uid, set()).add(name)
        return Make(made)

    def ended(self, made: Object, *, created: bool, refused: bool = False) -> None:
        """It was created; or it was not, and will never be where it is `refused`."""
        name = name_of(made)
        uid: str = made["metadata"]["ownerReferences"][0]["uid"]
        if not created and name not in self._there:
            self._disown(uid, name)
        if refused:
            self._refused.add((uid, name))

    def forgotten(self, name: NamespacedName) -> None:
        """That it flows is forgotten: what is noted from now on was seen since."""
        if name in self._deleted:
            self._deleted[name].forgotten = True

    def _uid(self, broker: NamespacedName) -> str:
        there = self._brokers.get(broker)
        return there.uid if there is not None else ""

    def _remember(self, name: NamespacedName, found: Object) -> None:
        there = self._there[name] = _There(examine(found).broker, owner(found))
        if there.broker is not None:
            self._naming.setdefault(there.broker, set()).add(name)
        if there.owner:
            self._owned.setdefault(there.owner, set()).add(name)

    def _forget(self, name: NamespacedName) -> _There | None:
        there = self._there.pop(name, None)
        if there is not None:
            if there.broker is not None:
                self._naming[there.broker].discard(name)
                if not self._naming[there.broker]:
                    del self._naming[there.broker]
            self._disown(there.owner, name)
        return there

    def _disown(self, uid: str, name: NamespacedName) -> None:
        owned = self._owned.get(uid, set())
        owned.discard(name)
        if not owned:
            self._owned.pop(uid, None)


def _name(change: Change) -> NamespacedName:
    return name_of(change.new or change.old or {})


def owner(event_type: Object) -> str:
    """The uid of the Broker that an EventType goes with; empty where it goes with none."""
    owners = event_type["metadata"].get("ownerReferences") or ()
    return next((str(one["uid"]) for one in owners if one["kind"] == "Broker"), "")
