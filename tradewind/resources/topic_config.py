"""What a Broker's ConfigMap says of its topic (knative-eventing §1.6, kafka-broker-config)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import topic_settings

PARTITIONS = "default.topic.partitions"
REPLICATION = "default.topic.replication.factor"
CONFIG = "default.topic.config."

MAX_PARTITIONS = 10_000
MAX_REPLICATION = 32767


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic as a ConfigMap asks for it; None where it does not say."""

    partitions: int | None = None
    replication: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    """Kafka's own names."""


def read(data: Mapping[str, str], path: str) -> tuple[TopicConfig, list[Fault]]:
    """What is said, and what is said wrongly (which then counts as not said).  Other keys are others' business."""
    faults: list[Fault] = []

    def number(key: str, most: int) -> int | None:
        text = data.get(key, "").strip()
        if not text:
            return None
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most:
            return int(text)
        faults.append(Fault(f"{path}data.{key}", shown(text), f"a whole number from 1 to {most}"))
        return None

    partitions, replication = number(PARTITIONS, MAX_PARTITIONS), number(REPLICATION, MAX_REPLICATION)
    settings: dict[str, str] = {}
    for key, text in data.items():
        name = key.removeprefix(CONFIG)
        if name == key or (topic_settings.known(name) and not text.strip()):
            continue
        if expected := topic_settings.expected(name, text):
            faults.append(Fault(f"{path}data.{key}", shown(text), expected))
        else:
            settings[name] = text
    return TopicConfig(partitions, replication, settings), faults
