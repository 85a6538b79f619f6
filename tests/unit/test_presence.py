"""A process that was away sees it, and knows it until it has joined anew."""

from tradewind.adapters.elapsed import clock, longer
from tradewind.presence import AWAY, Presence


def test_who_looks_often_is_here() -> None:
    presence = Presence()
    assert all(presence.look(number * AWAY) for number in range(10))


def test_who_was_away_is_so_until_it_is_back() -> None:
    presence = Presence()
    presence.look(100.0)
    assert not presence.look(100.1 + AWAY)
    assert not presence.look(100.2 + AWAY), "a second look hides nothing"
    presence.back(150.0)
    assert presence.look(150.0 + AWAY)
    assert not presence.look(151.0 + 2 * AWAY)


def test_what_passed_is_the_longer_of_two_clocks() -> None:
    """The machine slept for 60 s, of which the monotonic clock knows nothing; then somebody set the wall clock back."""
    monotonic, wall = [0.0], [1000.0]
    passed = longer(lambda: monotonic[0], lambda: wall[0])
    monotonic[0], wall[0] = 1.0, 1061.0
    assert passed() == 61.0
    monotonic[0], wall[0] = 2.0, 0.0
    assert passed() == 62.0


def test_the_clock_of_this_platform_goes_on() -> None:
    now = clock()
    assert 0 <= now() <= now()
