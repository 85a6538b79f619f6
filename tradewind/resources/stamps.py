"""What the controller resolved, as it stands in `status.annotations` of the object that asked (DESIGN §6).

    controller: Destination ──resolve──► URL ──► Stamp ──encode──► status.annotations["tradewind.dev/resolved"]
    data plane: the same object ──decode──► Stamp ──addressed──► Destination with that URL, or still with its `ref`

An address counts for the very object (uid) and the very Destination it was resolved for: when a Trigger's filter and
subscriber change in one edit, no event that the new filter wants goes to the old subscriber.  The API server prunes any
other field of ours from a status; annotations stay.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace

from tradewind.resources.model import Destination

RESOLVED = "tradewind.dev/resolved"
"""Status annotation of Brokers, Triggers and sources: the Stamp."""

INSTALLATION = "tradewind.dev/installation"
"""Status annotation of a Broker or a source: which installation took it.  It alone serves it."""

TOPIC = "default.topic"
PARTITIONS = "default.topic.partitions"
REPLICATION = "default.topic.replication.factor"
BOOTSTRAP = "bootstrap.servers"
SECRET = "auth.secret.ref.name"
SECRET_NAMESPACE = "auth.secret.ref.namespace"
"""Status annotations of a Broker, in Knative's words: what it got when it was taken, and what its deletion needs."""

GROUP = "group.id"
"""Status annotation of a Trigger, in Knative's words: the group that mirrors its cursors."""

IN_FORCE = "tradewind.dev/in-force"
"""Status annotation of a Trigger: the generation (`plan.TriggerPlan.generation`) that every dispatcher had in force
when it became Ready.  It stays Ready for that generation."""

DIGITS = 16
"""Hexadecimal digits of a digest: 64 bits."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Addresses of one object's Destinations."""

    uid: str
    """Of the object they were resolved for."""
    generation: int
    """Its generation then, for people who look."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """URL by the digest of the Destination."""


def may_serve(taken: str, installation: str) -> bool:
    """Whether this installation serves an object, or may take it, as nobody else has; `taken` is its `INSTALLATION`, or
    empty."""
    return taken in ("", installation)


def digest(destination: Destination) -> str:
    """What a Destination is known by in a Stamp; its namespace is defaulted before."""
    written = json.dumps(astuple(destination), separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:DIGITS]


def encode(stamp: Stamp) -> str:
    """The annotation's text: the same for the same Stamp, so that writing it again changes nothing."""
    held = {"uid": stamp.uid, "generation": stamp.generation, "addresses": dict(stamp.addresses)}
    return json.dumps(held, separators=(",", ":"), sort_keys=True)


def decode(text: str | None) -> Stamp | None:
    """The Stamp of an annotation; None where there is none that can be read."""
    try:
        held = json.loads(text or "")
        uid, generation, addresses = held["uid"], held["generation"], held["addresses"]
        right = isinstance(uid, str) and type(generation) is int
        if right and all(isinstance(url, str) for url in addresses.values()):
            return Stamp(uid, generation, dict(addresses))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def addressed(destination: Destination, stamp: Stamp | None, uid: str) -> Destination:
    """The Destination by the URL that the Stamp of the object with this uid has for it.

    As it is where the Stamp has none, and where there is nothing to resolve: without a `ref`.
    """
    if destination.ref is None or stamp is None or stamp.uid != uid:
        return destination
    url = stamp.addresses.get(digest(destination))
    return destination if url is None else replace(destination, ref=None, uri=url)
