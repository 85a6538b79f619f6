"""What matching one event against 1,000 Triggers costs, beside floors: `make bench-filters`.

    floor, indexed    one look into a dict by the event's type
    floor, asked      1,000 calls of a function that does nothing

Each figure is the best of several rounds in CPU time of this process, so that others on the machine count for little.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.compiling import compiled
from tradewind.filters.explain import explain
from tradewind.filters.index import Index
from tradewind.filters.tree import Filter, read

TRIGGERS = 1000
ROUNDS = 7
SECONDS = 0.05
"""CPU time of a round, roughly."""

EVENT = {
    "specversion": "1.0",
    "id": "8f7d2c1e-5b57-4d63-9c7e-2f1a4b6c8d90",
    "source": "/shops/berlin/17",
    "type": "com.example.order.500",
    "subject": "orders/4711",
    "time": "2026-01-31T12:00:00.123456Z",
    "datacontenttype": "application/json",
    "level": "5",
}

CESQL = (
    "type LIKE 'com.other{0}.%' AND level > 3",
    "level * 2 = {0} OR subject = 'orders/{0}' AND EXISTS source",
    "LENGTH(subject) > {0} OR source LIKE '%/{0}'",
    "subject IN ('orders/{0}', 'orders/{0}x') XOR NOT EXISTS level",
    "EXISTS level AND level = {0}",
)
"""None of them has an equality that an index could use."""


def dialects(wanted: list[dict[str, Any]]) -> Filter:  # as a manifest has them
    """A filter."""
    return read(wanted)


def kinds() -> Mapping[str, list[Filter]]:
    """1,000 filters of each kind; of most, one matches."""
    numbers = range(TRIGGERS)
    return {
        "filter.attributes: a type each": [AttributesFilter({"type": f"com.example.order.{n}"}) for n in numbers],
        "exact: a type each": [dialects([{"exact": {"type": f"com.example.order.{n}"}}]) for n in numbers],
        "exact: a type each, and a prefix": [
            dialects([{"exact": {"type": f"com.example.order.{n}"}}, {"prefix": {"source": "/shops"}}]) for n in numbers
        ],
        "any: three types each": [
            dialects([{"any": [{"exact": {"type": f"com.example.order.{n + m}"}} for m in range(3)]}]) for n in numbers
        ],
        "cesql: a type each, and more": [
            dialects([{"cesql": f"type = 'com.example.order.{n}' AND level > 3"}]) for n in numbers
        ],
        "all of them the same type": [dialects([{"exact": {"type": EVENT["type"]}}])] * TRIGGERS,
        "prefix and not suffix": [
            dialects([{"prefix": {"source": f"/shops/{n}"}}, {"not": {"suffix": {"subject": "x"}}}]) for n in numbers
        ],
        "cesql: arbitrary": [dialects([{"cesql": CESQL[n % len(CESQL)].format(n)}]) for n in numbers],
    }


def best(run: Callable[[], object]) -> float:
    """Microseconds of CPU for one call."""
    times = 1
    while (spent := once(run, times)) < SECONDS:
        times *= 2 if spent > SECONDS / 8 else 8
    return min(once(run, times) for _ in range(ROUNDS)) / times * 1e6


def once(run: Callable[[], object], times: int) -> float:
    """Seconds of CPU for so many calls."""
    start = time.process_time()
    for _ in range(times):
        run()
    return time.process_time() - start


def row(what: str, *numbers: float | str) -> str:
    """A line of the table."""
    shown = (f"{number:,.2f}" if isinstance(number, float) else number for number in numbers)
    return f"| {what:<34} |" + "".join(f"{cell:>12} |" for cell in shown)


def main() -> None:
    """Print the figures."""
    table = {f"com.example.order.{n}": n for n in range(TRIGGERS)}

    def nothing(_attributes: Mapping[str, str]) -> bool:
        return False

    functions = [nothing] * TRIGGERS
    print(row(f"{TRIGGERS:,} Triggers, one event", "µs", "matches", "index, µs"))
    print(f"|{'-' * 36}|{'------------:|' * 3}")
    print(row("floor, indexed", best(lambda: table.get(EVENT.get("type", ""))), "", ""))
    print(row("floor, asked", best(lambda: [f for f in functions if f(EVENT)]), "", ""))
    for what, filters in kinds().items():
        keyed = dict(enumerate(filters))
        compiled.cache_clear()
        start = time.process_time()
        index = Index(keyed)
        made = (time.process_time() - start) * 1e6
        expected = [key for key, wanted in keyed.items() if explain(wanted, EVENT).verdict]
        found = index.match(EVENT)
        assert sorted(found) == expected, what
        print(row(what, best(lambda index=index: index.match(EVENT)), str(len(found)), f"{made:,.0f}"))  # type: ignore[misc]


if __name__ == "__main__":
    main()
