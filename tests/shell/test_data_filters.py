"""Filters that look at data, in a dispatcher over a log in memory: who gets what, and how errors are told."""

import asyncio
import logging
from dataclasses import replace

import pytest

from tests.fake_time import run, until
from tests.shell.dispatching import World, event, plan, trigger
from tests.shell.test_dispatcher_metrics import scraped
from tradewind.filters.tree import read
from tradewind.trigger_dispatcher.auditor import audit

LARGE = replace(trigger("large"), filter=read([{"exact": {"type": "com.example.a"}}, {"cel": "data.amount > 100"}]))
ALL = trigger("all")
FAILURES = "tradewind_trigger_filter_failures_total"


def test_data_decide_who_gets_an_event_and_errors_are_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def scenario() -> None:
        world = World(max_data_bytes=100)
        world.adopt(plan(LARGE, ALL))
        async with world.dispatcher() as dispatcher:
            bodies = [
                b'{"amount": 150}',
                b'{"amount": 50}',
                b"{}",
                b"[",
                None,
                b'{"amount": 200, "x": "%s"}' % (b"x" * 99),
            ]
            for number, body in enumerate([*bodies, *[b"{}"] * 8, b'{"amount": 101}']):
                await world.post(replace(event(number), data=body))
            await world.post(replace(event(99, type="other"), data=b"["))
            await until(lambda: len(world.subscribers.got.get("http://all", ())) == 16)
            await until(lambda: len(world.subscribers.got.get("http://large", ())) == 2)
            found = await scraped(dispatcher)
        assert {got.id for got in world.subscribers.got["http://large"]} == {"0", "14"}
        assert (found.value(FAILURES, trigger_name="large") or 0) >= 12
        assert found.value(FAILURES, trigger_name="all") is None

    run(scenario)
    told = [r.fields for r in caplog.records if r.getMessage().startswith("filter failed")]  # type: ignore[attr-defined]
    assert [(str(one["trigger"]), one["times"]) for one in told] == [("default/large", 1), ("default/large", 10)]


def test_what_was_decided_with_another_bound_of_data_is_not_told_by_the_present_one() -> None:
    async def scenario() -> None:
        world = World(max_data_bytes=50)
        world.adopt(plan(LARGE))
        async with world.dispatcher():
            await world.post(*(replace(event(n), data=b'{"amount": 200, "x": "%s"}' % (b"x" * 99 * n)) for n in (0, 1)))
            await until(lambda: world.subscribers.ids("http://large") == ["0"])
            await asyncio.sleep(3)
        for most, expected in ((50, (0, 1, 1)), (1000, (2, 0, 0))):
            (report,) = await audit(
                world.log, world.plan, world.plan.brokers.values(), world.settings.cursors_topic, max_data_bytes=most
            )
            tally = report.triggers[LARGE.name]
            assert (tally.unknown, tally.settled, tally.filtered) == expected

    run(scenario)
