"""What `tradewind up` tells: where Brokers and webhooks listen, which other sources there are, a curl line that works,
what changed or is not there.  Pure."""

import shlex
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote

from tradewind.config import Settings, ingress_base, sources_base
from tradewind.filters.compiling import compiled
from tradewind.filters.sample import sample
from tradewind.filters.tree import by_attributes
from tradewind.plan import BrokerPlan, Plan, SourcePlan, TriggerPlan
from tradewind.resources.model import ContainerSource, WebhookSource
from tradewind.resources.names import webhook_path

EXAMPLE = {"specversion": "1.0", "id": "hello-1", "source": "/curl", "type": "com.example.hello"}
SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stands for itself in a header (CloudEvents HTTP binding §3.1.3.2)."""

MOST_SOURCES = 10
"""Sources of one kind that are told one by one: they fit on a screen together with everything else."""


def broker_lines(plan: Plan, settings: Settings) -> list[str]:
    """Each Broker with its URL."""
    return [f"Broker {name} listens on {ingress_base(settings)}/{name}" for name in sorted(plan.brokers)]


def takes_webhooks(plan: Plan) -> bool:
    """Whether a source of this Plan needs the port of the sources."""
    return any(isinstance(source.source, WebhookSource) for source in plan.sources.values())


def source_lines(plan: Plan, settings: Settings) -> list[str]:
    """Each source: with the URL where it takes webhooks, or with where its events go.  Many of a kind are counted."""
    told: Counter[str] = Counter()
    lines: dict[str, list[str]] = {}
    for (kind, name), source in sorted(plan.sources.items()):
        told[kind] += 1
        if told[kind] <= MOST_SOURCES:
            lines.setdefault(kind, []).append(f"{kind} {name} {_does(source, settings)}")
    for kind in lines:
        if (more := told[kind] - MOST_SOURCES) > 0:
            lines[kind].append(f"{kind}: {more} more; `tradewind get sources` lists them all")
    return [line for kind in lines for line in lines[kind]]


def _does(source: SourcePlan, settings: Settings) -> str:
    if isinstance(source.source, WebhookSource):
        return f"listens on {sources_base(settings)}{webhook_path(source.source.metadata.name)}"
    sends = "is to send" if isinstance(source.source, ContainerSource) else "sends"  # by itself, if it may run at all
    if source.broker is not None:
        return f"{sends} to Broker {source.broker}"
    return f"{sends} to {source.sink.url}" if source.sink.url else "knows no address for its events"


def added_lines(old: Plan, new: Plan, settings: Settings) -> list[str]:
    """Where what came to the manifests listens, or sends to."""
    known = {*broker_lines(old, settings), *source_lines(old, settings)}
    return [line for line in (*broker_lines(new, settings), *source_lines(new, settings)) if line not in known]


def curl(plan: Plan, settings: Settings) -> str | None:
    """One line that POSTs an event which passes a Trigger's filter; None where there is nothing to POST to."""
    served = [trigger for _, trigger in sorted(plan.triggers.items()) if trigger.broker in plan.brokers]
    served.sort(key=lambda trigger: (trigger.subscriber.url is None, not _passes(trigger)))
    broker = served[0].broker if served else next(iter(sorted(plan.brokers)), None)
    if broker is None:
        return None
    attributes = passing(served[0]) if served else dict(EXAMPLE)
    content_type = attributes.pop("datacontenttype", "application/json")
    headers = [f"ce-{name}: {quote(value, safe=SAFE)}" for name, value in attributes.items()]
    data = '{"message":"hello"}' if "json" in content_type else "hello"
    words = [word for header in [*headers, f"content-type: {content_type}"] for word in ("-H", header)]
    return shlex.join(["curl", "-i", f"{ingress_base(settings)}/{broker}", *words, "-d", data])


def _passes(trigger: TriggerPlan) -> bool:
    """Whether the sample passes, as far as its attributes say."""
    return compiled(by_attributes(trigger.filter))(passing(trigger))


def passing(trigger: TriggerPlan) -> dict[str, str]:
    """Attributes of an event that passes the Trigger's filter, where that says plainly what it wants."""
    wanted = sample(trigger.filter)
    return {**EXAMPLE, **{name: value or EXAMPLE.get(name, "any") for name, value in wanted.items()}}


def nothing_answers(why: Mapping[str, str]) -> str:
    """That no Kafka is at any of the addresses, each with its reason: a slip in --kafka, or a Kafka yet to start."""
    places = ", ".join(f"{address} ({reason})" for address, reason in why.items())
    return f"nothing answers at {places}; check --kafka.  Waiting for it."


def commands_held(plan: Plan) -> str:
    """That there are sources whose commands may not be run, and what would allow it; empty where there are none."""
    sources = sorted(plan.sources.items())
    held = [f"{kind} {name}" for (kind, name), one in sources if isinstance(one.source, ContainerSource)]
    if not held:
        return ""
    does = "does not run: its command is" if len(held) == 1 else "do not run: their commands are"
    return f"{', '.join(held)} {does} started only by `tradewind up --allow-commands`"


def changed(old: Plan, new: Plan) -> str:
    """What differs, in one line; empty where nothing does."""
    before, now = _things(old), _things(new)
    words = []
    for name in sorted(before.keys() | now.keys()):
        if name not in before:
            words.append(f"{name} added")
        elif name not in now:
            words.append(f"{name} removed")
        elif before[name] != now[name]:
            words.append(f"{name} changed")
    return ", ".join(words)


def _things(plan: Plan) -> dict[str, BrokerPlan | TriggerPlan | SourcePlan]:
    """Everything that runs, by its kind and name."""
    return {
        **{f"Broker {name}": broker for name, broker in plan.brokers.items()},
        **{f"Trigger {name}": trigger for name, trigger in plan.triggers.items()},
        **{f"{kind} {name}": source for (kind, name), source in plan.sources.items()},
    }
