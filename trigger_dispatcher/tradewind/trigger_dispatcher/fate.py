"""What became of one stored event for one Trigger, by what is on record; `explain` tells it beside the filter.

                 first             decided                     next
    ── before ────┼─── unknown ───────┼── settled · filtered ───┼── behind        owed, dead letters: anywhere

Of what lies below `next` nothing is kept but what is owed and the dead letters, so the rest was either taken by the
subscriber or filtered out.  Which of the two, the filter says where it is the one that decided: the cursor tells which
filter (its digest) decides about what lies from `decided` on.  About what lies below another decided, and the one that
is there now is no reason for anything.
"""

from dataclasses import dataclass
from enum import StrEnum

from tradewind.plan import TriggerPlan
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.view import State


class What(StrEnum):
    """What became of it."""

    ADDRESSED = "addressed to another Trigger"
    UNSERVED = "no place yet"
    OWED = "owed"
    WAITING = "waiting for a retry"
    DEAD = "dead letter"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"
    BEFORE = "before its start"
    BEHIND = "not looked at yet"
    SETTLED = "settled"
    FILTERED = "filtered out"
    UNKNOWN = "settled or filtered out"


UNDECIDED = frozenset({What.ADDRESSED, What.UNSERVED, What.BEFORE, What.BEHIND})
"""Where no filter has been asked: it will be, or never."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event for a Trigger."""

    what: What
    next: int
    """Where the Trigger stands on the event's partition; -1 where it stands nowhere."""
    first: int
    """Where it began there; -1 where that is not known."""
    in_force: bool
    """Whether the dispatchers decide by the filter that is in the manifests."""
    by_this: bool
    """Whether it is the filter as it is now that has decided about this event, or will by all that is known."""
    owed: Owed | None = None
    to: NamespacedName | None = None
    """The only Trigger that the event is for: it was redriven, and no filter is asked."""

    @property
    def decided(self) -> bool:
        """Whether some filter has decided about the event, or had before it was redriven."""
        return self.what not in UNDECIDED


def fate(
    trigger: TriggerPlan,
    offset: int,
    *,
    state: State | None,
    to: NamespacedName | None,
    letter: What | None,
    matches: bool,
    digest: str,
) -> Fate:
    """What became of the event at `offset`.

    `to` is whom its record is addressed to, `letter` what its dead letter is (DEAD, REDRIVEN, DISCARDED) where it has
    one, `matches` what the Trigger's filter says now and `digest` is that of this filter.
    """
    record = None if state is None else state.record
    this = record is not None and record.filter == digest
    decided = record is not None and this and offset >= record.decided
    owed = next((one for one in state.owed if one.offset == offset), None) if state else None
    if to is not None and to != trigger.name:
        what = What.ADDRESSED
    elif state is None or record is None:
        what = What.UNSERVED
    elif owed is not None:
        what = What.WAITING if owed.due else What.OWED
    elif letter is not None:
        what = letter
    elif offset < record.first:
        what = What.BEFORE
    elif offset >= state.next:
        what = What.BEHIND
    elif to is not None:
        what = What.SETTLED
    elif not decided:
        what = What.UNKNOWN
    else:
        what = What.SETTLED if matches else What.FILTERED
    stands, began = (-1, -1) if state is None else (state.next, state.record.first)
    return Fate(what, stands, began, this, decided, owed, to)
