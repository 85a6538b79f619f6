"""The CloudEvent as Tradewind holds it: attributes as the text they came in, data as the bytes they came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

SPEC_VERSION = "1.0"
"""The only `specversion` we accept and write (spec.md: producers MUST use `1.0`)."""

HOPS = "knativebrokerttl"
"""Extension that counts down the Brokers an event may still pass; kept on stored events, removed before delivery."""


def hops_left(text: str) -> int | None:
    """What a hop count says; None where it is no CloudEvents Integer, so that the default counts (Knative)."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None


Headers = tuple[tuple[str, str], ...]
"""Header fields: names in lower case, values without the white space around them."""


@dataclass(slots=True)
class Event:
    """One CloudEvent.  Never changed, only copied; data is never parsed to be passed on (DESIGN §3).

    What it holds is Final for the type checker alone: frozen, each would take twice as long to make, and there is one
    for each record.

    `attributes` holds every context attribute by its name, `specversion` and `datacontenttype` among them, each in
    its canonical string form (a boolean is `true`, an integer its digits, a time exactly the text that came).
    `data` is None when the event has no data, which is not the same as empty data.
    `headers` are the fields that travel with it to its subscribers and are none of its attributes (`travelling.py`).
    """

    attributes: Final[Mapping[str, str]]
    data: Final[bytes | None] = None
    headers: Final[Headers] = ()
    _size: int = field(default=0, init=False, repr=False, compare=False)
    lines: bytes | None = field(default=None, init=False, repr=False, compare=False)
    """The header fields of its message in binary mode, without the hop count, as `usual.event` writes them; None where
    it has not, or some value needs percent-encoding."""

    @property
    def id(self) -> str:
        """The `id` attribute; unique within `source`."""
        return self.attributes["id"]

    @property
    def source(self) -> str:
        """The `source` attribute, a URI-reference."""
        return self.attributes["source"]

    @property
    def type(self) -> str:
        """The `type` attribute."""
        return self.attributes["type"]

    @property
    def size(self) -> int:
        """Bytes of its attributes and data: what the limit of an event is about."""
        if not self._size:  # asked for on several ways
            attributes = self.attributes
            size = len("".join(attributes)) + len("".join(attributes.values())) + len(self.data or b"")
            self._size = size
        return self._size

    @property
    def weight(self) -> int:
        """Bytes this event holds in memory, near enough to bound what is in flight."""
        weight = self.size + (len(self.lines) if self.lines else 0)
        return weight + sum(len(name) + len(value) for name, value in self.headers) if self.headers else weight

    def know(self, size: int, lines: bytes | None) -> None:
        """Whoever has read it says what it knows of it."""
        self._size, self.lines = size, lines

    def with_attributes(self, /, **changes: str | None) -> "Event":
        """A copy with these attributes set, or removed where the value is None; `self` is a legal name."""
        merged = {**self.attributes, **{k: v for k, v in changes.items() if v is not None}}
        return replace(self, attributes={k: v for k, v in merged.items() if changes.get(k, v) is not None})
