"""What a source's status must say, by what is seen of it and what the processes that run it say.

    SinkProvided            the sink's URL is known                     ──► sinkUri, and the stamp
    SecretsProvided         WebhookSource and its like: its Secrets hold what it needs
    ValidSchedule           PingSource: schedule and timezone mean something
    Deployed                no faults, and it runs: in one sources process, or in all where its kind does
    ConnectionEstablished   KafkaSource: its Kafka answers
    InitialOffsetsCommitted KafkaSource: so its group has begun
    EventsDelivered         a warning: its sink takes nothing now
    OIDCIdentityCreated     nothing is asked, as in Knative with that feature off

The mark of the installation (`stamps.INSTALLATION`) lets the data plane run it; the object is whose mark it has.  What
ran and is not heard of stays as it was for `GRACE`: another process takes it over.  What failed is well again once it
was so for `STABLE`: one that connects and fails by turns is not written with each turn.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.api_server import Object
from tradewind.control import conditions, stamping
from tradewind.control.conditions import WARNING, Condition, Status
from tradewind.errors import Fault
from tradewind.ports import Heard, SourceSaid
from tradewind.resources import stamps
from tradewind.resources.model import AnySource, KafkaSource, NamespacedName, PingSource, WebhookSource
from tradewind.resources.untyped import fields, name_of

if TYPE_CHECKING:
    from tradewind.control.destinations import Found

SINK = "SinkProvided"
SECRETS = "SecretsProvided"
SCHEDULE = "ValidSchedule"
DEPLOYED = "Deployed"
CONNECTION = "ConnectionEstablished"
OFFSETS = "InitialOffsetsCommitted"
DELIVERED = "EventsDelivered"
OIDC = "OIDCIdentityCreated"
"""Conditions of a source, in Knative's words where Knative has one."""

INVALID = "InvalidSource"
"""Reason: it has faults, all of which are told."""
UNHEARD = "SourcesProcessesUnknown"
NOBODY = "NoSourcesProcess"
NOT_YET = "NotYetInForce"
CONNECTING = "Connecting"
FAILED = "SourceFailed"
DISCONNECTED = "Disconnected"
NO_SECRET = "SecretNotFound"
NOT_TAKEN = "SinkTakesNothing"
"""Reasons."""

GRACE = 30.0
"""Seconds for which what ran counts as running though nobody says so: a session of Kafka's group, and what another
process needs to take over."""
STABLE = 10.0
"""Seconds that a source must be well again before that is said."""
SHOWN = 5
"""Processes that a message names."""

PING, KAFKA = "PingSource", "KafkaSource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A source and what is around it."""

    kind: str
    source: Object
    resource: AnySource | None
    faults: tuple[Fault, ...]
    sink: "Found | None"
    """None where it has faults."""
    heard: Heard | None
    """None until the sources processes were heard."""
    missed: float | None
    """Since when nobody says that it runs; wall-clock seconds."""
    group: str
    """The sources processes' group."""
    installation: str
    url: str = ""
    """Where its requests come in, if its kind takes any."""


class Decision(NamedTuple):
    """What to write of its status, if anything, and what to do then."""

    patch: Object | None
    again: float | None
    """Seconds after which it says something else, though nothing happens."""
    missing: bool
    """Whether nobody says that it runs."""


def is_ours(source: Object, *, installation: str) -> bool:
    """Whether its status is ours to write: no other installation took it, and nobody is deleting it."""
    if source["metadata"].get("deletionTimestamp"):
        return False
    return stamps.may_serve(stamping.annotation(source, stamps.INSTALLATION) or "", installation)


def decide(seen: Seen, *, now: float) -> Decision:
    """What its status must say; `now` is wall-clock seconds."""
    annotations: dict[str, str] = {stamps.INSTALLATION: seen.installation}
    told: dict[str, Any] = {"ceAttributes": _attributes(seen.resource) or None, "annotations": annotations}  # JSON
    if seen.url:
        told["address"] = {"name": "http", "url": seen.url}
    if seen.resource is None or seen.sink is None:
        patch = conditions.status_patch(seen.source, _invalid(seen), told, now=now)
        return Decision(patch, None, False)
    annotations[stamps.RESOLVED] = stamps.encode(seen.sink.stamp)
    told["sinkUri"] = seen.sink.url
    running = _Running(seen, now)
    said = (seen.sink.condition, *_schedule(seen), *running.conditions(), _OIDC)
    kept = [_kept(seen.source, one) for one in said]
    return Decision(conditions.status_patch(seen.source, kept, told, now=now), running.again, running.missing)


_OIDC = conditions.true(OIDC, "authentication-oidc feature disabled")
_NUMBER = re.compile(r"[0-9]+")


def _kept(source: Object, one: Condition) -> Condition:
    """The condition as it is written already, where it differs by a number alone: each count would be a write."""
    held = conditions.held(source, one.type)
    if held is None or (held.status, held.reason, held.severity) != (one.status, one.reason, one.severity):
        return one
    return held if _NUMBER.sub("", held.message) == _NUMBER.sub("", one.message) else one


def _invalid(seen: Seen) -> Sequence[Condition]:
    said = conditions.listed(seen.faults)
    waits = f"the source has faults: {DEPLOYED} tells them"
    return (
        conditions.unknown(SINK, INVALID, waits),
        *_schedule(seen),
        conditions.false(DEPLOYED, INVALID, said),
        _OIDC,
    )


def _schedule(seen: Seen) -> Sequence[Condition]:
    if seen.kind != PING:
        return ()
    wrong = [one for one in seen.faults if "spec.schedule" in one.path or "spec.timezone" in one.path]
    return (conditions.false(SCHEDULE, "InvalidSchedule", conditions.listed(wrong)) if wrong else _VALID,)


_VALID = conditions.true(SCHEDULE)


class _Running:
    """What the processes that run a source come to."""

    def __init__(self, seen: Seen, now: float) -> None:
        self.again: float | None = None
        self.missing = False
        self._seen = seen
        self._now = now
        self._bearer = CONNECTION if seen.kind == KAFKA else DEPLOYED
        """The condition that says whether it is well where it runs."""

    def conditions(self) -> Sequence[Condition]:
        """All that follow from it."""
        found = self._found()
        lack = self._lack(found)
        if lack is not None:
            self.missing = True
            return self._unheard(lack)
        worst = max(found, key=lambda one: _ORDER.index(one.state) if one.state in _ORDER else 0)
        well = self._well(worst)
        deployed = well if self._bearer == DEPLOYED else conditions.true(DEPLOYED)
        return (*self._secrets(found), deployed, *self._connection(well), self._delivered(worst))

    def _found(self) -> list[SourceSaid]:
        """What is said by those who are there of the object as it is."""
        heard, metadata = self._seen.heard, self._seen.source["metadata"]
        if heard is None:
            return []
        name = (self._seen.kind, name_of(self._seen.source))
        return [
            one
            for one in heard.said.get(name, ())
            if one.slot in heard.members
            and (one.uid, one.generation) == (metadata["uid"], metadata.get("generation", 0))
        ]

    def _lack(self, found: Sequence[SourceSaid]) -> Condition | None:
        """Why it does not run as it is to; None where it does."""
        heard = self._seen.heard
        if heard is None:
            message = "what the sources processes say is not known yet: Kafka has not told the controller"
            return conditions.unknown(DEPLOYED, UNHEARD, message)
        if not heard.members:
            message = (
                f"no sources process is a member of the group {self._seen.group}: see that the Deployment "
                "tradewind-sources runs"
            )
            return conditions.unknown(DEPLOYED, NOBODY, message)
        if self._seen.kind == PING:
            return None if found else conditions.unknown(DEPLOYED, NOT_YET, "not yet run by any sources process")
        lacking = sorted(heard.members - {one.slot for one in found})
        if not lacking:
            return None
        more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
        return conditions.unknown(DEPLOYED, NOT_YET, f"not yet in force at {', '.join(lacking[:SHOWN])}{more}")

    def _unheard(self, lack: Condition) -> Sequence[Condition]:
        """As it was, for a while; then that it does not run."""
        missed = self._now if self._seen.missed is None else self._seen.missed
        left = missed + GRACE - self._now
        held = {type: self._held(type) for type in self._types()}
        if left > 0 and (before := held[DEPLOYED]) is not None and before.status is not Status.UNKNOWN:
            self.again = left
            return [one for one in held.values() if one is not None]
        others = [conditions.unknown(type, lack.reason, lack.message) for type in self._types() if type != DEPLOYED]
        return [*(one for one in others if one.type != DELIVERED), lack]

    def _types(self) -> Sequence[str]:
        match self._seen.resource:
            case KafkaSource():
                return (DEPLOYED, CONNECTION, OFFSETS, DELIVERED)
            case WebhookSource(webhook=webhook) if webhook.secrets:
                return (SECRETS, DEPLOYED, DELIVERED)
            case _:
                return (DEPLOYED, DELIVERED)

    def _held(self, type: str) -> Condition | None:
        """The condition as it was said of this very state of the object."""
        source = self._seen.source
        if fields(source, "status").get("observedGeneration") != source["metadata"].get("generation", 0):
            return None
        return conditions.held(source, type)

    def _well(self, said: SourceSaid) -> Condition:
        """Whether it gets what there is."""
        before = self._held(self._bearer)
        if said.state in (_FAILED, _DISCONNECTED, _BLOCKED):
            reason = DISCONNECTED if said.state == _DISCONNECTED else FAILED
            message = said.error or "it does not say why"
            if said.lacks and self._seen.kind == KAFKA:
                reason, message = NO_SECRET, f"{message}.  {_IF_THERE}"
            return conditions.false(self._bearer, reason, message)
        if said.state == _CONNECTING:
            message = "it has begun, and has not connected yet"
            verdict = before is not None and before.status is not Status.UNKNOWN
            return before if verdict and before is not None else conditions.unknown(self._bearer, CONNECTING, message)
        message = "it has ended: nothing more will come" if said.state == _ENDED else ""
        return self._stable(before, conditions.true(self._bearer, "Ended" if message else "", message), said.since)

    def _stable(self, before: Condition | None, now: Condition, since: float) -> Condition:
        """That it is well, once it is so for a while, where it was not before."""
        left = since + STABLE - self._now
        if before is None or before.status is not Status.FALSE or left <= 0:
            return now
        self.again = left if self.again is None else min(left, self.again)
        return before

    def _secrets(self, found: Sequence[SourceSaid]) -> Sequence[Condition]:
        resource = self._seen.resource
        wanted = resource.webhook.secrets if isinstance(resource, WebhookSource) else ()
        if not wanted:
            return ()
        lacks = sorted({each for one in found for each in one.lacks})
        message = f"there is no {', no '.join(lacks)}: apply it, in the source's namespace.  {_IF_THERE}"
        if len(lacks) >= len(set(wanted)):
            return (conditions.false(SECRETS, NO_SECRET, f"{message}.  Until then nobody is let in"),)
        return (conditions.true(SECRETS, "SomeNotFound", message) if lacks else conditions.true(SECRETS),)

    def _connection(self, well: Condition) -> Sequence[Condition]:
        if self._bearer != CONNECTION:
            return ()
        if well.status is Status.TRUE or _is_true(self._held(OFFSETS)):
            return (well, conditions.true(OFFSETS))
        return (well, conditions.unknown(OFFSETS, well.reason, f"its Kafka must answer first: {CONNECTION} says more"))

    def _delivered(self, said: SourceSaid) -> Condition:
        if said.state == _WAITING:
            message = f"events wait, and none is lost: {said.error}"
            return Condition(DELIVERED, Status.FALSE, NOT_TAKEN, message, WARNING)
        before = self._held(DELIVERED)
        return self._stable(before, Condition(DELIVERED, Status.TRUE, severity=WARNING), said.since)


_READY, _ENDED, _WAITING, _CONNECTING, _DISCONNECTED, _FAILED, _BLOCKED = _ORDER = (
    "Ready",
    "Ended",
    "Waiting",
    "Connecting",
    "Disconnected",
    "Failed",
    "Blocked",
)
"""States of a source as its process says them, each worse than the one before it."""


_IF_THERE = (
    "If it is there, the sources processes may not read it: bind the ClusterRole tradewind-sources-secrets to them in "
    "that namespace"
)
"""They are told nothing of a Secret that they may not get, so which of both it is cannot be told apart."""


def _is_true(one: Condition | None) -> bool:
    return one is not None and one.status is Status.TRUE


def _attributes(source: AnySource | None) -> list[Mapping[str, str]]:
    """`ceAttributes`: what its events will have, where that is known before they come."""
    match source:
        case PingSource(metadata=metadata):
            return [{"type": "dev.knative.sources.ping", "source": _path(metadata.name, "pingsources")}]
        case KafkaSource(metadata=metadata, topics=topics):
            own = _path(metadata.name, "kafkasources")
            return [{"type": "dev.knative.kafka.event", "source": f"{own}#{topic}"} for topic in topics]
        case _:
            return []


def _path(name: NamespacedName, plural: str) -> str:
    return f"/apis/v1/namespaces/{name.namespace}/{plural}/{name.name}"
