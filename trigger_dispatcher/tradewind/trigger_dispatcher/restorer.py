"""The cursors topic is gone, or was made again by whoever: it is made, and each owner writes to it what it knows.

    gone ──make──► another id ──► the follower reads it from its start, and keeps what it knows
                              ──► every Ledger, retry and position of what is ours · what is in force · pauses: written
                                  whose owner died before that: written when it is taken over (`View.elsewhere`)

Where all dispatchers die before that, what they knew is gone, and every Trigger is as good as new.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher.cursors import GENERAL, encode, pause_key
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.writer import Writer


class Restorer:
    """Of one process; `tell` has it tell again what it has in force."""

    def __init__(
        self, edges: Edges, roster: Roster, *, follower: Follower, writer: Writer, tell: Callable[[], None]
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._follower = follower
        self._writer = writer
        self._tell = tell

    async def run(self) -> None:
        """Look after the topic until cancelled."""
        while True:
            await asyncio.sleep(self._edges.settings.mirror_interval)
            try:
                await self.look()
            except (LogRefused, LogUnavailable) as failed:
                log.debug("the cursors topic is looked after later", error=failed)

    async def look(self) -> None:
        """Once.  Raises LogRefused where it can neither be made nor written to, and LogUnavailable."""
        was = self._follower.topic
        now = (await self._edges.log.topics([was.name])).get(was.name)
        if now is None:
            spec = replace(cursors_spec(self._edges.settings), partitions=was.partitions)
            now = (await self._edges.log.ensure_topics([spec]))[was.name]
        if now.id == was.id:
            return
        log.error("the cursors topic is another: all that is known here is written to it", topic=was.name)
        self._writer.partitions = now.partitions
        self._follower.follow(now)
        for partition in self._roster.partitions():
            partition.rewrite()
        self._tell()
        for trigger, pause in self._follower.view.paused.items():
            await self._edges.stored(NewRecord(was.name, encode(pause), (), pause_key(trigger), partition=GENERAL))
