"""States of the cursors topic, written down in short: what tests of who reads them share."""

from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.ownership import Ground
from tradewind.trigger_dispatcher.view import View

A, B = NamespacedName("default", "a"), NamespacedName("default", "b")
HERE, OTHER = c.PartitionId("id", 1), c.PartitionId("id", 0)
NOW = 1_000_000.0
AT_8 = "1970-01-01T00:00:08.000000Z"
"""The eighth second, as an annotation says where a Trigger starts."""


def ground(*, external: bool = False, start: int = 0, end: int = 100, partitions: int = 3) -> Ground:
    return Ground(HERE, "topic", partitions, Bounds(start, end), external=external)


def cursor(next_offset: int, **changes: object) -> c.CursorRecord:
    fields = {"owner": "old", "topic": "topic", "partitions": 3, **changes}
    return c.CursorRecord(next_offset, **fields)  # type: ignore[arg-type]


def view(*records: tuple[bytes, c.Value | None]) -> View:
    made = View()
    for at, (key, value) in enumerate(records):
        made.apply(key, None if value is None else c.encode(value), at)
    return made
