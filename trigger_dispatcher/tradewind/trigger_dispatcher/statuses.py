"""What the owner of a partition says of its Triggers there, besides where they stand: their status.

    Workers: circuits that are open, keys that hold all up ──┐
    alarms, as they are raised ──────────────────────────────┴──► record ──► written where another lies there

A record's circuits and its key are its owner's word, and count while he owns the partition (`View.status`); its alarms
are what happened, and go from owner to owner until they are a week old.  A Trigger with nothing to say has no record.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import AlarmStatus, BlockedKey, OpenCircuit, StatusRecord
from tradewind.trigger_dispatcher.ownership import Alarm

ALARM_KEPT = 7 * 86400.0
"""Seconds that an alarm stays in a status: who looks on Monday sees what was on Friday."""

AGAIN = 10.0
"""Seconds after which a record that does not lie there as it was written is written again: it failed, or somebody who
owned the partition before wrote late."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a Trigger from its deliveries on a partition now."""

    circuits: tuple[OpenCircuit, ...] = ()
    stuck: bool = False
    """A key holds up the whole Trigger there."""
    key: str | None = None
    """Which; None is the lack of one."""


class Statuses:
    """Of the Triggers on one owned partition; `known` are the records that lay there when it was taken over."""

    def __init__(self, known: Mapping[NamespacedName, StatusRecord]) -> None:
        self._alarms = {name: dict(record.alarms) for name, record in known.items()}
        self._blocked: dict[NamespacedName, BlockedKey] = {}
        self._sent: dict[NamespacedName, tuple[StatusRecord | None, float]] = {}
        """What was written, and when, as long as it does not lie there."""

    def raised(self, alarm: Alarm, *, now: float) -> None:
        """An alarm was told of; one of no Trigger is of the partition, and stands in no status."""
        if alarm.trigger is not None:
            alarms = self._alarms.setdefault(alarm.trigger, {})
            old = alarms.get(alarm.what, AlarmStatus(now, 0))
            alarms[alarm.what] = AlarmStatus(now, old.times + 1, old.gone + alarm.gone)

    def due(
        self,
        there: Mapping[NamespacedName, StatusRecord],
        troubles: Mapping[NamespacedName, Trouble],
        live: Collection[NamespacedName],
        *,
        owner: str,
        now: float,
    ) -> dict[NamespacedName, StatusRecord | None]:
        """What is to be written now, None to remove a record.

        `there` is what lies there as far as it was read, `live` are the Plan's Triggers on the topic.
        """
        found: dict[NamespacedName, StatusRecord | None] = {}
        for name in sorted(there.keys() | self._alarms.keys() | troubles.keys() | self._sent.keys()):
            wanted = self._wanted(name, troubles.get(name, Trouble()), owner, now) if name in live else None
            if wanted is None:
                self._alarms.pop(name, None)
            if wanted != self._lies(name, there.get(name), now):
                self._sent[name] = wanted, now
                found[name] = wanted
        return found

    def _lies(self, name: NamespacedName, there: StatusRecord | None, now: float) -> StatusRecord | None:
        """What lies there, or is on its way there."""
        if name not in self._sent:
            return there
        sent, at = self._sent[name]
        if there != sent and now - at < AGAIN:
            return sent
        del self._sent[name]
        return there

    def _wanted(self, name: NamespacedName, trouble: Trouble, owner: str, now: float) -> StatusRecord | None:
        alarms = {what: one for what, one in self._alarms.get(name, {}).items() if now - one.last <= ALARM_KEPT}
        blocked = self._key(name, trouble, now)
        if trouble.circuits or blocked:
            return StatusRecord(owner, trouble.circuits, blocked, alarms)
        return StatusRecord(alarms=alarms) if alarms else None

    def _key(self, name: NamespacedName, trouble: Trouble, now: float) -> BlockedKey | None:
        if not trouble.stuck:
            self._blocked.pop(name, None)
            return None
        known = self._blocked.get(name)
        if known is None or known.key != trouble.key:
            known = self._blocked[name] = BlockedKey(trouble.key, now)
        return known
