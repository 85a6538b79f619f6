"""Lists and watches → objects and changes.

A property plays an API server's history against it: objects come, change, go and are made again while the Reflector
lists, watches for a while, loses the connection, and finds its version gone.  Whatever the schedule, it ends with the
server's objects, and the changes it told lead from nothing to exactly those, each fitting onto what was before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.adapters.kube.reflected import Next, Reflected, older
from tradewind.api_server import Change, Object
from tradewind.resources.model import NamespacedName

NAMES = ("a", "b", "c")


def made(name: str, uid: str, version: int) -> Object:
    return {"metadata": {"namespace": "default", "name": name, "uid": uid, "resourceVersion": str(version)}}


def named(name: str) -> NamespacedName:
    return NamespacedName("default", name)


def bookmark(version: int) -> Object:
    return {"metadata": {"resourceVersion": str(version)}}


A1, A2, OTHER_A = made("a", "u1", 1), made("a", "u1", 2), made("a", "u2", 2)
B1 = made("b", "u3", 1)


def after(*found: Object) -> Reflected:
    reflected = Reflected()
    reflected.listed(found, "1")
    return reflected


def test_before_a_list_nothing_is_known() -> None:
    reflected = Reflected()
    assert (reflected.objects, reflected.synced, reflected.next) == ({}, False, Next.LIST)
    reflected.failed()
    assert reflected.next is Next.LIST


def test_an_empty_list_is_one() -> None:
    reflected = Reflected()
    assert reflected.listed([], "7") == []
    assert reflected.synced and (reflected.next, reflected.version) == (Next.WATCH, "7")


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        ([], [A1], [Change(None, A1)]),
        ([A1], [A1], []),
        ([A1], [A2], [Change(A1, A2)]),
        ([A1], [OTHER_A], [Change(A1, None), Change(None, OTHER_A)]),
        ([A1], [], [Change(A1, None)]),
        ([A1], [B1], [Change(A1, None), Change(None, B1)]),
    ],
)
def test_a_list_tells_what_differs(before: list[Object], now: list[Object], changes: list[Change]) -> None:
    assert after(*before).listed(now, "2") == changes


@pytest.mark.parametrize(
    ("before", "kind", "about", "changes"),
    [
        ([], "ADDED", A1, [Change(None, A1)]),
        ([A1], "ADDED", A1, []),
        ([A1], "ADDED", OTHER_A, [Change(A1, None), Change(None, OTHER_A)]),
        ([], "MODIFIED", A1, [Change(None, A1)]),
        ([A1], "MODIFIED", A2, [Change(A1, A2)]),
        ([A1], "MODIFIED", A1, []),
        ([A1], "MODIFIED", OTHER_A, [Change(A1, None), Change(None, OTHER_A)]),
        ([A1], "DELETED", A2, [Change(A1, None)]),
        ([], "DELETED", A1, []),
        ([A1], "BOOKMARK", bookmark(9), []),
    ],
)
def test_an_event_tells_what_differs(before: list[Object], kind: str, about: Object, changes: list[Change]) -> None:
    reflected = after(*before)
    assert reflected.told(kind, about) == changes
    assert reflected.version == about["metadata"]["resourceVersion"]


def test_objects_are_as_the_events_leave_them() -> None:
    reflected = after(A1)
    reflected.told("ADDED", B1)
    reflected.told("MODIFIED", A2)
    assert reflected.objects == {named("a"): A2, named("b"): B1}
    reflected.told("DELETED", A2)
    assert reflected.objects == {named("b"): B1}


def test_a_version_that_is_gone_asks_for_a_list_and_forgets_nothing() -> None:
    reflected = after(A1)
    reflected.expired()
    assert (reflected.next, reflected.objects, reflected.synced) == (Next.LIST, {named("a"): A1}, True)


@pytest.mark.parametrize(("version", "asked"), [("8", Next.LIST), ("9", Next.WATCH), ("10", Next.WATCH)])
def test_after_a_failure_a_watch_waits_for_the_servers_version(version: str, asked: Next) -> None:
    reflected = Reflected()
    reflected.listed([A1], "9")
    reflected.failed()
    assert reflected.next is Next.LOOK
    reflected.failed()
    assert reflected.next is Next.LOOK
    reflected.confirmed(version)
    assert (reflected.next, reflected.version, reflected.objects) == (asked, "9", {named("a"): A1})


@pytest.mark.parametrize(
    ("version", "than", "is_older"),
    [("9", "10", True), ("10", "9", False), ("9", "9", False), ("", "9", False), ("9", "x", False)],
)
def test_versions_are_numbers(version: str, than: str, is_older: bool) -> None:
    assert older(version, than) is is_older


@dataclass
class Server:
    """An API server's history of one resource."""

    made: int = 0
    """How many there were before it; uids differ."""
    version: int = 1
    compacted: int = 0
    objects: dict[str, Object] = field(default_factory=dict)
    history: list[tuple[int, str, Object]] = field(default_factory=list)

    def put(self, name: str) -> None:
        self.version += 1
        old = self.objects.get(name)
        uid = old["metadata"]["uid"] if old else f"u{self.made}.{self.version}"
        self.objects[name] = made(name, uid, self.version)
        self.history.append((self.version, "MODIFIED" if old else "ADDED", self.objects[name]))

    def delete(self, name: str) -> None:
        if old := self.objects.pop(name, None):
            self.version += 1
            self.history.append((self.version, "DELETED", made(name, old["metadata"]["uid"], self.version)))

    def since(self, version: int) -> list[tuple[int, str, Object]] | None:
        """Events after a version; None where it is gone (410)."""
        return None if version < self.compacted else [event for event in self.history if event[0] > version]


@dataclass
class World:
    server: Server = field(default_factory=Server)
    reflected: Reflected = field(default_factory=Reflected)
    changes: list[Change] = field(default_factory=list)

    def anew(self) -> None:
        """Another server at the address, at an earlier version than was told; the connection to the old one breaks."""
        self.server = Server(made=self.server.made + 1)
        self.reflected.failed()

    def step(self, events: int, *, marked: bool) -> None:
        """One try of the Reflector: a list, a look, or a watch that ends after some events, or brings a bookmark."""
        if self.reflected.next is Next.LIST:
            listed = list(self.server.objects.values())
            self.changes += self.reflected.listed(listed, str(self.server.version))
            return
        if self.reflected.next is Next.LOOK:
            return self.reflected.confirmed(str(self.server.version))
        due = self.server.since(int(self.reflected.version))
        if due is None:
            return self.reflected.expired()
        for _, kind, about in due[:events]:
            self.changes += self.reflected.told(kind, about)
        if marked and events >= len(due):
            self.changes += self.reflected.told("BOOKMARK", bookmark(self.server.version))

    def replayed(self) -> dict[NamespacedName, Object]:
        objects: dict[NamespacedName, Object] = {}
        for old, new in self.changes:
            name = named((new or old or {})["metadata"]["name"])
            assert objects.get(name) == old
            assert old is None or new is None or old["metadata"]["uid"] == new["metadata"]["uid"]
            assert old != new
            objects.pop(name, None)
            if new is not None:
                objects[name] = new
        return objects


ACTS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("try"), st.integers(0, 4), st.booleans()),
    st.tuples(st.just("compact")),
    st.tuples(st.just("break")),
    st.tuples(st.just("anew")),
)


@given(st.lists(ACTS, max_size=60))
def test_any_schedule_leads_to_the_servers_objects_and_so_do_the_changes(acts: Sequence[tuple[object, ...]]) -> None:
    world = World()
    for act in acts:
        match act:
            case ("put", str(name)):
                world.server.put(name)
            case ("delete", str(name)):
                world.server.delete(name)
            case ("try", int(events), bool(marked)):
                world.step(events, marked=marked)
                assert world.replayed() == world.reflected.objects
            case ("compact",):
                world.server.compacted = world.server.version
            case ("break",):
                world.reflected.failed()
            case ("anew",) if world.server.version <= int(world.reflected.version or 0):
                world.anew()
                world.step(0, marked=False)  # before it has come as far as the old one
    for _ in range(4):  # a look; a watch; where that finds its version gone, a list; a watch
        world.step(1000, marked=False)
    assert world.reflected.objects == {named(name): one for name, one in world.server.objects.items()}
    assert world.replayed() == world.reflected.objects
