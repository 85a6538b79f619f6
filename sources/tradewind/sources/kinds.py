"""The kinds of sources that there are, and what each needs beyond what every source is given (`emission.Given`).

A new kind: a member of `resources.model.AnySource`, a package beside this module, a case in `Kinds.make`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tradewind.plan import SourcePlan
from tradewind.resources.model import ContainerSource, KafkaSource, PingSource, PluginSource, WebhookSource
from tradewind.sources.container import run as container
from tradewind.sources.container.program import Commands
from tradewind.sources.emission import Emissions, Given
from tradewind.sources.kafka import run as kafka
from tradewind.sources.kafka.run import Doors as KafkaDoors
from tradewind.sources.ping import run as ping
from tradewind.sources.plugin import Run
from tradewind.sources.webhook import run as webhook
from tradewind.sources.webhook.port import Port


class Maker(Protocol):
    """Makes sources of any kind."""

    def make(self, source: SourcePlan, given: Given) -> Emissions:
        """The generator of a source.  What it raises counts as its failure."""

    def declared(self, sources: Collection[SourcePlan]) -> None:
        """Told of all sources of a Plan, before any of them is made, changed or ended."""

    def everywhere(self, source: SourcePlan) -> bool:
        """Whether it runs in every sources process, and not in the one that owns it: its origin shares out by itself
        what each gets, as whoever calls a port does.  It has no positions then."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """All that there are.  A field is a door that a kind needs; who builds the process gives it."""

    port: Port | None = None
    """Where the requests of WebhookSources come in; None where nothing listens."""
    kafka: KafkaDoors | None = None
    """What a KafkaSource reads, and where it notes that its group has begun."""
    plugins: Mapping[str, Run] = field(default_factory=dict)
    """How the kinds run that other packages bring."""
    commands: Commands | None = None
    """By which the commands of ContainerSources are run; None where none may be."""

    def make(self, source: SourcePlan, given: Given) -> Emissions:
        """See Maker.make."""
        match source.source:
            case PingSource():
                return ping.run(source.source, given)
            case KafkaSource():
                assert self.kafka is not None, "no Kafka to read here"
                return kafka.run(source, given, self.kafka)
            case WebhookSource():
                assert self.port is not None, "nothing listens for webhooks here"
                return webhook.run(source, source.source, given, self.port)
            case PluginSource(kind=kind):
                return self.plugins[kind](source.source, given)
            case ContainerSource():
                return container.run(source, source.source, given, self.commands)

    def declared(self, sources: Collection[SourcePlan]) -> None:
        """See Maker.declared."""
        if self.port is not None:
            named = [one.source.metadata.name for one in sources if isinstance(one.source, WebhookSource)]
            self.port.declared = frozenset(named)

    def everywhere(self, source: SourcePlan) -> bool:
        """See Maker.everywhere."""
        return isinstance(source.source, KafkaSource | WebhookSource)
