"""How many partitions of `tradewind.sources` hold sources: as many as it had when sources first ran.

A source lies where its name says among so many.  With partitions that somebody adds later that would be elsewhere, and
two processes might run it, each by its own count.  So the first count is written down, and holds.
"""

from tradewind.errors import PositionGone
from tradewind.ports import NewRecord, TopicInfo, TopicPartition
from tradewind.sources.edges import Edges, log
from tradewind.sources.positions import LAYOUT_KEY, LayoutRecord, encode, layout

GENERAL = 0
"""The partition in which it is written down."""

BATCH = 1000
WAIT = 0.5


async def settled(edges: Edges, topic: TopicInfo) -> TopicInfo:
    """The topic with as many partitions as count."""
    found = await edges.patiently(lambda: _read(edges, topic.name), what="the layout of the sources' topic")
    if found is None:
        value = encode(LayoutRecord(topic.partitions))
        await edges.stored(NewRecord(topic.name, value, (), LAYOUT_KEY, GENERAL))
        found = topic.partitions
    if found != topic.partitions:
        log.warning("partitions were added to the sources' topic, and hold no sources", topic=topic.name, hold=found)
    return TopicInfo(topic.name, topic.id, found, topic.leaderless)


async def _read(edges: Edges, topic: str) -> int | None:
    here, found = TopicPartition(topic, GENERAL), None
    bounds = (await edges.log.bounds([here]))[here]
    reader = edges.log.reader()
    try:
        await reader.assign({here: bounds.start})
        while reader.position(here) < bounds.end:
            for record in await reader.take(BATCH, WAIT):
                if record.key == LAYOUT_KEY:
                    found = layout(record.value)
    except PositionGone:  # it was made again meanwhile
        return await _read(edges, topic)
    finally:
        await reader.close()
    return found
