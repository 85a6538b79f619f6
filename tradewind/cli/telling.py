"""Why a Trigger got an event or not, in sentences.  Pure.

The filter as it is now is given as the reason only where it is the one that decided, or will.
"""

from collections.abc import Iterator

from tradewind.cli.tables import age
from tradewind.filters.tree import sees_data
from tradewind.plan import TriggerPlan
from tradewind.trigger_dispatcher.cursors import PauseRecord
from tradewind.trigger_dispatcher.fate import Fate, What


def sentences(trigger: TriggerPlan, fate: Fate, offset: int, paused: PauseRecord | None, now: float) -> Iterator[str]:
    """What became of a stored event, what else holds the Trigger, and what the filter as it is has to do with it."""
    yield became(fate, offset, now)
    if paused is not None and fate.what in (What.BEHIND, What.OWED, What.WAITING, What.UNSERVED):
        why = f": {paused.why}" if paused.why else ""
        yield f"the Trigger is paused, since {age(now - paused.since)}, by {paused.who}{why}"
    if trigger.subscriber.url is None:
        yield f"its subscriber has no address ({trigger.subscriber.why})"
    yield from _whose_filter(trigger, fate)


def became(fate: Fate, offset: int, now: float) -> str:
    """What became of it."""
    match fate.what:
        case What.ADDRESSED:
            return f"not for it: the event was redriven for {fate.to} alone"
        case What.UNSERVED:
            return "no dispatcher has given the Trigger a place on this partition yet"
        case What.OWED:
            return "owed: it matched, and its delivery runs or waits for its turn"
        case What.WAITING:
            return f"owed: it matched, and {_waits(fate, now)}"
        case What.DEAD:
            return "a dead letter: it matched and was not accepted; `tradewind dead-letters show` says why"
        case What.REDRIVEN:
            return "it matched, became a dead letter and was redriven"
        case What.DISCARDED:
            return "it matched, became a dead letter and was discarded"
        case What.BEFORE:
            return f"before the Trigger's start on this partition, at offset {fate.first}: it was never its own"
        case What.BEHIND:
            return (
                f"not looked at yet: the Trigger stands {offset - fate.next} offsets before it"
                if offset > fate.next
                else "not looked at yet: it is the next"
            )
        case What.SETTLED:
            return "settled: it matched, and the subscriber or the dead-letter sink accepted it"
        case What.FILTERED:
            return "filtered out"
        case _:
            return (
                "settled, or filtered out by the filter that the Trigger had then; which of them is not known any more"
            )


def _waits(fate: Fate, now: float) -> str:
    owed = fate.owed
    assert owed is not None  # it waits
    failed, last = owed.journey.attempts, owed.journey.failure
    why = f"; {last.dest} said: {last.reason}" if last else ""
    return f"waits for a retry, due in {age(owed.due - now)}, after {failed} failed{why}"


def _whose_filter(trigger: TriggerPlan, fate: Fate) -> Iterator[str]:
    """What the filter as it is now has to do with it."""
    data = sees_data(trigger.filter)
    if fate.to is not None:
        yield "no filter was asked: the event was redriven, and a match binds"
    elif fate.decided and not fate.by_this:
        another = "another filter, or --max-data-bytes," if data else "another filter"
        yield f"the Trigger had {another} then: what follows is the one it has now, which is no reason for that"
    elif fate.next >= 0 and not fate.in_force:
        this = "filter of these manifests and this --max-data-bytes" if data else "filter of these manifests"
        yield f"the dispatchers do not decide by the {this} (yet), which is what follows"
