"""Every metric of Tradewind, named here and nowhere else, and their text form for `GET /metrics`.

    objects that count in plain numbers ──► a process's readings, when somebody asks ──► exposition

Nothing is told to Prometheus' client per event: what an event costs is an addition or two where it passes anyway.
Where Knative's data plane has a like metric (`event_count`, `event_dispatch_latencies`), the labels have its names.
What is not there has no series: neither a Trigger that is gone, nor the sink of one that has none.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from tradewind.observe.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text form, as every Prometheus reads it."""

TURN = 50
"""Things of which readings are taken in one turn of the loop: a scrape of thousands of Triggers must delay no event."""


class Kind(StrEnum):
    """What may be done with a metric's numbers."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """A metric by its name; a counter only grows while its process runs, and begins anew with the next."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


class Reading(NamedTuple):
    """What a metric is now, with the values of its labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Histogram


Page = Callable[[], Awaitable[bytes]]
"""A process's metrics as they are now, in text form."""

BROKER = ("namespace_name", "broker_name")
TRIGGER = (*BROKER, "trigger_name")
TARGET = (*TRIGGER, "target")
"""`target` is `subscriber`, or `sink`: the dead-letter sink."""
SOURCE = ("namespace_name", "resource_group", "name")

_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

# --- ingress

INGRESS_EVENTS = Metric(
    "tradewind_ingress_events_total", _COUNTER, BROKER, "Events that are stored in Kafka: answered with 202."
)
INGRESS_BYTES = Metric("tradewind_ingress_event_bytes_total", _COUNTER, BROKER, "Bytes of their records' values.")
INGRESS_STORING = Metric(
    "tradewind_ingress_store_latency_seconds",
    _HISTOGRAM,
    BROKER,
    "From a request that is let in to Kafka's acknowledgement of the last of its events.",
)
INGRESS_REFUSED = Metric(
    "tradewind_ingress_refused_total",
    _COUNTER,
    ("response_code", "response_code_class"),
    "Requests that were answered with something else than success.",
)
INGRESS_HELD = Metric(
    "tradewind_ingress_held_bytes", _GAUGE, (), "Bytes of requests that are still coming, or wait for Kafka."
)
INGRESS_ROOM = Metric(
    "tradewind_ingress_room_bytes", _GAUGE, (), "Bytes that may be held (--queue-bytes); what is more is refused."
)
INGRESS_WAITING = Metric(
    "tradewind_ingress_brokers_waiting", _GAUGE, (), "Brokers that take no events, as their topics are not there."
)

# --- dispatcher: what is read

READ = Metric("tradewind_broker_records_total", _COUNTER, BROKER, "Records read from a Broker's topic, each once.")
NO_EVENTS = Metric(
    "tradewind_broker_no_events_total", _COUNTER, BROKER, "Of these: no CloudEvents, kept in the dead-letter topic."
)
TYPES_LEFT_OUT = Metric(
    "tradewind_broker_types_left_out_total",
    _COUNTER,
    BROKER,
    "Events whose type and source are not noted for EventTypes: there are too many of them, or they are too long.",
)
MATCHED = Metric(
    "tradewind_trigger_matched_total",
    _COUNTER,
    TRIGGER,
    "Events that a Trigger's filter took; of all that were read the others are filtered out.",
)
FILTER_FAILURES = Metric(
    "tradewind_trigger_filter_failures_total",
    _COUNTER,
    TRIGGER,
    "Times a filter that looks at data met an error, which is no match.",
)
BACKLOG = Metric(
    "tradewind_trigger_backlog", _GAUGE, TRIGGER, "Records of its topic that a Trigger has not looked at yet (lag)."
)

# --- dispatcher: what is delivered

DELIVERIES = Metric(
    "tradewind_trigger_deliveries_total",
    _COUNTER,
    (*TARGET, "response_code_class"),
    "Attempts by what was answered: 2xx, …; `none` where no answer came.",
)
LATENCY = Metric(
    "tradewind_trigger_delivery_latency_seconds", _HISTOGRAM, TARGET, "From an attempt's beginning to its end."
)
REPLIES = Metric(
    "tradewind_trigger_replies_total",
    _COUNTER,
    (*TRIGGER, "outcome"),
    "Answers 200 and 201: `stored` in the Broker, `acknowledged` (no event in it), `invalid` (meant as one, and none), "
    "`dead_letter` (too many hops, too large, refused).",
)
RETRIES = Metric("tradewind_trigger_retries_total", _COUNTER, TRIGGER, "Attempts that failed and will be repeated.")
DEAD_LETTERS = Metric(
    "tradewind_trigger_dead_letters_total",
    _COUNTER,
    (*TRIGGER, "reason"),
    "Events that went to the dead-letter topic, and why: as `tradewind dead-letters list` says.",
)

# --- dispatcher: how a Trigger stands

OWED = Metric("tradewind_trigger_owed", _GAUGE, TRIGGER, "Events that matched and are not settled.")
WAITING = Metric("tradewind_trigger_retries_waiting", _GAUGE, TRIGGER, "Of these: that wait for a retry.")
IN_FLIGHT = Metric("tradewind_trigger_in_flight", _GAUGE, TARGET, "Deliveries that run.")
WIDTH = Metric("tradewind_trigger_width", _GAUGE, TARGET, "Deliveries that may run at once, as the target takes them.")
CIRCUIT = Metric(
    "tradewind_trigger_circuit_open", _GAUGE, TARGET, "1 while only single events ask whether the target is well again."
)
BLOCKED = Metric(
    "tradewind_trigger_blocked_partitions",
    _GAUGE,
    TRIGGER,
    "Partitions on which so many events are behind a key that waits for a retry that nothing more is taken.",
)
PAUSED = Metric("tradewind_trigger_paused", _GAUGE, TRIGGER, "1 while `tradewind pause` holds it.")
HELD = Metric("tradewind_trigger_held_bytes", _GAUGE, TRIGGER, "Bytes of its events that the dispatcher holds.")

# --- dispatcher: the process

BUDGET_HELD = Metric("tradewind_dispatcher_held_bytes", _GAUGE, (), "Bytes of events that count against the budget.")
BUDGET = Metric("tradewind_dispatcher_budget_bytes", _GAUGE, (), "The budget (--dispatch-bytes).")
PARTITIONS = Metric("tradewind_dispatcher_partitions", _GAUGE, (), "Partitions that this dispatcher owns.")
REJOINED = Metric(
    "tradewind_dispatcher_rejoined_total", _COUNTER, (), "Times it was stopped or asleep, and joined its group anew."
)
FENCED = Metric(
    "tradewind_dispatcher_fenced_total", _COUNTER, (), "Times Kafka went on without it, and it joined anew."
)
CURSOR_FAILURES = Metric(
    "tradewind_dispatcher_cursor_failures_total", _COUNTER, (), "Rounds of cursors that were not all stored at once."
)
ALARMS = Metric(
    "tradewind_alarms_total",
    _COUNTER,
    (*TRIGGER, "alarm"),
    "What the log did that costs or repeats events, in the words of logs and status; no trigger_name: all of a Broker.",
)
GONE = Metric(
    "tradewind_alarms_gone_total",
    _COUNTER,
    (*TRIGGER, "alarm"),
    "Offsets that were passed over by these, at most so many of them events.",
)

# --- sources

EMITTED = Metric("tradewind_source_events_total", _COUNTER, SOURCE, "Events of a source that its sink took.")
SOURCE_DEAD_LETTERS = Metric(
    "tradewind_source_dead_letters_total",
    _COUNTER,
    SOURCE,
    "What went to the dead letters: events that its sink never took, and input that is no event.",
)
SOURCE_CONNECTED = Metric(
    "tradewind_source_connected", _GAUGE, SOURCE, "1 while a source that runs here gets what there is for it."
)
SOURCE_ALARMS = Metric(
    "tradewind_source_alarms_total",
    _COUNTER,
    SOURCE,
    "Times a source found that something was lost before it came: its position in a topic, or instants of its "
    "schedule that are passed over.",
)
SOURCE_IN_FLIGHT = Metric("tradewind_source_in_flight", _GAUGE, SOURCE, "Events on their way to the sink.")
SOURCE_HELD = Metric("tradewind_source_held_bytes", _GAUGE, SOURCE, "Bytes of these.")
SOURCE_RETRIES = Metric("tradewind_source_retries_total", _COUNTER, SOURCE, "Attempts that failed and were repeated.")
SOURCE_FAILURES = Metric("tradewind_source_failures_total", _COUNTER, SOURCE, "Times a source failed, and began anew.")
WEBHOOK_REFUSED = Metric(
    "tradewind_webhook_refused_total",
    _COUNTER,
    (*SOURCE, "response_code"),
    "Requests of a WebhookSource that were answered with something else than success.",
)
WEBHOOK_LOST = Metric(
    "tradewind_webhook_lost_total",
    _COUNTER,
    SOURCE,
    "Of these: of senders that never try again (GitHub, GitLab, Docker Hub).  To raise an alarm on.",
)
WEBHOOK_CONNECTIONS = Metric("tradewind_webhook_connections", _GAUGE, (), "Connections to the port of webhooks.")
WEBHOOK_TURNED_AWAY = Metric(
    "tradewind_webhook_connections_refused_total",
    _COUNTER,
    (),
    "Connections that were answered with 503 as they came, whatever their source: there were as many as are taken.",
)
SOURCES_PARTITIONS = Metric(
    "tradewind_sources_partitions", _GAUGE, (), "Partitions that this process owns: it runs the sources that lie there."
)
SOURCES_REJOINED = Metric(
    "tradewind_sources_rejoined_total", _COUNTER, (), "Times it was stopped or asleep, and joined its group anew."
)
SOURCES_FENCED = Metric(
    "tradewind_sources_fenced_total", _COUNTER, (), "Times Kafka went on without it, and it joined anew."
)

# --- controller

CONTROLLER_RECONCILES = Metric(
    "tradewind_controller_reconciles_total",
    _COUNTER,
    ("resource", "outcome"),
    "Objects that were looked at: `done`; `conflict` (another wrote it meanwhile), `unavailable` (API server or Kafka "
    "away) and `error` are tried again.",
)
CONTROLLER_QUEUE = Metric("tradewind_controller_queue_depth", _GAUGE, (), "Objects that wait to be reconciled.")
CONTROLLER_API_WRITES = Metric(
    "tradewind_controller_api_writes_total",
    _COUNTER,
    ("resource", "verb"),
    "Calls that write to the API server; none, where nothing changes.",
)
CONTROLLER_LEADING = Metric(
    "tradewind_controller_leading", _GAUGE, (), "1 while this controller is the one that works."
)
CONTROLLER_TYPES_LEFT_OUT = Metric(
    "tradewind_controller_event_types_left_out",
    _GAUGE,
    BROKER,
    "Types of events that flow and get no EventType, as the Broker has as many as are made.",
)
CONTROLLER_ORPHANS = Metric(
    "tradewind_controller_orphaned_topics_total",
    _COUNTER,
    BROKER,
    "Topics of deleted Brokers that could not be deleted: `tradewind get orphans` names them.",
)

# --- webhook

REVIEWS = Metric(
    "tradewind_webhook_reviews_total",
    _COUNTER,
    ("kind", "outcome"),
    "What was said to an object that somebody wants stored: `allowed`, `patched`, `refused`, `failed` (let pass, since "
    "the webhook met a fault of its own).",
)
CERTIFICATE = Metric(
    "tradewind_webhook_certificate_days", _GAUGE, (), "Days until the certificate that is served ends."
)

METRICS: tuple[Metric, ...] = tuple(each for each in globals().copy().values() if isinstance(each, Metric))
"""All of them, in the order of this page."""


def response_code_class(status: int) -> str:
    """`2xx`, …, as Knative has it; `none` for 0: there was no answer."""
    return f"{status // 100}xx" if status else "none"


async def page(readings: AsyncIterator[Reading]) -> bytes:
    """The text form of these readings; written in a thread, since for thousands of Triggers it takes a while."""
    return await asyncio.to_thread(exposition, [each async for each in readings])


def exposition(readings: Iterable[Reading]) -> bytes:
    """The text form, with what Python and the system say of this process."""
    from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import Metric as Family

    found: dict[Metric, Family] = {}
    for metric, values, value in readings:
        family = found.get(metric)
        if family is None:
            family = found[metric] = Family(metric.name.removesuffix("_total"), metric.help, metric.kind)
        labels = dict(zip(metric.labels, values, strict=True))
        if isinstance(value, Histogram):
            summed = value.summed()
            for bound, count in summed:
                said = "+Inf" if bound == math.inf else str(bound)
                family.add_sample(f"{metric.name}_bucket", {**labels, "le": said}, count)
            family.add_sample(f"{metric.name}_count", labels, summed[-1][1])
            family.add_sample(f"{metric.name}_sum", labels, value.sum)
        else:
            family.add_sample(metric.name, labels, value)

    class Found:
        def collect(self) -> Iterable[Family]:
            return found.values()

    registry = CollectorRegistry()
    registry.register(Found())
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)
