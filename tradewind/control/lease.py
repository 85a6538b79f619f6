"""Who leads, by a Lease of coordination.k8s.io/v1: what one candidate writes, and until when it leads.

    read: none there ──────────────────────────────── at once ──────────► Create one that names nobody
    read: another's, or nobody's ── stands still for `lease` seconds ───► Replace, under our name
    read: released, or ours already ───────────────── at once ──────────► Replace
                                                                            │ written over the version that was read
    leads until (when that was sent) + `renew_deadline`, less `grace`  ◄────┘
       ├── renewed every `retry` seconds ──► until then anew
       ├── that moment passes, or the Lease names us no longer ──► lost, for the rest of this process's life
       └── resigns once its work has ended ──► released: the next one takes it at once

That never two lead at one moment rests on four things:
- A leader counts from before its write was sent, another from after it saw that write, each by a clock of its own that
  nobody sets; `renew_deadline` is so far below `lease` that these may differ in pace.  No time that another machine
  wrote is compared with ours: what counts is whether the Lease is as it was.
- Each renewal is told from the one before: its `renewTime` is later, whatever the wall clock says.
- Everything is written over the version that was read, so what arrives late finds another one and changes nothing.
- An identity is that of one process: whatever bears our name was written by us, or by one who is dead.

Where there is no Lease one may have been deleted a moment ago, and who held it leads until its next renewal fails.  So
one that names nobody is made, which must stand still like any other; `holderIdentity: ""` alone says "released".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tradewind.api_server import Object
from tradewind.resources.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long things hold, in seconds.  Lease, deadline and retry are those of Kubernetes' own controllers.

    No settings: they are right only together, and nobody has a reason to want others.
    """

    lease: float = 15.0
    """How long a Lease must stand still before another takes it."""
    renew_deadline: float = 10.0
    """How long a leader leads after the sending of its last renewal that went through.  A third below `lease`, for
    clocks that differ in pace and a process that takes its time to end."""
    retry: float = 2.0
    """Between two looks at the Lease, of a leader and of a candidate."""
    call: float = 3.0
    """How long one look and what it writes may take.  After two that freeze a third may still renew in time."""
    grace: float = 1.0
    """What the work has of the deadline's end to end by itself, before its process is ended."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make this Lease."""

    lease: Object


@dataclass(frozen=True, slots=True)
class Replace:
    """Put this in the Lease's place, unless it has another version by now."""

    lease: Object


Write = Create | Replace


class Candidate:
    """One process on its way to leading, and while it leads.  `now` is in seconds of a clock of this machine that is
    never set and goes on while the process does not; `wall` is in seconds since 1970, and only written down."""

    def __init__(self, name: NamespacedName, identity: str, terms: Terms) -> None:
        self.name = name
        self.identity = identity
        self.terms = terms
        self.until: float | None = None
        """Second at which leading ends; None before it began."""
        self.lost = False
        """Whether it has led, and leads no longer: it must not do so again."""
        self.resigning = False
        """Whether it wants the Lease no longer."""
        self.holder = ""
        """Whom the Lease named when it was last seen; empty: nobody."""
        self._mine: Object | None = None
        """The Lease as we wrote it last; None where it must be read first."""
        self._seen: Object | None = None
        """The Lease as another left it.  All of it, version included: its spec may be as it was, but have been
        another's in between, if people write into it, too."""
        self._since = 0.0
        """When it was first seen so."""

    def leads(self, now: float) -> bool:
        """Whether it leads at this moment."""
        return self.left(now) > 0

    def left(self, now: float) -> float:
        """Seconds for which its work may go on, if nothing is renewed; none where it does not lead."""
        if self.until is None or self.lost or self.resigning:
            return 0.0
        return max(0.0, self.until - self.terms.grace - now)

    def over(self, now: float) -> bool:
        """Whether it led and does so no longer, from this moment on for ever; not where it resigned."""
        if self.until is not None and not self.resigning and not self.leads(now):
            self.lost = True
        return self.lost

    def end(self, now: float) -> float:
        """When the process must end if nothing is renewed: the work has had its grace by then."""
        until = now if self.until is None else self.until
        return min(until, now + self.terms.grace) if self.lost else until

    def renewal(self, now: float, wall: float) -> Write | None:
        """What to write without looking, as we know what is there; None: look first, and tell `read`."""
        return None if self._mine is None else self._ours(self._mine, now, wall)

    def read(self, lease: Object | None, now: float, wall: float) -> Write | None:
        """What to write after the Lease was read (None: there is none), at `now` or before; None: nothing yet."""
        spec = _spec(lease)
        holder = spec.get("holderIdentity")
        self.holder = holder if isinstance(holder, str) else ""
        if lease is not None and self.holder == self.identity:
            return self._ours(lease, now, wall)
        if self.resigning:
            return None
        if self.until is not None:
            self.lost = True  # somebody took it from us; whoever that is need not wait
            return None
        if lease is None:
            return Create(self._nobodys())
        if lease != self._seen:
            self._seen, self._since = lease, now
        if holder != "" and now - self._since < self._wait(spec):
            return None
        return Replace(self._taken(lease, wall))

    def wrote(self, written: Object | None, *, sent: float, now: float) -> None:
        """What a Replace asked for is in the API server as `written`, or there is no such Lease any more; the request
        was sent at `sent`."""
        if written is None or _spec(written).get("holderIdentity") != self.identity:
            self._mine = None  # deleted, or released
            return
        self._mine, self.holder = written, self.identity
        until = sent + self.terms.renew_deadline
        if self.until is None and now >= until - self.terms.grace:
            return  # it leads with what it writes next
        if not self.over(now):
            self.until = until

    def failed(self) -> None:
        """Reading or writing failed, or nobody knows whether it did: what is there must be read."""
        self._mine = None

    def resign(self) -> None:
        """The work has ended, or never began; what `renewal` and `read` ask for from now on releases the Lease."""
        self.resigning = True

    def _ours(self, lease: Object, now: float, wall: float) -> Write | None:
        """What follows on a Lease under our name."""
        if self.resigning:
            return Replace(_with(lease, holderIdentity="", renewTime=_after(_spec(lease).get("renewTime"), wall)))
        return None if self.over(now) else Replace(self._taken(lease, wall))

    def _wait(self, spec: Mapping[str, object]) -> float:
        """Seconds that a Lease which nobody released must stand still: what its holder counts on, if that is more."""
        return max(self.terms.lease, _whole(spec.get("leaseDurationSeconds"), otherwise=0))

    def _taken(self, lease: Object, wall: float) -> Object:
        """This Lease under our name, renewed."""
        spec = _spec(lease)
        lasts, moment = math.ceil(self.terms.lease), _after(spec.get("renewTime"), wall)
        if spec.get("holderIdentity") == self.identity:
            return _with(lease, leaseDurationSeconds=lasts, renewTime=moment)
        return _with(
            lease,
            holderIdentity=self.identity,
            leaseDurationSeconds=lasts,
            acquireTime=moment,
            renewTime=moment,
            leaseTransitions=_whole(spec.get("leaseTransitions"), otherwise=-1) + 1,
        )

    def _nobodys(self) -> Object:
        """A Lease that names nobody."""
        metadata = {"namespace": self.name.namespace, "name": self.name.name}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {}}


def _spec(lease: Object | None) -> Mapping[str, object]:
    """Its spec; an empty one where there is none that can be read."""
    spec = (lease or {}).get("spec")
    return spec if isinstance(spec, dict) else {}


def _with(lease: Object, **fields: object) -> Object:
    """A copy with these fields of the spec, and all others as they are."""
    return {**lease, "spec": {**_spec(lease), **fields}}


def _whole(value: object, *, otherwise: int) -> int:
    """A whole number that is not negative; what is none counts as `otherwise`."""
    return value if type(value) is int and value >= 0 else otherwise


def _after(last: object, wall: float) -> str:
    """The wall clock's time, but later than the last one that was written."""
    now = datetime.fromtimestamp(wall, UTC)
    try:
        return _text(max(now, datetime.fromisoformat(str(last)) + timedelta(microseconds=1)))
    except (ValueError, TypeError, OverflowError):
        return _text(now)  # there is none that can be read: any differs from it


def _text(moment: datetime) -> str:
    """As Kubernetes writes a MicroTime."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
