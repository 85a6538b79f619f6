"""Writes the Triggers' statuses into the cursors topic (`statuses`): where something changed, at most every second.

Alarms, which the log knows already, are counted on the way.
"""

import asyncio
from collections.abc import Mapping

from tradewind.delivery.journey import Phase
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import OpenCircuit, StatusRecord, encode, status_key
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.ownership import Alarm, OwnedPartition
from tradewind.trigger_dispatcher.roster import Roster
from tradewind.trigger_dispatcher.statuses import Statuses, Trouble
from tradewind.trigger_dispatcher.view import View
from tradewind.trigger_dispatcher.worker import Worker
from tradewind.trigger_dispatcher.writer import Writer


class Reporter:
    """For the partitions that this process owns."""

    def __init__(self, edges: Edges, roster: Roster, view: View, writer: Writer) -> None:
        self._edges = edges
        self._roster = roster
        self._view = view
        self._writer = writer
        self._statuses: dict[OwnedPartition, Statuses] = {}

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(self._edges.settings.cursor_interval)
            await self.report()

    async def report(self) -> None:
        """Once, whatever has changed."""
        circuits = {worker.plan.name: found for worker in self._roster.all_workers() if (found := _circuits(worker))}
        stuck = [worker for worker in self._roster.all_workers() if worker.stuck]
        for partition in self._roster.partitions():
            if self._roster.holds(partition) and self._edges.here():
                troubles = {name: Trouble(found) for name, found in circuits.items() if name in partition.served}
                for worker in stuck:
                    if partition in worker.stuck:
                        name = worker.plan.name
                        troubles[name] = Trouble(circuits.get(name, ()), True, worker.stuck[partition])
                await self._write(partition, troubles)

    async def released(self, partition: OwnedPartition) -> None:
        """The partition is another's from now on: what is so with us says nothing any more."""
        await self._write(partition, {})

    def forget(self, partition: OwnedPartition) -> None:
        """The partition is another's."""
        self._raised(partition)
        self._statuses.pop(partition, None)

    async def _write(self, partition: OwnedPartition, troubles: Mapping[NamespacedName, Trouble]) -> None:
        there = self._view.statuses.get(partition.identity, {})
        if not (there or troubles or partition.alarms or partition in self._statuses):
            return
        statuses = self._statuses.get(partition)
        if statuses is None:
            statuses = self._statuses[partition] = Statuses(there)
        now = self._edges.clock()
        for alarm in self._raised(partition):
            statuses.raised(alarm, now=now)
        live = self._roster.triggers(partition.topic)
        due = statuses.due(there, troubles, live, owner=partition.owner, now=now)
        async with asyncio.TaskGroup() as tasks:
            for name, record in due.items():
                tasks.create_task(self._append(partition, name, record))

    def _raised(self, partition: OwnedPartition) -> list[Alarm]:
        """Those alarms of which only the log knows: they count from now on."""
        raised, partition.alarms = partition.alarms, []
        for alarm in raised:
            self._edges.counts.alarm(partition.topic, alarm.trigger, alarm.what, alarm.gone)
        return raised

    async def _append(self, partition: OwnedPartition, name: NamespacedName, record: StatusRecord | None) -> None:
        """One that is not stored will be written again."""
        key, value = status_key(name, partition.identity), None if record is None else encode(record)
        where = self._writer.partition_of(partition.identity)
        try:
            await self._edges.log.append(NewRecord(self._edges.settings.cursors_topic, value, (), key, where))
        except (LogUnavailable, LogRefused) as failed:
            log.debug("status is not written", trigger=name, error=failed)


def _circuits(worker: Worker) -> tuple[OpenCircuit, ...]:
    """Those of a Trigger that are open."""
    return tuple(
        OpenCircuit(phase, url, gate.circuit.since, gate.circuit.why)
        for phase, gate in worker.lanes.gates.items()
        if gate.circuit.open and (url := _url(worker, phase))
    )


def _url(worker: Worker, phase: Phase) -> str | None:
    target = worker.plan.subscriber if phase is Phase.SUBSCRIBER else worker.plan.dead_letter_sink
    return target.url if target else None
