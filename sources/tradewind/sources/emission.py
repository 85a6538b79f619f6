"""What every source gives: events, each with the acknowledgement that its origin waits for.

A source is an asynchronous generator of these.  It is asked for the next one only when the last one's event is stored
and its acknowledgement has ended; closing it (`aclose`) lets go of everything.  It may fail at any time: whoever hosts
it makes it again, and what was not acknowledged comes again.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from tradewind.events.model import Event

Ack = Callable[[], Awaitable[None]]
"""Tells the origin that the event is stored, once it is."""


class Emission(NamedTuple):
    """One event of a source."""

    event: Event
    ack: Ack


Emissions = AsyncGenerator[Emission, None]


async def nobody_waits() -> None:
    """The acknowledgement of an event whose origin does not wait for one."""
