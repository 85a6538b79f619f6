"""How a source stands, for people: what its status says (`tradewind get sources`).

Connecting ──connected──► Ready ──its sink takes nothing──► Waiting ──takes again──► Ready
    ▲  ▲                    │ lost, by the source's own word ──► Disconnected ──connected──► Ready
    │  └──made again── Failed ◄── it failed
    └── made anew: it was changed                     Ended: nothing more will come
                                                      Blocked: nothing will, until something is changed
"""

from collections.abc import Callable
from enum import StrEnum

from tradewind.plan import SourcePlan
from tradewind.resources.model import KafkaSource, WebhookSource
from tradewind.sources.positions import StatusRecord

MOST = 500
"""Characters of an error that a status holds."""


class State(StrEnum):
    """What a source is doing, in a word."""

    CONNECTING = "Connecting"
    READY = "Ready"
    DISCONNECTED = "Disconnected"
    WAITING = "Waiting"
    FAILED = "Failed"
    ENDED = "Ended"
    BLOCKED = "Blocked"


class Standing:
    """Of one source; see emission.Tell for what it says itself.  `clock` gives wall-clock seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.state = State.CONNECTING
        self._since = clock()
        self._connected: float | None = None
        self._event: float | None = None
        self._error = ""
        self._error_at: float | None = None
        self._waits = False
        self.alarms = 0
        """How often it was said that something was lost elsewhere."""

    @property
    def is_connected(self) -> bool:
        """Whether it gets what there is."""
        return self._connected is not None

    @property
    def is_waiting(self) -> bool:
        """Whether events wait, which its sink does not take now."""
        return self._waits

    def connected(self) -> None:
        """See emission.Tell."""
        if self._connected is None:
            self._connected = self._clock()
            self._enter(State.WAITING if self._waits else State.READY)

    def lost(self, why: str) -> None:
        """See emission.Tell."""
        self._disconnect(State.DISCONNECTED)
        self._note(why)

    def alarm(self, why: str) -> None:
        """See emission.Tell."""
        self.alarms += 1
        self._note(why)

    def begins(self) -> None:
        """It is made, or made again."""
        self._disconnect(State.CONNECTING)

    def failed(self, why: str) -> None:
        """It failed, and is made again soon."""
        self._disconnect(State.FAILED)
        self._note(why)

    def blocked(self, why: str) -> None:
        """See emission.Tell."""
        self._disconnect(State.BLOCKED)
        self._note(why)

    def ended(self) -> None:
        """Nothing more will come, as long as it is not changed."""
        self._disconnect(State.ENDED)

    def took(self, at: float) -> None:
        """The sink took an event."""
        self._event = at

    def waits(self, why: str) -> None:
        """An event waits: its sink does not take it now."""
        self._waits = True
        self._note(why)
        if self.state is State.READY:
            self._enter(State.WAITING)

    def flows(self) -> None:
        """Nothing waits any more."""
        self._waits = False
        if self.state is State.WAITING:
            self._enter(State.READY)

    def refused(self, why: str) -> None:
        """Something went to the dead letters."""
        self._note(why)

    def record(self, *, owner: str, in_flight: int, sink: str, plan: SourcePlan | None = None) -> StatusRecord:
        """As it is stored; `plan` is the state of it that runs."""
        metadata = None if plan is None else plan.source.metadata
        return StatusRecord(
            owner=owner,
            state=self.state.value,
            since=self._since,
            connected=self._connected,
            event=self._event,
            error=self._error,
            error_at=self._error_at,
            in_flight=in_flight,
            sink=sink,
            uid="" if metadata is None else metadata.uid,
            generation=0 if metadata is None else metadata.generation,
            lacks=() if plan is None else _lacks(plan),
        )

    def _disconnect(self, state: State) -> None:
        self._connected = None
        self._enter(state)

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self.state, self._since = state, self._clock()

    def _note(self, why: str) -> None:
        text = str(why)[:MOST].encode("utf-8", "backslashreplace").decode()  # code of others may say anything
        self._error, self._error_at = text, self._clock()


def _lacks(plan: SourcePlan) -> tuple[str, ...]:
    match plan.source:
        case WebhookSource(webhook=webhook):
            return tuple(str(ref) for ref in webhook.secrets if ref not in plan.secrets)
        case KafkaSource(waits=str(waits)) if waits:
            return (waits,)
        case _:
            return ()
