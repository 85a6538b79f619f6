"""When a Trigger is in force: every dispatcher has this very state of it (`plan.TriggerPlan.generation`).

    no dispatcher is there ──► Unknown      some lack it ──► Unknown, who      all have it ──► True, for this generation

All members of the group are asked, not only those that own partitions of the topic now: partitions move without a word,
and whoever takes one over must not match by what was before.  What was once in force stays so, whoever comes, goes or
keeps silent: a member takes nothing over before it has all resources.
"""

from tradewind.control import conditions
from tradewind.control.conditions import Condition
from tradewind.plan import TriggerPlan
from tradewind.ports import InForce

READY = "SubscriptionReady"
"""Condition of a Trigger."""
UNHEARD = "DispatchersUnknown"
"""Reason: what the dispatchers have in force was not heard yet."""
NOBODY = "NoDispatcher"
"""Reason: none is there."""
NOT_YET = "NotYetInForce"
"""Reason: some have another state of it."""
AWAITED = frozenset({UNHEARD, NOBODY, NOT_YET})
"""Reasons that end with what a dispatcher says."""
SHOWN = 5
"""Dispatchers that a message names."""


def lacking(trigger: TriggerPlan, in_force: InForce) -> tuple[str, ...]:
    """The dispatchers that have another state of this Trigger, or none."""
    name = str(trigger.name)
    return tuple(member for member, has in in_force.items() if has.get(name) != trigger.generation)


def condition(trigger: TriggerPlan, in_force: InForce | None, *, before: str | None, group: str) -> Condition:
    """SubscriptionReady of this state of a Trigger.

    `before` is the generation that was in force when it was Ready last, `group` that of the dispatchers; `in_force` is
    None until they were heard.
    """
    if before == trigger.generation:
        return conditions.true(READY)
    if in_force is None:
        message = "what the dispatchers have in force is not known yet: Kafka has not told the controller"
        return conditions.unknown(READY, UNHEARD, message)
    if not in_force:
        message = f"no dispatcher is a member of the group {group}: see that the StatefulSet tradewind-dispatcher runs"
        return conditions.unknown(READY, NOBODY, message)
    without = lacking(trigger, in_force)
    if not without:
        return conditions.true(READY)
    more = f" and {len(without) - SHOWN} more" if len(without) > SHOWN else ""
    message = f"not yet in force at {', '.join(without[:SHOWN])}{more}"
    return conditions.unknown(READY, NOT_YET, message)
