"""What one request may bring: bounds, and which rules hold for the attributes of its events."""

from dataclasses import dataclass, field

from tradewind.config import Settings
from tradewind.events import hops
from tradewind.events.attributes import SPECIFIED, STRICT_URIS, Rules

MAX_HEADERS = 1000
"""Header fields of one request.  A 64 KiB event may bring hundreds of extensions; beyond this it is an attack."""

MAX_BATCH = 1000
"""Events of one batch.  Bounds what one request makes this process do at a stretch: a few milliseconds."""

UNBOUNDED = 2**31 - 1
"""Bytes that no record batch exceeds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request."""

    event_bytes: int
    """Bytes of a body, and of an event's data and attributes."""
    header_bytes: int
    headers: int = MAX_HEADERS
    batch: int = MAX_BATCH
    strict_uris: bool = False
    """Whether `source` and `dataschema` must be URIs by their syntax."""
    batch_bytes: int = UNBOUNDED
    """Of the largest record batch that the Broker's topic takes (`max.message.bytes`)."""
    asked: Rules = field(init=False)
    """What is asked of the values of an event's attributes."""
    light: int = field(init=False)
    """Bytes of a body that makes no record larger than that, whatever head comes with it: one that names the key
    twice.  What frames a record is less than a head has beside: its first line, Host, and Content-Length."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "asked", {**(STRICT_URIS if self.strict_uris else SPECIFIED), **hops.RULE})
        object.__setattr__(self, "light", self.batch_bytes - 2 * self.header_bytes)

    @staticmethod
    def of(settings: Settings) -> "Limits":
        """The limits that the settings name."""
        return Limits(
            event_bytes=settings.max_event_bytes,
            header_bytes=settings.max_header_bytes,
            strict_uris=settings.strict_uris,
        )
