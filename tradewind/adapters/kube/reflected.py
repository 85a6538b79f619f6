"""What lists and watches tell, as the set of objects that it leaves and the changes that lead there.

                  listed(all, version)
    LIST ─────────────────────────────────────────► WATCH ◄── told(event): ADDED, MODIFIED, DELETED, BOOKMARK
     ▲ ◄──────────── expired(): 410 ─────────────────┘ ▲
     │                                               failed()
     └─ confirmed(version before ours) ◄── LOOK ◄──────┘ ── confirmed(version) ──► WATCH

A watch begins at `version`.  After a failure the API server is asked first which version it is at: it may be another
one at the same address, or its etcd was restored.  A watch from a version that it has not come to yet would bring
nothing, without a word, until it has (seen with 1.37).

Replaying every change, from nothing, always leads to `objects`.  An object that was deleted and made again, in a watch
or while nobody watched, is two changes; one that has the same uid and resourceVersion is none.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from tradewind.api_server import Change, Object
from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import name_of


class Next(StrEnum):
    """What to ask the API server."""

    LIST = "list"
    WATCH = "watch"
    LOOK = "look"
    """A list of one object, for its version."""


class Reflected:
    """The objects of one resource, as far as was told."""

    def __init__(self) -> None:
        self._objects: dict[NamespacedName, Object] = {}
        self.next = Next.LIST
        self.version = ""
        """Where the next watch begins."""
        self.synced = False
        """Whether there was a list."""

    @property
    def objects(self) -> Mapping[NamespacedName, Object]:
        """Every object by name."""
        return self._objects

    def listed(self, found: Iterable[Object], version: str) -> list[Change]:
        """These are all objects, as of this version."""
        now = {name_of(one): one for one in found}
        gone = [name for name in self._objects if name not in now]
        changes = [change for name in gone for change in self._set(name, None)]
        for name, new in now.items():
            changes += self._set(name, new)
        self.next, self.version, self.synced = Next.WATCH, version, True
        return changes

    def told(self, kind: str, about: Object) -> list[Change]:
        """An event of the watch that began at `version`."""
        self.version = about["metadata"].get("resourceVersion", "")
        return [] if kind == "BOOKMARK" else self._set(name_of(about), None if kind == "DELETED" else about)

    def failed(self) -> None:
        """No answer came, or none that decides anything."""
        if self.next is Next.WATCH:
            self.next = Next.LOOK

    def confirmed(self, version: str) -> None:
        """The API server is at this version."""
        self.next = Next.LIST if older(version, self.version) else Next.WATCH

    def expired(self) -> None:
        """What happened since `version` cannot be told any more (410)."""
        self.next = Next.LIST

    def _set(self, name: NamespacedName, new: Object | None) -> list[Change]:
        old = self._objects.get(name)
        if new is None:
            self._objects.pop(name, None)
        else:
            self._objects[name] = new
        if old is None and new is None:
            return []
        if old is None or new is None:
            return [Change(old, new)]
        was, now = old["metadata"], new["metadata"]
        if was.get("uid") != now.get("uid"):
            return [Change(old, None), Change(None, new)]
        return [] if was.get("resourceVersion") == now.get("resourceVersion") else [Change(old, new)]


def older(version: str, than: str) -> bool:
    """Whether a resourceVersion is before another.  They are decimal numbers that grow (Kubernetes 1.35 says so)."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
