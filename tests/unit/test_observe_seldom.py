"""What many say at once is said seldom."""

from tradewind.observe.seldom import Seldom


def test_each_thing_is_said_once_in_a_while_and_nothing_is_remembered_for_longer() -> None:
    seldom = Seldom(5.0)
    said = [(what, now) for now in range(12) for what in ("a", "b", "a") if seldom.due(what, now)]
    assert said == [("a", 0), ("b", 0), ("a", 5), ("b", 5), ("a", 10), ("b", 10)]
    seldom.due("c", 100.0)
    assert seldom._said == {"c": 100.0}
