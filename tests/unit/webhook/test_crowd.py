"""Who gives way at the bound of connections: told by events, without sockets or time."""

import random

from tradewind.sources.webhook.crowd import Crowd


def full(most: int = 4, more: int = 2) -> Crowd[str]:
    """One address has all there is."""
    crowd = Crowd[str](most, more)
    assert all(crowd.enter(f"flood {number}", "flood") for number in range(most))
    return crowd


def test_who_has_most_is_turned_away() -> None:
    crowd = full()
    assert not crowd.enter("another", "flood")
    assert (crowd.there, crowd.gives_way) == (4, None)


def test_who_has_most_gives_way_to_who_has_few_the_longest_first() -> None:
    crowd = full()
    assert crowd.enter("neighbour", "neighbour")
    assert crowd.gives_way == "flood 0"
    crowd.left("flood 0")
    assert crowd.enter("neighbour 2", "neighbour")
    assert crowd.gives_way == "flood 1"
    crowd.left("flood 1")
    assert not crowd.enter("neighbour 3", "neighbour"), "each has two"
    assert not crowd.enter("flood 4", "flood")
    assert crowd.there == 4


def test_some_may_be_there_while_others_leave() -> None:
    crowd = full()
    assert crowd.enter("a", "a") and crowd.enter("b", "b")
    assert crowd.there == 6
    assert not crowd.enter("c", "c"), "two are leaving already"
    crowd.left("flood 0")
    assert crowd.enter("c", "c")
    assert crowd.gives_way == "flood 2"
    crowd.left("flood 1")
    assert not crowd.enter("d", "d"), "each has one"
    crowd.left("flood 2")
    crowd.left("a")
    assert crowd.enter("d", "d")
    assert crowd.gives_way is None, "there is room"


def test_with_nobody_left_to_give_way_nobody_is_let_in() -> None:
    crowd = Crowd[str](0, 1)
    assert not crowd.enter("a", "a")
    crowd.left("never there")
    assert crowd.there == 0


def test_however_many_come_and_go_the_bound_holds_and_a_neighbour_with_one_gets_in() -> None:
    chance = random.Random(15)
    crowd, there, leaving = Crowd[int](20, 5), dict[int, str](), set[int]()
    for number in range(5000):
        address = chance.choice(["flood"] * 8 + ["a", "b"])
        few = list(there.values()).count(address) == 0
        room = len(there) < 25
        if crowd.enter(number, address):
            there[number] = address
            if (giver := crowd.gives_way) is not None:
                assert giver not in leaving
                leaving.add(giver)
        elif few and room:
            assert max(list(there.values()).count(one) for one in there.values()) < 20, "else it gave way"
        assert crowd.there == len(there) <= 25
        if there and chance.random() < 0.4:
            gone = chance.choice([*leaving] or [*there])
            crowd.left(gone)
            leaving.discard(gone)
            del there[gone]
