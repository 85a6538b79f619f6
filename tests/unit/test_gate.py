"""Who may be sent to an address now: width, rate and circuit together, and events that a circuit holds."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event, trigger_plan
from tradewind.config import Settings
from tradewind.delivery.journey import Journey
from tradewind.delivery.schedule import Delivery
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.gate import Change, Gate
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition
from tradewind.trigger_dispatcher.work import Work

HERE = OwnedPartition(
    Ground(PartitionId("id", 0), "topic", 4, Bounds(0, 0), external=False), owner="me", seen=-1, position=0
)
SETTINGS = replace(Settings(), circuit_failures=2, circuit_pause=8.0)
LINEAR = Delivery(retry=3, delay=10.0, exponential=False)
"""Waits of 10, 20 and 30 seconds: a schedule of a minute."""
DOWN = NoAnswer("connection refused")


def gate(*, delivery: Delivery = LINEAR, width: int = 10, rate: float | None = None, **settings: float) -> Gate:
    plan = trigger_plan(delivery=delivery, max_in_flight=width, rate=rate)
    return Gate(plan, replace(SETTINGS, **settings), now=0.0)  # type: ignore[arg-type]


def work(offset: int, *, attempts: int = 0) -> Work:
    return Work(HERE, Owed(offset, Journey(attempts=attempts)), event(data=b"12345"), None)


def take(one: Gate, now: float, may: Callable[[Work], bool] = lambda _: True) -> Work | None:
    return one.take(now=now, may=may)


def drain(one: Gate, now: float) -> list[int]:
    taken = []
    while found := take(one, now):
        taken.append(found.owed.offset)
    return taken


def opened(one: Gate, *, now: float = 0.0) -> Gate:
    """Opened by two events that failed; they are not in it any more."""
    failing = [work(1000 + n) for n in range(2)]
    for failed in failing:
        one.push(failed, now=now)
        assert take(one, now) is failed
    assert one.told(failing[0], Answer(500), now=now) is None
    assert one.told(failing[1], Answer(500), now=now) is Change.OPENED
    for failed in failing:
        one.leave(failed)
    return one


def test_width_and_rate_bound_what_is_taken() -> None:
    one = gate(width=4, rate=2.0)
    for offset in range(6):
        one.push(work(offset), now=0.0)
    assert drain(one, 0.0) == [0, 1]
    assert one.next(now=0.0) == 0.5
    assert drain(one, 0.5) == [2]
    assert drain(one, 1.0) == [3]
    assert one.next(now=1.0) is None  # the width: only the end of an attempt helps


def test_a_payload_for_which_there_is_no_room_bars_the_way_until_something_ends() -> None:
    one, first = gate(), work(0)
    first.size = 0
    one.push(first, now=0.0)
    one.push(work(1), now=0.0)
    assert take(one, 0.0, lambda _: False) is None
    assert one.next(now=0.0) is None
    assert drain(one, 0.0) == [0, 1]


def test_outcomes_move_the_width() -> None:
    one = gate(width=8, circuit_failures=1000)
    works = [work(offset) for offset in range(8)]
    for each in works:
        one.push(each, now=1.0)
    drain(one, 1.0)
    outcomes: list[Outcome] = [Answer(503), Answer(429), DOWN, Answer(500), Answer(404)]
    for each, outcome in zip(works, outcomes, strict=False):
        assert one.told(each, outcome, now=2.0) is None
    assert one.width.now == 4
    for each in works[4:]:
        one.told(each, Answer(202 if each.owed.offset % 2 else 400), now=2.0)
    assert one.width.now == 5


def test_what_is_ready_is_held_when_the_circuit_opens_and_goes_on_in_order_when_it_closes() -> None:
    one = gate(width=2)
    failing = [work(offset) for offset in range(2)]
    for each in (*failing, *(work(offset) for offset in range(2, 6))):
        one.push(each, now=0.0)
    drain(one, 0.0)
    assert [one.told(each, Answer(500), now=1.0) for each in failing] == [None, Change.OPENED]
    for each in failing:
        one.leave(each)
    assert drain(one, 1.9) == []
    assert one.next(now=1.9) == 2.0
    probe = take(one, 2.0)
    assert probe is not None
    assert probe.owed.offset == 2
    assert not probe.last
    assert drain(one, 2.0) == []
    one.push(work(6), now=2.0)
    assert one.told(probe, Answer(202), now=2.5) is Change.CLOSED
    assert drain(one, 2.5) == [3]
    one.leave(probe)
    assert drain(one, 2.5) == [4]


def test_a_probe_is_an_event_that_was_never_attempted_if_there_is_one() -> None:
    one = opened(gate())
    one.push(work(1, attempts=2), now=0.0)
    one.push(work(2, attempts=1), now=0.0)
    one.push(work(3), now=0.0)
    found, now = [], 0.0
    for _ in range(3):
        now = one.circuit.again
        probe = take(one, now)
        assert probe is not None
        found.append(probe.owed.offset)
        one.told(probe, DOWN, now=now)
        one.leave(probe)
    assert found == [3, 1, 2]


def test_probes_come_in_order_also_when_some_in_between_are_not_wanted_any_more() -> None:
    one, works = opened(gate()), [work(offset) for offset in range(6)]
    for each in (*works, work(9, attempts=2)):
        one.push(each, now=0.0)

    def probed() -> int:
        now = one.circuit.again
        probe = take(one, now)
        assert probe is not None
        one.told(probe, DOWN, now=now)
        one.leave(probe)
        assert take(one, now) is None
        return probe.owed.offset

    assert probed() == 0
    one.keep(lambda each: each is not works[1])
    assert [probed() for _ in range(4)] == [2, 3, 4, 5]


def test_schedules_end_in_order_also_when_the_first_of_them_is_not_wanted_any_more() -> None:
    one, works = opened(gate()), [work(offset, attempts=attempts) for offset, attempts in enumerate((2, 0, 1))]
    one.circuit.again = 1e9
    for each in works:
        one.push(each, now=0.0)
    assert one.next(now=0.0) == 30.0
    one.keep(lambda each: each is not works[0])
    assert one.next(now=0.0) == 50.0


@pytest.mark.parametrize(("attempts", "end"), [(0, 160.0), (1, 150.0), (2, 130.0), (3, 100.0), (4, 100.0)])
def test_the_schedule_of_what_is_held_goes_on_in_wall_time_and_ends_with_a_last_attempt(
    attempts: int, end: float
) -> None:
    one = opened(gate(), now=90.0)
    one.circuit.again = 1e9
    held = work(1, attempts=attempts)
    one.push(held, now=100.0)
    assert one.next(now=100.0) == end
    assert take(one, end - 0.001) is None
    assert take(one, end) is held
    assert one.over(held)
    one.told(held, DOWN, now=end)
    one.leave(held)
    assert one.next(now=end) is None


def test_an_attempt_is_not_the_last_where_another_was_taken_meanwhile() -> None:
    one = opened(gate(delivery=replace(LINEAR, retry=1, delay=3.0)))
    probe, last = work(1), work(2)
    one.push(probe, now=0.5)
    one.push(last, now=0.5)
    assert (take(one, 1.0), take(one, 3.5)) == (probe, last)
    assert (one.over(probe), one.over(last)) == (False, True)
    assert one.told(probe, Answer(204), now=4.0) is Change.CLOSED
    assert not one.over(last)


def test_a_last_attempt_is_no_probe_and_leaves_the_one_that_is_out_alone() -> None:
    one = opened(gate(delivery=replace(LINEAR, retry=1, delay=3.0)))
    probe, last = work(1), work(2)
    one.push(probe, now=0.5)
    one.push(last, now=0.5)
    assert take(one, 1.0) is probe
    assert take(one, 3.5) is last
    assert (probe.last, last.last) == (False, True)
    one.told(last, DOWN, now=3.6)
    one.leave(last)
    assert not one.circuit.may_probe(100.0)
    one.told(probe, DOWN, now=4.0)
    assert (one.circuit.may_probe(5.9), one.circuit.may_probe(6.0)) == (False, True)


def test_an_attempt_after_the_circuit_has_closed_is_no_last_one_any_more() -> None:
    """Its answer asked for another, and the address was well again before that."""
    one = opened(gate(delivery=replace(LINEAR, retry=0)))
    asking = work(1)
    one.push(asking, now=0.0)
    assert take(one, 0.0) is asking
    assert asking.last
    one.leave(asking)
    assert one.told(work(2), Answer(204), now=1.0) is Change.CLOSED
    one.push(asking, now=2.0)
    assert take(one, 2.0) is asking
    assert not asking.last


def test_last_attempts_may_take_the_whole_width() -> None:
    one = opened(gate(width=3))
    one.width.crowded(sent=1.0, now=1.0)
    assert one.width.now == 1
    one.circuit.again = 1e9
    for offset in range(5):
        one.push(work(offset), now=0.0)
    assert drain(one, 60.0) == [0, 1, 2]
    assert one.next(now=60.0) is None


def test_without_retries_a_circuit_holds_nothing() -> None:
    one = opened(gate(delivery=replace(LINEAR, retry=0)))
    for offset in range(3):
        one.push(work(offset), now=0.0)
    assert drain(one, 0.0) == [0, 1, 2]


def test_a_probe_keeps_the_end_of_its_schedule_until_the_circuit_closes() -> None:
    one = opened(gate())
    probe = work(1)
    one.push(probe, now=0.0)
    assert take(one, 40.0) is probe
    one.told(probe, DOWN, now=40.0)
    one.leave(probe)
    probe.owed.journey = Journey(attempts=1)
    one.circuit.again = 1e9
    one.push(probe, now=50.0)
    assert list(one.queued()) == [probe]
    assert one.next(now=50.0) == 60.0
    assert one.told(work(2), Answer(202), now=50.0) is Change.CLOSED
    assert [one.told(work(n), Answer(500), now=50.0) for n in (3, 4)] == [None, Change.OPENED]
    one.circuit.again = 1e9
    assert list(one.queued()) == [probe]
    assert one.next(now=50.0) == 100.0
    assert take(one, 99.0) is None
    assert take(one, 100.0) is probe
    assert list(one.queued()) == []


def test_a_probe_that_says_nothing_lets_another_be_sent() -> None:
    one = opened(gate())
    for offset in range(2):
        one.push(work(offset), now=0.0)
    now = one.circuit.again
    probe = take(one, now)
    assert probe is not None
    assert take(one, now) is None
    one.leave(probe)
    assert take(one, now) is not None


def test_a_changed_trigger_and_another_address() -> None:
    one = opened(gate(width=4))
    for offset in range(3):
        one.push(work(offset), now=0.0)
    one.adopt(trigger_plan(delivery=LINEAR, max_in_flight=2, rate=1.0), now=0.0)
    assert one.width.now == 2
    assert one.circuit.open
    other = one.elsewhere(trigger_plan(url="http://b", delivery=LINEAR), now=5.0)
    assert (other.circuit.open, other.width.now) == (False, SETTINGS.max_in_flight)
    assert drain(other, 5.0) == [0, 1, 2]


def test_what_went_elsewhere_is_held_by_no_circuit_of_the_address_before() -> None:
    """What still ran there fails after the change."""
    one = gate(width=2)
    for offset in range(4):
        one.push(work(offset), now=0.0)
    running = [found for _ in range(2) if (found := take(one, 0.0))]
    other = one.elsewhere(trigger_plan(url="http://b", delivery=LINEAR), now=1.0)
    assert [one.told(each, Answer(500), now=2.0) for each in running] == [None, Change.OPENED]
    assert not [*one.queued()]
    assert drain(other, 2.0) == [2, 3]


def test_what_is_not_wanted_any_more_is_forgotten_wherever_it_is() -> None:
    for one in (gate(), opened(gate())):
        for offset in range(4):
            one.push(work(offset), now=0.0)
        assert {each.owed.offset for each in one.queued()} == {0, 1, 2, 3}
        one.keep(lambda each: each.owed.offset % 2 == 1)
        assert {each.owed.offset for each in one.queued()} == {1, 3}
        assert drain(one, 1000.0)[0] == 1


OUTCOMES: dict[str, Outcome] = {
    "taken": Answer(202),
    "refused": Answer(400),
    "busy": Answer(503),
    "failing": Answer(500),
    "down": DOWN,
}


@given(
    st.lists(st.tuples(st.sampled_from([*OUTCOMES, "left"]), st.booleans()), min_size=1, max_size=120),
    st.integers(0, 3),
    st.integers(1, 4),
    st.sampled_from([None, 0.5, 5.0]),
)
def test_every_event_ends_within_its_attempts_whatever_the_address_does(
    outcomes: list[tuple[str, bool]], retry: int, width: int, rate: float | None
) -> None:
    """Nothing waits for ever: as long as an event is there, one runs, or `next` names a moment that gives one."""
    delivery = replace(LINEAR, retry=retry)
    one = gate(delivery=delivery, width=width, rate=rate)
    now, script = 0.0, iter(outcomes)
    waiting: list[tuple[float, Work]] = []
    running: list[Work] = []
    attempts: dict[int, int] = {}
    works = [work(offset) for offset in range(10)]
    for each in works:
        one.push(each, now=now)
    ended = 0
    while ended < len(works):
        for due, each in list(waiting):
            if due <= now:
                waiting.remove((due, each))
                one.push(each, now=now)
        while found := take(one, now):
            running.append(found)
            assert one.running == len(running) <= max(width, one.width.now)
        if not running:
            moments = [due for due, _ in waiting] + ([moment] if (moment := one.next(now=now)) is not None else [])
            now = max(now, min(moments))
            continue
        name, newest = next(script, ("down", False))
        each = running.pop(-1 if newest else 0)
        attempts[each.owed.offset] = attempts.get(each.owed.offset, 0) + 1
        now += 0.5
        failed = each.owed.journey.attempts + 1
        if name == "left":  # it stumbled: it counts, and says nothing of the address
            over = False
        else:
            over = each.last and one.circuit.open
            one.told(each, OUTCOMES[name], now=now)
        one.leave(each)
        if name in ("taken", "refused") or failed > retry or over:
            ended += 1
        else:
            each.owed.journey = Journey(attempts=failed)
            waiting.append((now + 10.0 * failed, each))
    assert all(1 <= attempts[offset] <= retry + 1 for offset in range(10))
    assert (one.running, list(one.queued())) == (0, [])
    assert now < 10_000.0
