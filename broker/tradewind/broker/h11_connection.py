"""h11's connection, and what we ask of a request that h11 does not: octets in, events out, no I/O.

h11 offers no place between the octets and the event of a head, so this overrides the method with a leading underscore
that `next_event` calls; what that raises becomes a RemoteProtocolError, as all that h11 finds wrong.
"""

import h11

from tradewind.broker import heads

AT_ONCE = 64
"""Events of one connection in one turn of the loop.  A read holds tens of thousands of them where each is a chunk of
one octet, and everyone else would wait for as long as these take."""


class Connection(h11.Connection):
    """The server's side of one connection."""

    left = AT_ONCE
    """Events that it may still have in this turn; then it is paused."""
    _looked = 0
    """Octets of a head in which its end was not found: more of it does not have them searched again."""

    head = b""
    """The last one that came whole, as it came."""

    @property
    def coming(self) -> bytearray:
        """What has come and is of no event yet.  h11's own word for it, `trailing_data`, copies it each time."""
        return self._receive_buffer._data

    def drop(self) -> None:
        """Forget what is coming."""
        self._receive_buffer.maybe_extract_at_most(len(self.coming))
        self._looked = 0

    def _extract_next_receive_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if not self.left:
            return h11.PAUSED
        self.left -= 1
        if self.their_state is h11.IDLE:
            if empty := heads.empty(self.coming):
                self._receive_buffer.maybe_extract_at_most(empty)
            if self.coming == b"\r":  # of an empty line, perhaps; h11 would refuse it at once
                return h11.NEED_DATA
            looked, self._looked = self._looked, len(self.coming)
            if (end := heads.end(self.coming, looked)) >= 0:
                self.head = bytes(self.coming[:end])
                if len(self.head.partition(b"\n")[0]) > self._max_incomplete_event_size:
                    raise h11.LocalProtocolError("request line too long", error_status_hint=431)
        event = super()._extract_next_receive_event()
        if (
            isinstance(event, h11.Request) and len(heads.lengths(self.head)) > 1
        ):  # h11 makes one of those that are equal
            raise h11.LocalProtocolError("conflicting Content-Length headers")
        if event is not h11.NEED_DATA:
            self._looked = 0
        return event
