"""The work queue: one at a time for each object, changes told once, retries ever more seldom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.api_server import BROKERS, TRIGGERS
from tradewind.control.queue import FIRST_WAIT, LONGEST_WAIT, SPREAD, Key, WorkQueue, wait
from tradewind.resources.model import NamespacedName


def key(name: str) -> Key:
    return Key(BROKERS, NamespacedName("default", name))


A, B = key("a"), key("b")


def test_what_is_due_longest_comes_first() -> None:
    queue = WorkQueue()
    queue.add(A, 2)
    queue.add(B, 1)
    assert queue.wakes() == 1
    assert [queue.take(3), queue.take(3), queue.take(3)] == [B, A, None]
    assert queue.wakes() is None


def test_nothing_is_taken_before_it_is_due() -> None:
    queue = WorkQueue()
    queue.add(A, 2)
    assert queue.take(1.9) is None
    assert queue.take(2) == A


def test_an_object_of_another_resource_is_another() -> None:
    queue = WorkQueue()
    queue.add(A, 0)
    queue.add(Key(TRIGGERS, A.name), 0)
    assert {queue.take(0), queue.take(0)} == {A, Key(TRIGGERS, A.name)}


def test_many_changes_are_one_reconcile() -> None:
    queue = WorkQueue()
    for at in (5, 1, 3):
        queue.add(A, at)
    assert len(queue) == 1
    assert queue.take(1) == A
    queue.done(A)
    assert queue.take(9) is None and queue.wakes() is None


def test_what_changes_while_it_runs_runs_again_after_it() -> None:
    queue = WorkQueue()
    queue.add(A, 0)
    queue.take(0)
    queue.add(A, 1)
    queue.add(B, 2)
    assert queue.wakes() == 2
    assert queue.take(2) == B
    queue.done(A, again=60)
    assert queue.take(2) == A
    assert len(queue) == 0


def test_it_is_looked_at_again_when_it_asked_for_it() -> None:
    queue = WorkQueue()
    queue.add(A, 0)
    queue.take(0)
    queue.done(A, again=30)
    assert queue.wakes() == 30


def test_a_change_comes_before_a_retry() -> None:
    queue = WorkQueue()
    queue.add(A, 0)
    queue.take(0)
    queue.failed(A, 0, 0)
    queue.add(A, 0.1)
    assert queue.take(0.1) == A
    queue.done(A)
    assert queue.take(9) is None


def test_failures_wait_longer_until_it_succeeds() -> None:
    queue, now, waits = WorkQueue(), 0.0, []
    queue.add(A, now)
    for _ in range(3):
        assert queue.take(now) == A
        queue.failed(A, now, 0)
        due = queue.wakes()
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    queue.take(now)
    queue.done(A)
    queue.add(A, now)
    queue.take(now)
    queue.failed(A, now, 0)
    assert queue.wakes() == now + FIRST_WAIT


@pytest.mark.parametrize("failures", [1, 2, 5, 20, 10_000])
def test_a_wait_has_an_end_and_a_spread(failures: int) -> None:
    assert wait(failures, 0) <= LONGEST_WAIT
    assert wait(failures, 1) == wait(failures, 0) * (1 - SPREAD)


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "done", "failed"]), st.integers(0, 2), st.integers(0, 5))))
def test_each_runs_once_at_a_time_and_nothing_is_forgotten(steps: list[tuple[str, int, int]]) -> None:
    """Against the plainest model: what was added since it was taken last is still to come."""
    queue, keys, now = WorkQueue(), [key(str(i)) for i in range(3)], 0
    running: set[Key] = set()
    to_come: set[Key] = set()
    for what, which, later in steps:
        one = keys[which]
        now += 1
        if what == "add":
            queue.add(one, now + later)
            to_come.add(one)
        elif what == "take":
            taken = queue.take(now)
            if taken is not None:
                assert taken not in running
                running.add(taken)
                to_come.discard(taken)
        elif one in running:
            running.discard(one)
            if what == "done":
                queue.done(one)
            else:
                queue.failed(one, now, 0)
                to_come.add(one)
        assert len(queue) == len(to_come)
    for one in running:
        queue.done(one)
    assert {queue.take(now + 10_000) for _ in to_come} == to_come
    assert queue.take(now + 10_000) is None
