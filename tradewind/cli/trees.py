"""A filter that was explained, as lines for people: each node behind its verdict, with what it saw.  Pure."""

from collections.abc import Iterator

from tradewind.filters.explain import Explained, nodes

INDENT = "  "
_GREEN, _RED, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
SHOWN = 120
"""Characters of a value that are shown."""


def lines(tree: Explained, *, colour: bool, indent: str = "") -> Iterator[str]:
    """One line a node."""
    for level, node in nodes(tree):
        mark = {True: "✓", False: "✗", None: "·"}[node.verdict]
        paint = {True: _GREEN, False: _RED, None: _DIM}[node.verdict] if colour else ""
        end, dim = (_PLAIN, _DIM) if colour else ("", "")
        saw = f"{INDENT}{dim}{found}{end}" if (found := _saw(node)) else ""
        yield f"{indent}{INDENT * level}{paint}{mark}{end} {_plain(node.text)}{saw}"


def _saw(node: Explained) -> str:
    """What a node saw, where that says something that its line does not."""
    words = []
    if node.verdict is None and node.saw is None and not node.errors:
        words.append("not asked: what came before it decided")
    if node.looks_at and node.saw is None:
        words.append(f"the event has no {node.looks_at}")
    elif node.saw is not None and not (node.verdict and node.text.endswith(f": {node.saw}")):
        words.append(f"is {_plain(node.saw)}" if node.looks_at else f"= {_plain(node.saw)}")
    words += map(_plain, node.errors)
    return "; ".join(words)


def _plain(text: str) -> str:
    """One line, and nothing that a terminal would obey."""
    cut = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return "".join(" " if one in "\n\r\t" else one if one.isprintable() else "�" for one in cut)
