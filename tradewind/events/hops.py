"""Hops: an event says how many Brokers it may still pass, and one that may pass none is refused (Knative)."""

from collections.abc import Sequence

from tradewind.errors import Fault
from tradewind.events.attributes import Rules
from tradewind.events.model import HOPS, Event, hops_left

_CLAUSE = "Knative, knativebrokerttl"


def _wanting(count: str) -> str | None:
    """A count that is no integer is none, so that the default holds (Knative)."""
    left = hops_left(count)
    return None if left is None or left > 0 else "an integer above 0: hops that are left"


RULE: Rules = {HOPS: (_wanting, _CLAUSE)}
"""What is asked of the count."""


def spent(faults: Sequence[Fault]) -> bool:
    """Whether nothing else is wrong with an event, or with several: no other rule of ours names this clause."""
    return all(fault.rule == _CLAUSE for fault in faults)


def counting(event: Event) -> Event:
    """The event without a count that is no integer, so that the default holds (Knative)."""
    count = event.attributes.get(HOPS)
    return event if count is None or hops_left(count) is not None else event.with_attributes(**{HOPS: None})
