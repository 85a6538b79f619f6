"""Who has how many of the port's connections.  Where there is no room, whoever has most gives way to whoever has few.

    room                                    ──► let in
    none, and no address has two more       ──► turned away: it would only change who has too many
    none, and another address has           ──► let in; of that address, who has been there longest is to leave

Who is to leave does so with its next answer, so some may be there beyond the bound meanwhile.  What stands between the
senders and the port, and hides their addresses, has to share its connections out itself.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class Crowd(Generic[T]):
    """`most` may stay; `more` may be there beyond that, while others leave."""

    def __init__(self, most: int, more: int) -> None:
        self.gives_way: T | None = None
        """Who is to leave for whoever was let in last."""
        self._most = most
        self._more = more
        self._address: dict[T, str] = {}
        """Of all that are there."""
        self._staying: dict[str, dict[T, None]] = {}
        """By address; who came first is first."""

    @property
    def there(self) -> int:
        """How many are, those that leave among them."""
        return len(self._address)

    def enter(self, member: T, address: str) -> bool:
        """Whether another is let in."""
        self.gives_way = None
        if self.there >= self._most:
            if self.there >= self._most + self._more or not self._staying:
                return False
            greatest = max(self._staying.values(), key=len)
            if len(greatest) < len(self._staying.get(address, ())) + 2:
                return False
            self.gives_way = next(iter(greatest))
            self._leaves(self.gives_way)
        self._address[member] = address
        self._staying.setdefault(address, {})[member] = None
        return True

    def left(self, member: T) -> None:
        """It is not there any more."""
        self._leaves(member)
        self._address.pop(member, None)

    def _leaves(self, member: T) -> None:
        address = self._address.get(member, "")
        if (staying := self._staying.get(address)) is not None:
            staying.pop(member, None)
            if not staying:
                del self._staying[address]
