"""What is on its way to a partition, rule by rule; test_produce_laws.py drives them all at once."""

import pytest

from tests.kafka_batches import Read, read
from tradewind.adapters.kafka_log.produce.partitions import (
    BATCH_BYTES,
    MANY,
    NOT_NOW,
    OF_ONE,
    OUT_OF_STEP,
    REFUSED,
    WELL,
    Batch,
    Entry,
    Partition,
    Topic,
)
from tradewind.adapters.kafka_log.produce.records import Identity, body

FIRST, SECOND, THIRD = Identity(1, 0), Identity(2, 0), Identity(3, 0)
LARGEST_OF_A_TOPIC = 1_048_588
"""Kafka's default of max.message.bytes."""


def entry(told: str, *, due: float = 10.0, size: int = 0) -> Entry[str]:
    return Entry(body(None, told.encode() + b"." * size, ()), due, told)


def topic(*leaders: int) -> Topic[str]:
    made: Topic[str] = Topic("topic")
    made.lead(leaders or [0])
    return made


def partition(told: str = "", *, size: int = 0) -> Partition[str]:
    """One to which these records are on their way."""
    made = topic().partitions[0]
    made.pending.extend(entry(each, size=size) for each in told)
    return made


def sent(partition: Partition[str], now: float = 0.0, identity: Identity | None = FIRST) -> Batch[str]:
    batch = partition.take(now, 5, identity)
    assert batch is not None
    return batch


def told(batch: Batch[str]) -> str:
    return "".join(each.told for each in batch.entries)


def place(batch: Batch[str]) -> tuple[int, int]:
    """Whose it is, and its sequence."""
    found: Read = read(batch.data)
    assert [record.value for record in found.records] == [each.told.encode() for each in batch.entries]
    assert found.times == (5, 5)
    return found.producer[0], found.sequence


def waiting(partition: Partition[str]) -> str:
    return "".join(each.told for each in partition.pending)


# --- batches


def test_all_that_is_there_goes_together_and_one_batch_at_a_time() -> None:
    here = partition("abc")
    batch = sent(here)
    assert (told(batch), place(batch), batch.flying) == ("abc", (1, 0), True)
    here.pending.append(entry("d"))
    assert here.take(0.0, 5, FIRST) is None
    assert not here.idle
    here.stored(batch)
    following = sent(here, identity=SECOND)  # it keeps the identity that it has
    assert (told(following), place(following)) == ("d", (1, 3))
    here.stored(following)
    assert here.idle
    assert here.take(0.0, 5, FIRST) is None


@pytest.mark.parametrize("size", [1, 50, 100, 1000, 100_000, BATCH_BYTES // 2, BATCH_BYTES])
def test_a_batch_is_no_larger_than_a_topic_takes(size: int) -> None:
    """Counted with what a batch adds to its records, which is much where these are small."""
    here = partition()
    here.pending.extend(entry("x", size=size) for _ in range(2 + 2 * BATCH_BYTES // (size + 10)))
    batch = sent(here)
    assert here.pending
    assert len(batch.data) <= BATCH_BYTES < LARGEST_OF_A_TOPIC or len(batch.entries) == 1


def test_what_is_larger_than_a_batch_goes_alone() -> None:
    here = partition()
    here.pending += [entry("a"), entry("b", size=2 * BATCH_BYTES), entry("c")]
    for expected in "abc":
        batch = sent(here)
        assert told(batch) == expected
        here.stored(batch)


def test_after_the_highest_sequence_comes_0() -> None:
    here = partition("a")
    here.stored(sent(here))
    here._sequence = 2**31 - 2
    here.pending += [entry("b"), entry("c"), entry("d")]
    batch = sent(here)
    assert place(batch) == (1, 2**31 - 2)
    here.stored(batch)
    here.pending.append(entry("e"))
    assert place(sent(here)) == (1, 1)


# --- once more


def test_the_same_bytes_are_sent_again_not_before_their_time() -> None:
    here = partition("ab")
    batch = sent(here)
    data = batch.data
    here.pending.append(entry("c"))
    here.retry(batch, 3.0, 7)
    assert (batch.flying, here.error) == (False, 7)
    assert here.take(2.9, 6, FIRST) is None
    assert sent(here, 3.0) is batch
    assert (batch.data, batch.flying) == (data, True)
    assert here.take(9.0, 6, FIRST) is None
    here.retry(batch, 4.0)
    assert here.error == 0
    here.stored(sent(here, 4.0))
    assert place(sent(here)) == (1, 2)


# --- refusals


def test_a_refusal_halves_until_the_one_record_is_found() -> None:
    here, stored, refused, tries = partition("abcdXefg"), "", "", []
    while not here.idle:
        batch = sent(here)
        tries.append(told(batch))
        assert place(batch) == (1, len(stored))  # what is refused takes no sequence
        if "X" in tries[-1]:
            refused += "".join(each.told for each in here.refused(batch, 10))
        else:
            stored += tries[-1]
            here.stored(batch)
    assert (stored, refused) == ("abcdefg", "X")
    assert tries == ["abcdXefg", "abcd", "Xefg", "Xe", "X", "e", "fg"]


def test_batches_grow_again_after_a_refusal() -> None:
    here = partition("ab")
    assert here.refused(sent(here), 10) == ()
    here.pending.extend(entry("x") for _ in range(60))
    sizes = []
    while not here.idle:
        batch = sent(here)
        sizes.append(len(batch.entries))
        here.stored(batch)
    assert sizes == [*range(1, 10), 10, 7]
    here._most = MANY - 1
    here.pending.append(entry("x"))
    here.stored(sent(here))
    assert here._most == MANY


@pytest.mark.parametrize("error", sorted(OUT_OF_STEP))
def test_out_of_step_goes_on_under_another_identity(error: int) -> None:
    here = partition("ab")
    here.stored(sent(here))
    here.pending += [entry("c"), entry("d")]
    batch = sent(here)
    here.pending.append(entry("e"))
    assert here.refused(batch, error) == ()
    assert here.lacks(FIRST)
    assert here.lacks(None)
    assert here.take(0.0, 5, FIRST) is here.take(0.0, 5, None) is None
    assert waiting(here) == "cde"
    assert not here.lacks(SECOND)
    renewed = sent(here, identity=SECOND)
    assert (told(renewed), place(renewed)) == ("cde", (2, 0))
    assert not here.lacks(None)


@pytest.mark.parametrize("error", [-1, 1, 22, 55])
def test_an_unknown_error_gives_up_and_spends_the_identity(error: int) -> None:
    here = partition("ab")
    batch = sent(here)
    here.pending.append(entry("c"))
    assert here.refused(batch, error) == batch.entries
    assert here.lacks(FIRST)
    assert place(sent(here, identity=SECOND)) == (2, 0)


@pytest.mark.parametrize("error", sorted(REFUSED))
def test_a_verdict_on_one_record_costs_no_identity(error: int) -> None:
    here = partition("a")
    batch = sent(here)
    assert here.refused(batch, error) == batch.entries
    here.pending.append(entry("b"))
    assert place(sent(here, identity=SECOND)) == (1, 0)


@pytest.mark.parametrize("error", sorted(REFUSED - OF_ONE))
def test_a_verdict_on_the_request_ends_all_its_records(error: int) -> None:
    """A right that is missing will be missing for each of them."""
    here = partition("abc")
    batch = sent(here)
    assert here.refused(batch, error) == batch.entries
    assert here.idle


def test_a_verdict_on_what_kafka_may_have_already_spends_the_identity() -> None:
    """The right to a topic is withdrawn after a batch was stored and before it is sent again: under its sequence Kafka
    would take the next one for it."""
    here = partition("a")
    batch = sent(here)
    here.retry(batch, 0.0)
    assert here.refused(sent(here), 29) == batch.entries
    here.pending += [entry("b"), entry("c")]
    renewed = sent(here, identity=SECOND)
    assert place(renewed) == (2, 0)
    here.retry(renewed, 0.0, 7)
    assert here.answered(sent(here), 10, 0.0) == (renewed.entries, 0)  # it is not known, and they are not sent again
    here.pending.append(entry("d"))
    assert place(sent(here, identity=THIRD)) == (3, 0)


@pytest.mark.parametrize("error", sorted(OUT_OF_STEP))
def test_what_kafka_may_have_is_not_sent_under_another_identity(error: int) -> None:
    """It would be there twice."""
    here = partition("ab")
    batch = sent(here)
    assert here.answered(batch, None, 0.0) == ((), None)
    assert here.answered(sent(here), error, 0.0) == (batch.entries, 0)
    assert here.idle and here.lacks(FIRST)


def test_an_error_has_one_meaning() -> None:
    kinds = [WELL, NOT_NOW, OUT_OF_STEP, REFUSED]
    assert len(frozenset().union(*kinds)) == sum(map(len, kinds))
    assert -1 not in frozenset().union(*kinds)


# --- too late


def test_a_record_of_a_batch_is_told_once() -> None:
    """Too late for the first: the others have their end when Kafka answers, or does not."""
    for error, ended in ((0, None), (10, None), (29, 29), (-1, -1)):
        here = partition()
        here.pending += [entry("a", due=1.0), entry("b", due=2.0), entry("c", due=3.0)]
        batch = sent(here)
        assert [each.told for each in here.expire(1.0, 5.0)] == ["a"]
        assert here.expire(1.5, 5.0) == []
        entries, said = here.answered(batch, error, 0.0)
        assert [each.told for each in [*entries, *here.pending]] == ["b", "c"]
        assert (said, batch.told) == (ended if entries else error, 1)


def test_a_batch_is_given_up_with_the_last_of_its_records() -> None:
    here = partition()
    here.pending += [entry("a", due=1.0), entry("b", due=2.0)]
    batch = sent(here)
    here.pending += [entry("c", due=2.0), entry("d", due=3.0)]
    assert [each.told for each in here.expire(1.9, 5.0)] == ["a"]
    assert here.batch is batch
    assert [each.told for each in here.expire(2.0, 5.0)] == ["b", "c"]
    assert here.batch is None
    assert waiting(here) == "d"
    assert here.take(2.0, 5, FIRST) is None
    assert place(sent(here, identity=SECOND)) == (2, 0)


def test_what_is_not_sent_yet_expires_and_costs_no_identity() -> None:
    here = partition("a")
    here.stored(sent(here))
    here.pending += [entry("b", due=2.0), entry("c", due=3.0)]
    assert [each.told for each in here.expire(2.5, 5.0)] == ["b"]
    assert place(sent(here, identity=SECOND)) == (1, 1)


@pytest.mark.parametrize(("error", "over"), [(3, ["a", "b"]), (7, []), (0, [])])
def test_of_a_topic_that_is_not_there_records_expire_early(error: int, over: list[str]) -> None:
    here = partition("a")
    here.retry(sent(here), 0.0, error)
    here.pending.append(entry("b"))
    assert [each.told for each in here.expire(6.0, 4.0)] == over
