"""Tells of what the log did, or is about to do, that costs or repeats events."""

from collections.abc import Iterable

from tradewind.trigger_dispatcher.edges import log
from tradewind.trigger_dispatcher.ownership import Alarm, OwnedPartition


def tell(partition: OwnedPartition, alarms: Iterable[Alarm]) -> None:
    """An error in the log for each, and within a second a count and a line in the Trigger's status (`reporter`).

    `gone` counts the records that were passed over, at the most (holes are none).
    """
    for alarm in alarms:
        partition.alarms.append(alarm)
        log.error(
            alarm.what,
            topic=partition.topic,
            partition=partition.identity.partition,
            trigger=alarm.trigger or "the shared reader",
            was=alarm.was,
            now=alarm.now,
            gone=alarm.gone,
        )
