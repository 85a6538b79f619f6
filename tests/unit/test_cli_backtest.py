"""What `tradewind backtest` compares a changed Trigger with."""

from dataclasses import replace

from tests.builders import trigger_plan
from tradewind.cli.backtest import as_it_is
from tradewind.plan import Plan
from tradewind.resources.model import NamespacedName


def test_a_trigger_takes_nothing_where_it_is_not_yet() -> None:
    there = trigger_plan()
    plan = Plan(triggers={there.name: there})
    elsewhere = NamespacedName("default", "elsewhere")
    assert as_it_is(plan, there.name, there.broker) == there.filter
    assert as_it_is(plan, there.name, elsewhere) is None  # it moves there: its events are others
    assert as_it_is(plan, replace(there, name=elsewhere).name, there.broker) is None
