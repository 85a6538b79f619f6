"""A program's output → lines for the log, bounded in length and number, whatever it writes.  Pure.

bytes ──► lines ──► the first LINES of each second, each cut at LONGEST ──► log
                    the others are counted, and told of once a second
"""

from collections.abc import Iterator

LONGEST = 1000
"""Characters of a line that are logged: a traceback's are shorter, a payload need not be in a log."""
LINES = 100
"""Lines of one program that are logged in a second: a traceback at once, 100 KB at most."""
PERIOD = 1.0
"""Seconds."""
RATE = 16 * 1024 * 1024
"""Bytes that are read of one program in a second.  One that writes more waits, so that to read it takes little of the
processor from its neighbours."""
CHUNK = 64 * 1024
"""Bytes that are read at once."""

_KEPT = (LONGEST + 1) * 4
"""Bytes that may be LONGEST characters, and one that says that there are more."""


class Output:
    """Of one program.  Times are seconds of a clock that only goes forward."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._told = 0
        self._read = 0
        self._left_out = 0
        self._begun = b""
        """Of a line whose end has not come."""

    def take(self, chunk: bytes, now: float) -> Iterator[str]:
        """The lines that these bytes end, as far as they are for the log."""
        yield from self.look(now)
        self._read += len(chunk)
        place = 0
        while self._told < LINES and (end := chunk.find(b"\n", place)) >= 0:
            yield self._line(chunk[place:end])
            place = end + 1
        if self._told >= LINES:
            ends = chunk.count(b"\n", place)
            self._left_out += ends
            if ends:
                self._begun, place = b"", chunk.rfind(b"\n") + 1
        self._begin(chunk[place : place + _KEPT])

    def look(self, now: float) -> Iterator[str]:
        """What is to be told where a second is over."""
        if now - self._since >= PERIOD:
            if self._left_out:
                yield f"({self._left_out:,} more lines, left out)"
            self._since, self._told, self._read, self._left_out = now, 0, 0, 0

    def end(self) -> Iterator[str]:
        """What is left when no more will come."""
        if self._begun and self._told < LINES:
            yield self._line(b"")
        elif self._begun:
            self._left_out += 1
        if self._left_out:
            yield f"({self._left_out:,} more lines, left out)"

    def wait(self, now: float) -> float:
        """Seconds until more may be read."""
        return max(0.0, self._since + PERIOD - now) if self._read >= RATE else 0.0

    def _begin(self, rest: bytes) -> None:
        self._begun = (self._begun + rest)[:_KEPT]

    def _line(self, rest: bytes) -> str:
        whole, self._begun = self._begun + rest, b""
        self._told += 1
        text = whole[:_KEPT].decode("utf-8", "replace").rstrip("\r")
        return printable(f"{text[:LONGEST]}…" if len(text) > LONGEST else text)


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one == "\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
