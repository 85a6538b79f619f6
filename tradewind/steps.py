"""From one Plan to the next: what ends, what begins, what goes on changed.

diff(old, new) ──► Start | Stop | Adjust, for each thing that differs
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.plan import BrokerPlan, Plan, Planned, TriggerPlan


@dataclass(frozen=True, slots=True)
class Start:
    """Something that did not run."""

    new: Planned


@dataclass(frozen=True, slots=True)
class Stop:
    """Something that is to run no longer."""

    old: Planned


@dataclass(frozen=True, slots=True)
class Adjust:
    """Something that goes on, changed: no rebalance, no gap."""

    old: Planned
    new: Planned


Step = Start | Stop | Adjust


def diff(old: Plan, new: Plan) -> tuple[Step, ...]:
    """What to do where `old` runs and `new` shall: what ends first, from the sources on; what begins, Brokers first."""
    pairs: tuple[tuple[Mapping[Any, Planned], Mapping[Any, Planned]], ...] = (
        (old.brokers, new.brokers),
        (old.triggers, new.triggers),
        (old.sources, new.sources),
    )
    stops: list[Step] = []
    starts: list[Step] = []
    for before, after in reversed(pairs):
        stops += [Stop(held) for name, held in before.items() if name not in after or _another(held, after[name])]
    for before, after in pairs:
        for name, held in after.items():
            if name not in before or _another(before[name], held):
                starts.append(Start(held))
            elif before[name] != held:
                starts.append(Adjust(before[name], held))
    return (*stops, *starts)


def _another(old: Planned, new: Planned) -> bool:
    """Whether it has only the name in common: its events, its order or its Kubernetes object are others."""
    match old, new:
        case BrokerPlan(), BrokerPlan():
            return old.topic.name != new.topic.name
        case TriggerPlan(), TriggerPlan():
            return old.identity != new.identity
        case _:
            return False
