"""How many bytes of events a process may hold, and which Trigger gives up payloads for another.

    take   a Trigger may hold one event more while it holds less than what is free: so a hundred that are stuck leave
           room for one that is not, and fill the budget never quite (the dynamic thresholds of switches' buffers)
    load   the payload of an owed event may be read again where it fits, and wherever the Trigger holds no other
    relief above `HIGH` the largest holders give up payloads, down to `LOW`; what runs keeps its own

Law: the sum never exceeds the budget by more than one event of each Trigger.  (What a partition already owes when it is
taken over is counted, and never refused.)
"""

from typing import Protocol

HIGH = 0.9
LOW = 0.75
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

    __slots__ = ("budget", "bytes", "events", "holder", "payloads")

    def __init__(self, budget: "Budget", holder: Holder) -> None:
        self.budget = budget
        self.holder = holder
        self.bytes = 0
        """Of payloads, and of the events themselves."""
        self.events = 0
        self.payloads = 0
        """Events whose payload is held, or on its way."""

    @property
    def payload(self) -> int:
        """Bytes of payload."""
        return self.bytes - self.events * OVERHEAD

    def own(self, events: int) -> None:
        """So many events more, or less."""
        self.events += events
        self.bytes += events * OVERHEAD
        self.budget.total += events * OVERHEAD

    def load(self, size: int) -> None:
        """One payload more."""
        self.payloads += 1
        self.bytes += size
        self.budget.total += size

    def drop(self, size: int) -> None:
        """One payload less."""
        self.payloads -= 1
        self.bytes -= size
        self.budget.total -= size

    def may_take(self, share: float = 1.0) -> bool:
        """Whether the Trigger may hold one event more, of whatever size; of what it may, `share` is taken."""
        return not self.events or self.bytes < (self.budget.most - self.budget.total) * share

    def may_load(self, size: int) -> bool:
        """Whether the payload of an event that it holds may be read again."""
        return not self.payloads or self.budget.total + size <= self.budget.most


class Budget:
    """The process's."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self._accounts: dict[Account, None] = {}
        self._high = most * HIGH

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
        if self.total <= self._high:
            self._high = max(self.most * HIGH, min(self._high, self.total + self.most * STEP))
            return
        for account, part in self.relief():
            account.holder.give_up(part)
        self._high = max(self.most * HIGH, self.total + self.most * STEP)

    def relief(self) -> list[tuple[Account, int]]:
        """Who gives up how many bytes of payload, the largest holders first."""
        wanted = self.total - int(self.most * LOW)
        given: list[tuple[Account, int]] = []
        for account in sorted(self._accounts, key=lambda one: one.bytes, reverse=True):
            if wanted <= 0:
                break
            if part := min(account.holder.loose(), wanted):
                given.append((account, part))
                wanted -= part
        return given
