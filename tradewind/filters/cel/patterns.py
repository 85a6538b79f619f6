"""How much a pattern of `matches` may cost: RE2 is linear in the text, but asks so many states of each of its bytes.

    [0-9a-f]{8}-[0-9a-f]{4}     12, and 0.2 µs a byte at most
    (z.{990}|yz.{990}|…)w       8,000, and 60 µs a byte: 15 s of 256 KiB

So the states are counted before, from the literal as it is written, rather too many than too few.
"""

import re

CLASS = 8
"""States of a class of characters beyond ASCII, which are several in UTF-8."""

UNICODE = 64
"""States of a Unicode class, such as `\\pL`."""

HIDDEN = 1000
"""Times that a repetition may say at most (RE2's own bound): taken for one wherever escapes may hide a brace."""

_RAW = re.compile(r"[bB]?[rR]")
_ESCAPED = re.compile(r"\\[xXuU0-7]")
_UNICODE = re.compile(r"\\[pP]")
_ASCII = re.compile(r"\[[\x00-\x5b\x5d\x5f-\x7f]+\]")
_ATOM = re.compile(
    r"\\{1,2}[pP](?:\{\^?\w+\}|\w)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>[0-9]+)(?:,(?P<most>[0-9]*))?\}|.",
    re.DOTALL,
)


def states(literal: str) -> int:
    """About how many states a pattern has; `literal` is CEL's, with its quotes."""
    hidden = HIDDEN if not _RAW.match(literal) and _ESCAPED.search(literal) else 1
    around: list[tuple[int, int]] = []
    total = last = 0
    for found in _ATOM.finditer(literal):
        atom = found[0]
        if atom == "(":
            around.append((total, last))
            total = last = 0
        elif atom == ")" and around:
            inner, (total, last) = total, around.pop()
            total, last = total + inner, inner
        elif found["least"] is not None:
            times = max(int(found["least"][:5]), int(found["most"][:5] if found["most"] else 0), 1)
            total += last * (times - 1)
            last *= times
        else:
            wide = atom[0] == "[" and not _ASCII.fullmatch(atom)
            last = UNICODE if _UNICODE.search(atom) else CLASS if wide else 1
            total += last
    return hidden * (total + sum(outer for outer, _ in around))
