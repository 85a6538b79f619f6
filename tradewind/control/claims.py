"""Whose a topic is, where several installations share a Kafka: claims in the topic `tradewind.topics` (DESIGN §6).

    claim(topic, owner) ──► first unreleased claim wins ──► release(topic, owner) ──► the next one's

A claim is written before its topic is made, so that what a controller made and could not tell anybody of is known by
it.  Who is not the owner serves nothing and deletes nothing.  All claims of a topic lie in one partition: their order
is the same for everybody, and it alone decides.

The topic of a Broker's own belongs to that very Broker (its uid); the dead-letter topic, which outlives it, to all
Brokers of that name in that installation, and is never released.  External topics are nobody's.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.ports import NewRecord, Record
from tradewind.resources.model import NamespacedName
from tradewind.topics import CLAIMS_TOPIC

VERSION = 1
"""Of a record's value; what has a later one is passed over."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a topic is."""

    installation: str
    broker: NamespacedName
    uid: str = ""
    """Of the Broker; empty for a dead-letter topic: it is every such Broker's."""

    def __str__(self) -> str:
        return f"Broker {self.broker} of installation {self.installation}"


class Act(StrEnum):
    """What a record does."""

    CLAIM = "claim"
    RELEASE = "release"


@dataclass(slots=True)
class Claims:
    """Every claim that was not released, of each topic in the order they were written."""

    by_topic: dict[str, list[Owner]] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Go on by the next record; one that cannot be read is passed over."""
        read = _read(record)
        if read is None:
            return
        act, topic, owner = read
        owners = self.by_topic.setdefault(topic, [])
        if act is Act.RELEASE:
            if owner in owners:
                owners.remove(owner)
        elif owner not in owners:
            owners.append(owner)
        if not owners:
            del self.by_topic[topic]

    def owner(self, topic: str) -> Owner | None:
        """Whose this topic is; None where nobody claims it."""
        owners = self.by_topic.get(topic)
        return owners[0] if owners else None

    def of(self, installation: str) -> Mapping[str, Owner]:
        """The topics that Brokers of this installation own, dead letters' not counted."""
        first = {topic: owners[0] for topic, owners in self.by_topic.items()}
        return {topic: owner for topic, owner in first.items() if owner.installation == installation and owner.uid}

    def claimed_by(self, installation: str, uid: str) -> tuple[str, ...]:
        """Every topic that this Broker has claimed, its own or not."""
        return tuple(
            topic
            for topic, owners in self.by_topic.items()
            if any(one.installation == installation and one.uid == uid for one in owners)
        )


def to_write(claims: Claims, topic: str, wanted: Owner, *, there: Iterable[str]) -> tuple[NewRecord, ...]:
    """What `wanted` writes in order to own this topic; nothing where it does, or another has it.

    `there` are the uids of this installation's Brokers.  A claim of a Broker of ours that is not there any more, and
    could not be released, is released for it: the topic with what lies in it goes to the Broker that has its name now.
    """
    uids = frozenset(there)
    owners = claims.by_topic.get(topic, [])
    left = [one for one in owners if _left(one, wanted, uids)]
    standing = [one for one in owners if one not in left]
    if standing and standing[0] != wanted:
        return ()
    releases = tuple(record(Act.RELEASE, topic, one) for one in left)
    return releases if standing else (*releases, record(Act.CLAIM, topic, wanted))


def _left(one: Owner, wanted: Owner, there: frozenset[str]) -> bool:
    """Whether it is a claim of the Broker that had this name before."""
    ours = (one.installation, one.broker) == (wanted.installation, wanted.broker)
    return ours and one.uid not in ("", wanted.uid) and one.uid not in there


def orphans(claims: Claims, installation: str, there: Iterable[str]) -> Mapping[str, Owner]:
    """The topics that Brokers of this installation own and that are not there any more; `there` are uids."""
    uids = frozenset(there)
    return {topic: owner for topic, owner in claims.of(installation).items() if owner.uid not in uids}


def record(act: Act, topic: str, owner: Owner) -> NewRecord:
    """What is written for it."""
    told = {
        "version": VERSION,
        "act": act,
        "installation": owner.installation,
        "namespace": owner.broker.namespace,
        "name": owner.broker.name,
        "uid": owner.uid,
    }
    value = json.dumps(told, separators=(",", ":"), sort_keys=True).encode()
    return NewRecord(CLAIMS_TOPIC, value, key=topic.encode(), partition=0)


def _read(found: Record) -> tuple[Act, str, Owner] | None:
    try:
        told = json.loads(found.value or b"")
        if told["version"] != VERSION:
            return None
        texts = [told[name] for name in ("installation", "namespace", "name", "uid")]
        if not all(isinstance(text, str) for text in texts):
            return None
        installation, namespace, name, uid = texts
        owner = Owner(installation, NamespacedName(namespace, name), uid)
        return Act(told["act"]), (found.key or b"").decode(), owner
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
