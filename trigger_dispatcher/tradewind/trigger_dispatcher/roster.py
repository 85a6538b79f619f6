"""Who is there: the partitions this process owns, the Triggers on each topic, and which of them an event matches."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tradewind.events.model import Event
from tradewind.filters.matching import Matching
from tradewind.filters.tree import digest
from tradewind.plan import Plan, TriggerPlan
from tradewind.ports import Record, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import flowing
from tradewind.trigger_dispatcher.addressed import addressee
from tradewind.trigger_dispatcher.edges import log
from tradewind.trigger_dispatcher.flowing import Flowing
from tradewind.trigger_dispatcher.ownership import OwnedPartition, expired
from tradewind.trigger_dispatcher.worker import Worker


class Roster:
    """Changed by the supervisor as a Plan is put in force, and by custody as partitions come and go; asked by all."""

    def __init__(self, *, max_data_bytes: int) -> None:
        self.plan = Plan()
        self.flowing: Mapping[str, Flowing] = {}
        """What flows, by topic, of Brokers that have it noted."""
        self._max_data_bytes = max_data_bytes
        self._owned: dict[tuple[str, int], OwnedPartition] = {}
        self._partitions: dict[str, int] = {}
        """How many each topic has."""
        self._workers: dict[NamespacedName, Worker] = {}
        self._gone: dict[NamespacedName, float] = {}
        self._by_topic: dict[str, list[NamespacedName]] = {}
        self._matching: dict[str, Matching[NamespacedName]] = {}

    def adopt(self, plan: Plan) -> None:
        """Match by this Plan from the next record on."""
        self.plan = plan
        self.flowing = flowing.adopted(self.flowing, plan.brokers)
        by_topic: dict[str, dict[NamespacedName, TriggerPlan]] = {}
        for name, trigger in plan.triggers.items():
            by_topic.setdefault(trigger.topic, {})[name] = trigger
        self._by_topic = {topic: list(triggers) for topic, triggers in by_topic.items()}
        self._matching = {
            topic: Matching(
                {name: trigger.filter for name, trigger in triggers.items()},
                max_data_bytes=self._max_data_bytes,
                failed=self._failed,
            )
            for topic, triggers in by_topic.items()
        }

    def triggers(self, topic: str) -> list[NamespacedName]:
        """The Plan's Triggers on a topic."""
        return self._by_topic.get(topic, [])

    def starts(self, topic: str) -> Mapping[NamespacedName, str]:
        """The Plan's Triggers on a topic, and where each starts when it is new."""
        return {name: self.plan.triggers[name].start for name in self.triggers(topic)}

    def match(self, record: Record, event: Event) -> list[NamespacedName]:
        """The Triggers on this topic that want this record's event, or the one Trigger that it is for."""
        if (only := addressee(record.headers)) is not None:  # it matched once, and a match binds (law 1)
            return [only] if only in self._by_topic.get(record.topic, ()) else []
        matching = self._matching.get(record.topic)
        return matching.match(event) if matching else []

    def digest(self, trigger: NamespacedName) -> str:
        """The digest of the filter that decides for a Trigger of the Plan."""
        return digest(self.plan.triggers[trigger].filter, max_data_bytes=self._max_data_bytes)

    def _failed(self, trigger: NamespacedName, error: str) -> None:
        """Told of the first, the tenth, the hundredth: an event may well be none that the filter is meant for."""
        counts = self._workers[trigger].counts
        counts.filter_failures += 1
        if str(times := counts.filter_failures).strip("0") == "1":
            log.warning("filter failed, which is no match", trigger=trigger, times=times, error=error)

    def worker(self, name: NamespacedName) -> Worker:
        """The Worker of a Trigger of the Plan."""
        return self._workers[name]

    def find(self, name: NamespacedName) -> Worker | None:
        """The Worker of a Trigger, if the Plan has it."""
        return self._workers.get(name)

    def workers(self, partition: OwnedPartition) -> Iterator[tuple[NamespacedName, Worker]]:
        """The Triggers that are served on a partition."""
        return ((name, self._workers[name]) for name in self.triggers(partition.topic) if name in self._workers)

    def all_workers(self) -> Iterable[Worker]:
        """Every Worker."""
        return tuple(self._workers.values())

    def anyone_at_ease(self, *, besides: Collection[Worker]) -> bool:
        """Whether some other Trigger that the shared reader serves could do with more to deliver."""
        return any(
            worker not in besides
            and worker.at_ease
            and any(partition.serves(name) for partition in self._owned.values())
            for name, worker in self._workers.items()
        )

    def hire(self, worker: Worker) -> None:
        """A Trigger has a Worker from now on."""
        self._workers[worker.plan.name] = worker
        worker.share(*self._share(worker.plan.topic))

    def dismiss(self, name: NamespacedName, *, now: float) -> Worker | None:
        """A Trigger has none any more."""
        self._gone = {name: at for name, at in self._gone.items() if not expired(at, now=now)} | {name: now}
        return self._workers.pop(name, None)

    def gone(self, name: NamespacedName) -> float:
        """When a Trigger of this name was last seen to be gone, in wall-clock seconds; 0 where that is long ago."""
        return self._gone.get(name, 0.0)

    def partitions(self) -> tuple[OwnedPartition, ...]:
        """What this process owns."""
        return tuple(self._owned.values())

    def owned(self, partition: tuple[str, int]) -> OwnedPartition | None:
        """The state of a partition, by topic and number, if it is ours."""
        return self._owned.get(partition)

    def holds(self, partition: OwnedPartition) -> bool:
        """Whether this very state is in charge of its partition still."""
        return self._owned.get(place(partition)) is partition

    def take(self, partition: OwnedPartition) -> None:
        """A partition is ours."""
        self._owned[place(partition)] = partition
        self._partitions[partition.topic] = partition.ground.partitions
        self._share_out(partition.topic)

    def give(self, partition: TopicPartition) -> OwnedPartition | None:
        """A partition is ours no longer."""
        owned = self._owned.pop(partition, None)
        self._share_out(partition.topic)
        return owned

    def counted(self, partitions: Mapping[str, int]) -> None:
        """Each of these topics has so many partitions now."""
        for topic, number in partitions.items():
            if number != self._partitions.get(topic):
                self._partitions[topic] = number
                self._share_out(topic)

    def _share_out(self, topic: str) -> None:
        share = self._share(topic)
        for name in self.triggers(topic):
            self._workers[name].share(*share)

    def _share(self, topic: str) -> tuple[int, int]:
        """How many of a topic's partitions are ours, and how many there are."""
        return sum(owned.topic == topic for owned in self._owned.values()), self._partitions.get(topic, 0)


def place(partition: OwnedPartition) -> TopicPartition:
    """A partition by its topic's name."""
    return TopicPartition(partition.topic, partition.identity.partition)
