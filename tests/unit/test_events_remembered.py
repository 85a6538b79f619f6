"""What is said of names is remembered, within bounds."""

from tradewind.events.remembered import MOST, REMEMBERED, TOGETHER, remembered, remembered_together


def test_short_names_are_looked_at_once() -> None:
    asked: list[bytes] = []
    ask = remembered(asked.append)
    for name in (b"x", b"x" * REMEMBERED) * 2:
        ask(name)
    assert asked == [b"x", b"x" * REMEMBERED]


def test_long_names_are_looked_at_each_time() -> None:
    asked: list[str] = []
    ask = remembered(asked.append)
    name = "x" * (REMEMBERED + 1)
    for _ in range(2):
        ask(name)
    assert asked == [name, name]


def test_so_many_are_remembered_and_no_more() -> None:
    asked: list[str] = []
    ask = remembered(asked.append)
    names = [f"ext{number}" for number in range(MOST + 1)]
    for name in [*names[:MOST], *names]:  # with the last, what was known before is forgotten
        ask(name)
    assert asked == names
    for name in (names[0], names[-1]):
        ask(name)
    assert asked == [*names, names[0]]


def test_names_are_remembered_together_while_they_are_few_and_short() -> None:
    asked: list[tuple[str, ...]] = []
    ask = remembered_together(asked.append)
    few, long, many = ("a", "b" * (TOGETHER - 3)), ("a", "b" * (TOGETHER - 2)), ("",) * (TOGETHER + 1)
    for names in (few, long, many) * 2:
        ask(names)
    assert asked == [few, long, many, long, many]
