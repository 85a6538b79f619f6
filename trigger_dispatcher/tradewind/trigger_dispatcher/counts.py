"""What happened, in plain numbers that only grow: added to where an event passes, read when somebody asks (metrics)."""

from collections import Counter, defaultdict
from collections.abc import Collection

from tradewind.delivery.verdicts import Answer, Outcome
from tradewind.observe.histogram import Histogram
from tradewind.resources.model import NamespacedName

RETENTION = "retention"
"""Why an owed event goes to the dead letters before its way has ended, or had gone before it could."""

REPLY = "reply"
"""An answer that cannot enter its Broker is kept instead."""


class Attempts:
    """Of one Trigger towards one target."""

    __slots__ = ("latency", "statuses")

    def __init__(self) -> None:
        self.statuses: defaultdict[int, int] = defaultdict(int)
        """How many were answered with each status; 0 where no answer came."""
        self.latency = Histogram()

    def ended(self, outcome: Outcome, seconds: float) -> None:
        """One ended so, after so many seconds."""
        self.statuses[outcome.status if type(outcome) is Answer else 0] += 1
        self.latency.add(seconds)

    @property
    def any(self) -> bool:
        """Whether there were any."""
        return bool(self.statuses)


class TriggerCounts:
    """Of one Trigger, since its Worker began."""

    __slots__ = ("filter_failures", "letters", "matched", "replies", "retries", "sink", "subscriber")

    def __init__(self) -> None:
        self.matched = 0
        self.filter_failures = 0
        """How often its filter, that looks at data, met an error, which is no match."""
        self.subscriber = Attempts()
        self.sink = Attempts()
        self.retries = 0
        self.letters: defaultdict[str, int] = defaultdict(int)
        """Dead letters by their reason."""
        self.replies: defaultdict[str, int] = defaultdict(int)
        """Answers that might be events, by what became of them."""


class Counts:
    """Of a dispatcher."""

    def __init__(self) -> None:
        self.read: defaultdict[str, int] = defaultdict(int)
        """Records by topic."""
        self.no_events: defaultdict[str, int] = defaultdict(int)
        """Of these: that are no events."""
        self.rejoined = 0
        self.cursor_failures = 0
        self.alarms: Counter[tuple[str, NamespacedName | None, str]] = Counter()
        """By topic, Trigger (None: all of the topic) and what is said."""
        self.gone: Counter[tuple[str, NamespacedName | None, str]] = Counter()
        """Offsets that were passed over by these."""

    def alarm(self, topic: str, trigger: NamespacedName | None, what: str, gone: int = 0) -> None:
        """An alarm was told."""
        self.alarms[topic, trigger, what] += 1
        if gone:
            self.gone[topic, trigger, what] += gone

    def keep(self, topics: Collection[str], triggers: Collection[NamespacedName]) -> None:
        """Forget what is of other topics and Triggers: they are gone."""
        for counts in (self.alarms, self.gone):
            for topic, trigger, what in tuple(counts):
                if topic not in topics or (trigger is not None and trigger not in triggers):
                    del counts[topic, trigger, what]
        for read in (self.read, self.no_events):
            for topic in tuple(read):
                if topic not in topics:
                    del read[topic]
