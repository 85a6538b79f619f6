"""Every door between the processes and the world, on one page.

    EventLog        where events and cursors are kept: Kafka (adapters.kafka_log), or memory in tests
      Reader        reads partitions it is told to read, from offsets it is told to start at
      Member        reads the partitions it owns as a member of a group; `Ownership` is told what it gains and loses
    ResourceStore   where resources are declared: a folder of YAML, later a Kubernetes API server
    Sender          POSTs one request and says what came back
    Dispatchers     what they say they have in force
    Noted           what they say flows through Brokers that have it noted
    Hosted          what sources processes say of the sources they run

Edges do not inherit from these; the contract suite (tests/contracts) holds every EventLog to the same behaviour.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from tradewind.delivery.verdicts import Dropped, Outcome
from tradewind.errors import Fault, LogRefused, LogUnavailable
from tradewind.resources.event_types import FlowingType
from tradewind.resources.model import NamespacedName, Resource

Headers = Sequence[tuple[str, bytes]]


class TopicPartition(NamedTuple):
    """A partition of a topic, by the topic's name."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record as it lies in the log."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    """Seconds since the epoch, as the log recorded it."""
    key: bytes | None
    value: bytes | None
    headers: Headers


class NewRecord(NamedTuple):
    """One record to be appended.  Without `partition` the key decides it; without either, any partition."""

    topic: str
    value: bytes | None
    headers: Headers = ()
    key: bytes | None = None
    partition: int | None = None


class Position(NamedTuple):
    """Where a record came to lie."""

    partition: int
    offset: int


LogError = LogUnavailable | LogRefused
"""Why a record was not stored, as far as is known."""

Delivered = Callable[[Position | LogError], None]
"""Told once how a record ended: where it came to lie, or why not.  It raises nothing."""


class Bounds(NamedTuple):
    """A partition's offsets: `start` is the first that may be read, `end` the one the next record will get."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be made.  `config` holds Kafka's own names (`cleanup.policy`, `retention.ms`, …)."""

    name: str
    partitions: int
    replication: int | None
    """Copies of each partition; None takes what the cluster can give, at most three."""
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic as it is.  `id` is Kafka's own, of letters, digits, `-` and `_`: it differs when a topic of the
    same name is made again."""

    name: str
    id: str
    partitions: int
    leaderless: frozenset[int] = frozenset()
    """Partitions that no broker leads now: whoever asks for something of them waits."""
    replication: int = 1
    """Copies of each partition; of the one that has the fewest."""


class Retention(NamedTuple):
    """How long a topic keeps records: Kafka may delete what is older, or what lies deeper.  None: without limit."""

    seconds: float | None
    """`retention.ms`: Kafka deletes a segment when all records in it are older."""
    bytes: int | None
    """`retention.bytes`: Kafka deletes a partition's oldest segment while the rest still holds this much."""


class Reader(Protocol):
    """Reads the partitions it is assigned.  One task uses it at a time; other tasks may await meanwhile."""

    async def assign(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets; what was read before is forgotten."""

    async def take(self, max_records: int, wait: float) -> Sequence[Record]:
        """Up to `max_records` records as soon as there is one, in order within a partition; none after `wait` seconds.

        Raises PositionGone when a partition's position lies outside the log, at each take until another position is
        assigned; LogUnavailable when Kafka is away for longer than the log's own patience (callers take again).
        Holes (compaction, transaction markers) are passed.  A take that is cancelled loses nothing: the next one
        gives what it would have given.
        """

    def position(self, partition: TopicPartition) -> int:
        """The offset after the last record taken, or after the holes behind it where the end of the log was seen."""

    async def close(self) -> None:
        """Let go of everything.  Taking afterwards is a fault."""


class Ownership(Protocol):
    """What a Member is told.  The calls are awaited by the rebalance: what they do must have an end."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """These partitions are ours from now on; answers with the offset to read each from."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions are another's from now on; returns when what must be written is written."""

    async def settled(self) -> None:
        """The group has shared out what was subscribed to last: what is not ours by now is another's, or not there.

        Told once after each `subscribe`.
        """


class Member(Protocol):
    """A static member of a group, cooperative-sticky.  It commits nothing by itself."""

    @property
    def fenced(self) -> int:
        """How often the group went on without it, and it joined anew by itself."""

    async def subscribe(self, topics: Collection[str]) -> None:
        """Own a share of the partitions of exactly these topics."""

    async def take(self, max_records: int, wait: float) -> Sequence[Record]:
        """As Reader.take.  Ownership is told of gains and losses from within this call, so it must be called often.

        Raises SlotTaken when another process holds this member's slot.  A member that was fenced because Kafka or
        the process was away joins anew by itself: Ownership is told that everything is lost, then what is gained.
        What an Ownership raises comes out of here, after which the next take joins anew.
        """

    async def attend(self, wait: float) -> None:
        """Take part in the group for so many seconds, and take nothing: for whoever has no room.  Ownership is told as
        by a take, and what a take raises comes out."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the group keep these offsets, for whoever is assigned the partitions next; Kafka's tools show them.
        An Ownership may commit, too, within its calls.

        Raises LogUnavailable where Kafka does not take all of them now, or the group has gone on without this member.
        """

    async def rejoin(self) -> None:
        """Leave and join anew, for a process that was away: Ownership is told that everything is revoked now, and of
        what is gained at the next takes.
        """

    async def rebalance(self) -> None:
        """Have the group share out its partitions anew, soon: some were seen that nobody owns."""

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on at this offset, after a PositionGone.  A partition that is not ours (any more) is passed over."""

    def position(self, partition: TopicPartition) -> int:
        """As Reader.position, for a partition that is ours; KeyError for any other."""

    async def close(self) -> None:
        """Ownership is told that everything is revoked; then leave (a static member's slot is kept by Kafka)."""


class EventLog(Protocol):
    """The log: topics of records."""

    def append(self, record: NewRecord) -> Awaitable[Position]:
        """Append; the awaitable ends when the record is stored on `acks=all`.

        Records appended to one partition by one process keep their order.  Raises (in the call or in the awaitable)
        LogUnavailable when the queue is full or the log did not answer in time (TopicMissing where that is because the
        topic is not there), LogRefused when it never will.
        """

    def produce(self, record: NewRecord, on_delivery: Delivered) -> None:
        """As append, for thousands of records a second: a future for each costs more than all else that is done for it.

        Raises what append raises in its call, where nobody is told anything; else `on_delivery` is told, after this
        call.
        """

    async def ensure_topics(self, topics: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        """Make the topics that are missing; leave those that exist as they are.  Raises LogUnavailable, LogRefused."""

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicInfo]:
        """Those of these topics that exist."""

    async def delete_topics(self, names: Collection[str]) -> None:
        """Delete these topics with all their records; returns when they are gone.  Those that are not there are none.

        Raises LogUnavailable, after which each may be gone or not, and LogRefused where Kafka deletes no topics.
        """

    async def max_message_bytes(self, topics: Collection[str]) -> Mapping[str, int]:
        """What each of these topics takes: bytes of its largest record batch (`topics.batch_bytes`).

        Topics that do not exist are left out, and those whose settings the log may not see.
        """

    async def retention(self, topics: Collection[str]) -> Mapping[str, Retention]:
        """How long each of these topics keeps records; one that is only compacted keeps them without limit.

        Topics that do not exist are left out, and those whose settings the log may not see.
        """

    async def min_insync_replicas(self, topics: Collection[str]) -> Mapping[str, int]:
        """How many copies must have a record before it counts as stored, for each of these topics.

        Topics that do not exist are left out, and those whose settings the log may not see.
        """

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """Start and end of each partition now."""

    async def offset_at(self, partition: TopicPartition, time: float) -> int:
        """The first offset whose record is no older than `time` (seconds since the epoch); the end without one."""

    def reader(self) -> Reader:
        """A new Reader with nothing assigned."""

    def member(self, *, group: str, instance: str, ownership: Ownership) -> Member:
        """A new Member of `group`; `instance` is its slot (`group.instance.id`)."""

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, str]:
        """Set a member-less group's offsets for Kafka's ordinary tools; answers with the refusals and their reasons."""

    async def groups(self) -> Collection[str]:
        """Every group that has members or has committed offsets."""

    async def members(self, group: str) -> Collection[str]:
        """The slots (`group.instance.id`) of a group's members; none where there is no such group.

        One that died is a member until its session ends, and so is one that left, where its slot is kept.
        """

    async def group_offsets(
        self, group: str, partitions: Collection[TopicPartition], *, mirrored: bool = True
    ) -> Mapping[TopicPartition, int]:
        """The offsets a group has committed, of these partitions; those without one are left out, and where
        `mirrored` is False those that `mirror` set last."""

    async def close(self) -> None:
        """Flush what was appended, then let go of everything."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a store holds after a change: the resources in force, and why a newer state of the store was refused."""

    resources: tuple[Resource, ...]
    faults: tuple[Fault, ...] = ()
    """Every fault of the newest state; when there are any, `resources` are those accepted last."""


class ResourceStore(Protocol):
    """Where resources are declared."""

    def watch(self) -> AsyncIterator[Snapshot]:
        """The store as it is, then again after each change, without end."""


Told = Callable[[Any, Outcome | Dropped], None]
"""Hears what came of a request, once: `told(about, …)`.  Any: `about` is whatever its asker knows it by."""


class Exchange(Protocol):
    """A request that was begun."""

    def give_up(self, about: object) -> None:
        """Nobody wants to hear of it any more."""


class Sender(Protocol):
    """HTTP out.  Never follows redirects, never raises for what the other side does."""

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        """POST once; `timeout` seconds for the whole exchange.  Answers are read up to a bound.

        With `anew` not on an old connection: one that was begun there was dropped.
        """

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        """Begin to POST, if that needs no waiting; None where it does, or is not for this way: nothing was sent then.

        `lines` are header fields as they go over the wire, each with its end of line, and say nothing of the request
        itself.  `told` is called once, not within this call, unless the exchange is given up before.
        """

    async def close(self) -> None:
        """Close every connection."""


InForce = Mapping[str, Mapping[str, str]]
"""By the slots of those who are members of the dispatchers' group now: the generation (`plan.TriggerPlan.generation`)
of each Trigger that the member has in force, by `namespace/name`; nothing of one that has not said it yet."""


class Dispatchers(Protocol):
    """The dispatchers of a deployment, seen from outside."""

    def watch(self) -> AsyncIterator[InForce]:
        """What they have in force, then again after each change, without end."""


class Noted(Protocol):
    """The types of events that dispatchers noted, of Brokers that have it so, seen from outside."""

    def watch(self) -> AsyncIterator[Mapping[NamespacedName, Collection[FlowingType]]]:
        """What flows through each Broker, then again all that flows through those where it changed, without end.

        The first is all that was noted when it was asked for.
        """

    async def forget(self, broker: NamespacedName, one: FlowingType) -> None:
        """It flows no more, until it does again.  Raises LogUnavailable, LogRefused."""


SourceName = tuple[str, NamespacedName]
"""A source, by its kind and its name."""


class SourceSaid(NamedTuple):
    """What one sources process says of a source that it runs."""

    slot: str
    uid: str
    """Of the source's object."""
    generation: int
    """Of the state of it that runs."""
    state: str
    """`Ready` and its like, as `tradewind get sources` shows them."""
    since: float
    """Of the state; wall-clock seconds."""
    error: str
    """The last one, also when it is over."""
    lacks: tuple[str, ...]
    """What its Secrets do not hold and it needs, in words."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What sources processes say."""

    members: frozenset[str]
    """The slots of those who are members of their group."""
    said: Mapping[SourceName, tuple[SourceSaid, ...]]
    """By source, also of those who are members no more."""
    changed: frozenset[SourceName] | None = None
    """Of which something else is said than before; None: who is a member changed, so anything may be."""


class Hosted(Protocol):
    """The sources processes of a deployment, seen from outside."""

    def watch(self) -> AsyncIterator[Heard]:
        """What they say, then again after each change, without end; once a second at most."""
