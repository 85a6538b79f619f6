"""Where Knative's own dispatcher left Triggers that are new here: that is migration (DESIGN §5)."""

from collections.abc import Collection, Mapping

from tradewind.plan import TriggerPlan
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.edges import Edges
from tradewind.trigger_dispatcher.ownership import Ground


class Migrated:
    """Their groups' offsets, asked for once for each Trigger; what `Mirror` wrote there is none of theirs."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._known: dict[NamespacedName, Mapping[TopicPartition, int]] = {}
        self._groups: Collection[str] | None = None
        """Those that are there: most Triggers have none, and to ask for each of thousands takes minutes."""

    async def of(self, trigger: TriggerPlan, ground: Ground) -> Mapping[TopicPartition, int]:
        """The offsets of a Trigger's group on the topic that this ground is of."""
        if self._groups is None:
            self._groups = await self._edges.patiently(self._edges.log.groups, what="the groups")
        if trigger.group not in self._groups:
            return {}
        if trigger.name not in self._known:
            partitions = [TopicPartition(ground.topic, number) for number in range(ground.partitions)]
            self._known[trigger.name] = await self._edges.patiently(
                lambda: self._edges.log.group_offsets(trigger.group, partitions, mirrored=False), what="group offsets"
            )
        return self._known[trigger.name]
