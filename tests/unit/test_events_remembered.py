"""What is said of names is remembered, within bounds."""

from tradewind.events.remembered import MOST, REMEMBERED, remembered


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


def test_the_oldest_is_forgotten() -> None:
    asked: list[str] = []
    ask = remembered(asked.append)
    for number in [*range(MOST + 1), 0]:
        ask(f"ext{number}")
    assert asked.count("ext0") == 2 and len(asked) == MOST + 2
