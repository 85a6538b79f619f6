"""How many bytes of events a process may hold, and which Trigger gives up payloads for another.

    take    a Trigger may hold one event more while it holds less than what is free of the `SHARED` part: so a hundred
            that are stuck leave room for one that is not, and never quite fill it (the dynamic thresholds of switches'
            buffers); and while it holds less than its own part of the rest, which is for all alike
    load    the payload of an event that it holds already may be read again by the same rule
    relief  above `HIGH` the largest holders give up payloads, down to `LOW`; what runs keeps its own

A Trigger may always hold one event, whatever the others hold: one payload of each is its credit and counts for nobody.

Law: the sum never exceeds the budget by more than one event of each Trigger, and one.  (What a partition already owes
when it is taken over is counted, and never refused.)
"""

from typing import Protocol

SHARED = 0.75
"""Share of the budget for whoever comes first; the rest is divided among all."""

HIGH = 0.7
LOW = 0.5
"""Shares of the budget between which payloads are given up: not one by one."""

STEP = 0.02
"""Share of the budget by which more must be held before payloads are asked for again that could not be given up."""

OVERHEAD = 512
"""Bytes that an owed event costs without its payload: measured, its offset in the Ledger and its place in the lanes."""


class Holder(Protocol):
    """Who holds events: a Trigger's Lanes."""

    def loose(self) -> int:
        """Bytes of payload that could be given up."""

    def give_up(self, wanted: int) -> None:
        """Give up so many bytes of payload."""


class Account:
    """What one Trigger holds."""

    __slots__ = ("budget", "charge", "credit", "events", "holder", "payload", "payloads")

    def __init__(self, budget: "Budget", holder: Holder) -> None:
        self.budget = budget
        self.holder = holder
        self.events = 0
        self.payloads = 0
        """Events whose payload is held, or on its way."""
        self.payload = 0
        """Bytes of these."""
        self.credit = 0
        """Bytes of the one payload that does not count."""
        self.charge = 0
        """Bytes that count."""

    @property
    def bytes(self) -> int:
        """Bytes of payloads, and of the events themselves."""
        return self.events * OVERHEAD + self.payload

    def add(self, size: int) -> None:
        """One event more, with so many bytes of payload; 0 where it comes without."""
        self.events += 1
        if size:
            self._hold(size)
        self._count()

    def remove(self, size: int) -> None:
        """One event less, with so many bytes of payload."""
        self.events -= 1
        if size:
            self.payloads -= 1
            self.payload -= size
        self._count()

    def load(self, size: int) -> None:
        """One payload more."""
        self._hold(size)
        self._count()

    def drop(self, size: int) -> None:
        """One payload less."""
        self.payloads -= 1
        self.payload -= size
        self._count()

    def may_take(self, share: float = 1.0) -> bool:
        """Whether the Trigger may hold one event more, of whatever size; of what it may, `share` is taken."""
        budget = self.budget
        if self.charge < (budget.shared - budget.total) * share:
            return True
        return not self.events or self._fits(0, share)

    def may_load(self, size: int) -> bool:
        """Whether the payload of an event that it holds may be read again."""
        return not self.payloads or self._fits(size, 1.0)

    def _fits(self, size: int, share: float) -> bool:
        budget = self.budget
        after = budget.total + size
        if self.charge + size < (budget.shared - after) * share:
            return True
        return after < budget.most and self.charge + size < budget.most * (1 - SHARED) / budget.holders * share

    def _hold(self, size: int) -> None:
        if not self.payloads:
            self.credit = size
        self.payloads += 1
        self.payload += size

    def _count(self) -> None:
        counted = self.payload - self.credit
        charge = self.events * OVERHEAD
        if counted > 0:
            charge += counted
        self.budget.total += charge - self.charge
        self.charge = charge


class Budget:
    """The process's."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.shared = most * SHARED
        """Bytes for whoever comes first."""
        self.total = 0
        """Bytes that count."""
        self._accounts: dict[Account, None] = {}
        self.high = most * HIGH
        """What is held when payloads are asked for next."""

    @property
    def holders(self) -> int:
        """Triggers that hold events."""
        return len(self._accounts)

    def account(self, holder: Holder) -> Account:
        """For a Trigger that begins."""
        account = Account(self, holder)
        self._accounts[account] = None
        return account

    def close(self, account: Account) -> None:
        """The Trigger is gone: nothing is asked of it any more; what still runs of it counts until it ends."""
        self._accounts.pop(account, None)

    def relieve(self) -> None:
        """Let payloads be given up where too much is held.

        Where little can be, it is tried again only when a `STEP` more is held, not for each event.
        """
        if self.total <= self.high:
            self.high = max(self.most * HIGH, min(self.high, self.total + self.most * STEP))
            return
        for account, part in self.relief():
            account.holder.give_up(part)
        self.high = max(self.most * HIGH, self.total + self.most * STEP)

    def relief(self) -> list[tuple[Account, int]]:
        """Who gives up how many bytes of payload, the largest holders first."""
        wanted = self.total - int(self.most * LOW)
        given: list[tuple[Account, int]] = []
        for account in sorted(self._accounts, key=lambda one: one.charge, reverse=True):
            if wanted <= 0:
                break
            if part := min(account.holder.loose(), wanted):
                given.append((account, part))
                wanted -= part
        return given
