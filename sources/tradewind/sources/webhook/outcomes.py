"""What a request comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tradewind.errors import Fault
from tradewind.events.model import Event


@dataclass(frozen=True, slots=True)
class Accepted:
    """Events; the sender is answered once all of them are stored."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and no event."""

    status: int
    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """It can never become an event, and comes from whom it should: to be kept in the dead letters, then answered."""

    why: str
    faults: tuple[Fault, ...] = ()

    @property
    def reason(self) -> str:
        """All of it in one text."""
        return f"{self.why} {'; '.join(map(str, self.faults))}".strip()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of it is taken."""

    status: int
    why: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeedsCertificate:
    """Nothing can be said of it before the certificate at this URL of Amazon's is there."""

    url: str


@dataclass(frozen=True, slots=True)
class Confirms:
    """A GET of this URL of Amazon's confirms a subscription."""

    url: str


Outcome = Accepted | Told | Kept | Refused | NeedsCertificate | Confirms
