"""The objects that decide about one Trigger, so that judging it does not mean judging all.

    the Trigger ─► its Broker ─► Brokers that would own one of its topics
         └───────► Triggers that would own its consumer group, and their Brokers

Judged together they come to what all objects together come to for this Trigger (`objects.judge`): of two that want one
name in Kafka one has a fault, whatever else is there.
"""

from collections.abc import Iterable, Iterator, Mapping

from tradewind.api_server import Change, Object
from tradewind.resources.examined import Examined, Memory, examine
from tradewind.resources.model import NamespacedName

Kind = str
_Where = tuple[Kind, NamespacedName]
_Name = tuple[str, str]


class Neighbours:
    """All Brokers and Triggers, by what they want in Kafka."""

    def __init__(self) -> None:
        self._objects: dict[_Where, Object] = {}
        self._examined: dict[_Where, Examined] = {}
        self._wanting: dict[_Name, set[_Where]] = {}
        self._naming: dict[NamespacedName, set[NamespacedName]] = {}
        """Triggers by their Broker."""

    def changed(self, change: Change) -> frozenset[NamespacedName]:
        """Add, replace or remove a Broker or Trigger; the Triggers of which it may decide something."""
        found = change.new or change.old
        if found is None:
            return frozenset()
        examined = examine(found)
        where = (examined.kind, examined.name)
        concerned = self._concerned(where)
        self._forget(where)
        if change.new is not None:
            self._remember(where, change.new, examined)
        return frozenset({*concerned, *self._concerned(where)})

    def trigger(self, name: NamespacedName) -> Object | None:
        """The Trigger's object, if there is one."""
        return self._objects.get(("Trigger", name))

    def examined(self, name: NamespacedName) -> Examined:
        """What a Trigger that is there says by itself."""
        return self._examined["Trigger", name]

    def broker_of(self, name: NamespacedName) -> Object | None:
        """The object of the Broker that this Trigger names, if there is one."""
        broker = self._broker_of(("Trigger", name))
        return None if broker is None else self._objects.get(broker)

    @property
    def memory(self) -> Memory:
        """What judging these objects need not examine again."""
        return _Known(self._objects, self._examined)

    def around(self, name: NamespacedName) -> list[Object]:
        """The objects that decide about a Trigger that is there; its own comes first."""
        own = ("Trigger", name)
        deciding = dict.fromkeys([own, *self._rivals(own)])
        for where in tuple(deciding):
            if (broker := self._broker_of(where)) is not None:
                deciding[broker] = None
                if where == own:
                    deciding |= dict.fromkeys(self._rivals(broker))
        return [self._objects[where] for where in deciding if where in self._objects]

    def _remember(self, where: _Where, found: Object, examined: Examined) -> None:
        self._objects[where], self._examined[where] = found, examined
        for name in _wanted(examined):
            self._wanting.setdefault(name, set()).add(where)
        if examined.kind == "Trigger" and examined.broker is not None:
            self._naming.setdefault(examined.broker, set()).add(examined.name)

    def _forget(self, where: _Where) -> None:
        if (old := self._examined.pop(where, None)) is None:
            return
        del self._objects[where]
        for name in _wanted(old):
            self._wanting[name].discard(where)
            if not self._wanting[name]:
                del self._wanting[name]
        if old.kind == "Trigger" and old.broker is not None:
            self._naming[old.broker].discard(old.name)
            if not self._naming[old.broker]:
                del self._naming[old.broker]

    def _rivals(self, where: _Where) -> Iterator[_Where]:
        """Those that want a name in Kafka that it wants as well."""
        if (examined := self._examined.get(where)) is not None:
            for name in _wanted(examined):
                yield from sorted(self._wanting[name])

    def _broker_of(self, where: _Where) -> _Where | None:
        examined = self._examined.get(where)
        return ("Broker", examined.broker) if examined is not None and examined.broker is not None else None

    def _concerned(self, where: _Where) -> Iterable[NamespacedName]:
        near = {where, *self._rivals(where)}
        brokers = [name for kind, name in near if kind == "Broker"]
        triggers = {name for kind, name in near if kind == "Trigger"}
        for broker in brokers:
            for trigger in self._naming.get(broker, ()):
                triggers |= {trigger, *(name for _, name in self._rivals(("Trigger", trigger)))}
        return triggers


class _Known(Memory):
    """Of the objects that are there it is known what they say; of any other it is asked, and not remembered."""

    def __init__(self, there: Mapping[_Where, Object], known: Mapping[_Where, Examined]) -> None:
        self._there = there
        self._known = known

    def examined(self, objects: Iterable[Object]) -> list[Examined]:
        """See Memory.examined."""
        return [self._one(held) for held in objects]

    def _one(self, held: Object) -> Examined:
        where = held["kind"], NamespacedName(held["metadata"]["namespace"], held["metadata"]["name"])
        return self._known[where] if self._there.get(where) is held else examine(held)


def _wanted(examined: Examined) -> frozenset[_Name]:
    return frozenset((one.what, one.name) for one in examined.derived)
