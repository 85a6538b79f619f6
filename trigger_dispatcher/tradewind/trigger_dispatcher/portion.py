"""What of a Trigger's `maxInFlight` and `rate` this process keeps: they bound all dispatchers together.

    its portion  =  partitions of the Broker's topic that it owns / partitions that there are

A rate divides exactly.  A width is a whole number, and whoever owns a partition must get on: at least one.  So where
partitions are shared out evenly, no more run at once than the larger of `maxInFlight` and the number of dispatchers;
else one more for each whose portion is less than one.

What one does not use another cannot have: of each other they know what each owns, not what each has to do.
"""

from dataclasses import replace

from tradewind.plan import TriggerPlan


def portion(plan: TriggerPlan, *, owned: int, of: int) -> TriggerPlan:
    """The Trigger with bounds as narrow as they are for a process that owns so many partitions `of` its topic's."""
    if not 0 < owned < of:
        return plan
    width, rate = plan.max_in_flight, plan.rate
    return replace(
        plan,
        max_in_flight=None if width is None else max(1, width * owned // of),
        rate=None if rate is None else rate * owned / of,
    )
