"""Removes from `tradewind.sources` what nobody wants any more, once that has been so for a day.

    a source that no Plan has, and that left while no process ran     its position and statuses
    a process that is gone without a word, as after a kill -9         its statuses of sources that run everywhere

A day, as for the cursors of Triggers: so a source that is missing for a while, or only in the manifests of a process
that is about to be replaced, goes on where it was.
"""

import asyncio
from collections.abc import Callable

from tradewind.errors import LogUnavailable
from tradewind.plan import Plan
from tradewind.sources.custody import Custody
from tradewind.sources.edges import Edges, log
from tradewind.sources.positions import SourceKey, Unwanted
from tradewind.sources.reporter import Reporter

INTERVAL = 600.0
"""Seconds between two sweeps: what they remove has been there for a day."""


class Sweeper:
    """Sweeps what lies in the partitions that are ours."""

    def __init__(self, edges: Edges, custody: Custody, reporter: Reporter, plan: Callable[[], Plan | None]) -> None:
        self._edges = edges
        self._custody = custody
        self._reporter = reporter
        self._plan = plan
        self._unwanted = Unwanted()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.sweep()

    async def sweep(self) -> None:
        """Once, if Kafka is there."""
        plan = self._plan()
        if plan is None or not self._edges.here():
            return
        try:
            slots = set(await self._edges.log.members(self._edges.settings.sources_group))
        except LogUnavailable as unavailable:
            log.debug("nothing is swept", error=unavailable)
            return
        wanted = {SourceKey(*key) for key in (*plan.sources, *plan.held)}
        found = self._custody.view.unwanted(wanted, slots)
        ours = {key: source for key, source in found.items() if self._custody.holds(source)}
        for key in self._unwanted.over(ours, now=self._edges.time.elapsed()):
            log.info("state of a source is removed", source=ours[key], key=key.decode())
            await self._reporter.erase(ours[key], key)
