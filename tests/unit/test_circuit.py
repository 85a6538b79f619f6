"""When an address is taken for down, and when single events ask whether it is well again."""

from hypothesis import given
from hypothesis import strategies as st

from tradewind.trigger_dispatcher.circuit import Circuit


def opened(*, failures: int = 3, longest: float = 8.0, at: float = 100.0) -> Circuit:
    circuit = Circuit(failures=failures, longest=longest)
    assert [circuit.failed(f"e{n}", now=at) for n in range(failures)] == [False] * (failures - 1) + [True]
    return circuit


def test_it_opens_after_so_many_different_events_and_none_taken_in_between() -> None:
    circuit = Circuit(failures=3, longest=8.0)
    for _ in range(50):
        assert not circuit.failed("the same", now=0.0)
    assert not circuit.failed("another", now=0.0)
    assert not circuit.taken()
    assert not circuit.failed("a", now=0.0)
    assert not circuit.failed("b", now=0.0)
    assert circuit.failed("c", now=0.0)
    assert circuit.open


def test_one_event_is_out_as_a_probe_and_the_pauses_double_up_to_the_longest() -> None:
    circuit, now, pauses = opened(), 100.0, []
    for _ in range(6):
        pauses.append(circuit.again - now)
        assert not circuit.may_probe(circuit.again - 0.001)
        now = circuit.again
        assert circuit.may_probe(now)
        circuit.probe = "probe"
        assert not circuit.may_probe(now + 1000)
        assert not circuit.failed("probe", now=now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_it_closes_when_any_event_is_taken_and_begins_anew() -> None:
    circuit = opened()
    circuit.probe = "probe"
    assert circuit.taken()
    assert not circuit.open
    assert circuit.probe is None
    assert not circuit.may_probe(1e9)
    assert [circuit.failed(f"e{n}", now=500.0) for n in range(3)] == [False, False, True]
    assert circuit.again == 501.0


def test_an_answer_that_asks_for_patience_is_given_it() -> None:
    circuit = Circuit(failures=1, longest=8.0)
    circuit.failed("a", now=0.0, asked=120.0)
    assert circuit.again == 120.0
    circuit.probe = "b"
    circuit.failed("b", now=120.0, asked=60.0)
    assert circuit.again == 180.0


def test_only_the_probe_moves_the_next_one() -> None:
    circuit = opened()
    circuit.failed("sent before it opened", now=100.5)
    assert circuit.again == 101.0
    circuit.probe = "probe"
    circuit.left("another")
    assert not circuit.may_probe(102.0)
    circuit.left("probe")
    assert circuit.may_probe(102.0)


def test_a_longest_pause_below_the_first_holds_from_the_first_on() -> None:
    assert opened(longest=0.5).again == 100.5


@given(st.lists(st.sampled_from(["taken", "failed", "probe", "left"])), st.integers(1, 4))
def test_while_it_is_open_at_most_one_probe_is_out_and_there_is_always_a_next(moves: list[str], failures: int) -> None:
    circuit, now = Circuit(failures=failures, longest=4.0), 0.0
    for number, move in enumerate(moves):
        match move:
            case "taken":
                circuit.taken()
            case "failed":
                circuit.failed(circuit.probe if number % 2 and circuit.probe else number, now=now)
            case "probe":
                now = max(now, circuit.again)
                if circuit.may_probe(now):
                    circuit.probe = number
            case _:
                circuit.left(circuit.probe)
        assert circuit.probe is None or circuit.open
        assert not circuit.open or circuit.again <= now + 4.0
        assert not circuit.may_probe(now) or (circuit.open and circuit.probe is None)
