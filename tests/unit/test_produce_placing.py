"""Which partition a record goes to, and how long it waits to know."""

import pytest

from tradewind.adapters.kafka_log.produce.partitions import UNKNOWN_TOPIC, Entry, Partition, Topic
from tradewind.adapters.kafka_log.produce.records import Identity, body, murmur2


def entry(told: str, *, due: float = 10.0) -> Entry[str]:
    return Entry(body(None, told.encode(), ()), due, told)


def topic(*leaders: int) -> Topic[str]:
    made: Topic[str] = Topic("topic")
    made.lead(leaders)
    return made


def send(partition: Partition[str]) -> None:
    assert partition.take(0.0, 5, Identity(1, 0)) is not None


def waiting(partition: Partition[str]) -> str:
    return "".join(each.told for each in partition.pending)


def test_a_record_goes_to_its_number_or_its_keys_partition() -> None:
    here = topic(0, 0, 0)
    assert here.place(entry("a"), b"key", 2) is here.partitions[2]
    for key in (b"", b"key", b"abc", b"21"):
        assert here.place(entry("b"), key, None) is here.partitions[murmur2(key) % 3]


def test_records_without_a_key_stay_together_until_they_are_sent() -> None:
    here = topic(0, 0, 0, -1)
    first, second, third, _ = here.partitions
    assert here.place(entry("a"), None, None) is here.place(entry("b"), None, None) is first
    second.pending.append(entry("x"))
    send(second)
    here.turn(second)  # not its turn: nothing changes
    assert here.place(entry("c"), None, None) is first
    send(first)
    here.turn(first)
    assert here.place(entry("d"), None, None) is third  # the second has a batch on its way
    send(third)
    here.turn(third)
    assert here.place(entry("e"), None, None) is first  # all have one, but the fourth has no leader


def test_a_turn_is_not_left_with_a_partition_that_is_held_up() -> None:
    here = topic(0, 0)
    first, second = here.partitions
    second.pending.append(entry("x"))
    send(second)
    here.place(entry("a"), None, None)
    send(first)
    here.turn(first)
    assert here.place(entry("b"), None, None) is second  # none is free
    assert first.batch is not None
    first.stored(first.batch)
    here.free(first)
    assert here.place(entry("c"), None, None) is first
    assert second.batch is not None
    second.stored(second.batch)
    second.pending.clear()
    here.free(second)  # and back, as the first waits
    assert here.place(entry("d"), None, None) is second
    second.pending.clear()
    first.pending.clear()
    here.free(first)  # nothing is held up: nothing changes
    assert here.place(entry("e"), None, None) is second


def test_a_turn_is_not_left_with_a_partition_that_has_no_leader() -> None:
    here = topic(-1, -1)
    assert here.place(entry("a"), None, None) in here.partitions
    here.lead([-1, 1])
    assert here.place(entry("b"), None, None) is here.partitions[1]
    here.lead([0, -1])
    assert here.place(entry("c"), None, None) is here.partitions[0]


def test_records_wait_for_their_partition_and_keep_their_order() -> None:
    here: Topic[str] = Topic("topic")
    assert here.place(entry("a"), None, None) is here.place(entry("b"), b"key", None) is None
    assert here.place(entry("c"), None, 1) is here.place(entry("d"), None, 0) is None
    assert not here.idle
    here.lead([7])
    (first,) = here.partitions
    assert (waiting(first), first.leader, here.idle) == ("abd", 7, False)
    assert (
        here.place(entry("e"), None, 0) is here.place(entry("f"), b"key", None) is first
    )  # which "c" does not hold up
    assert here.place(entry("g"), None, 1) is None
    here.lead([7, 8])
    assert [waiting(each) for each in here.partitions] == ["abdef", "cg"]
    assert here.idle
    assert here.lead([7, 8]) is False


def test_a_topic_that_is_made_anew_with_fewer_partitions() -> None:
    """What is on its way to those that are gone is left to its end; nothing goes there any more."""
    here: Topic[str] = Topic("topic")
    here.lead([7, 7, 7])
    gone = here.partitions[2]
    while here.place(entry("a"), None, None) is not gone:
        here.turn(here.partitions[here._turn])
    assert here.lead([9, 8]) is True
    assert [each.leader for each in (*here.partitions, gone)] == [9, 8, -1]
    for number in range(20):
        assert here.place(entry("b"), b"%d" % number, None) is not gone
        here.turn(here.partitions[here._turn])
    here.free(gone)
    assert here.place(entry("c"), None, None) in here.partitions
    assert waiting(gone) == "a"


def test_it_is_gone_when_kafka_says_so_and_nothing_is_on_its_way() -> None:
    here: Topic[str] = Topic("topic")
    here.lead([7])
    assert not here.gone
    here.error = UNKNOWN_TOPIC
    assert here.gone
    here.place(entry("a"), None, 0)
    assert not here.gone


@pytest.mark.parametrize(
    ("error", "over"),
    [
        (None, {6.0: "", 10.0: "a"}),  # not asked yet
        (0, {5.9: "", 6.0: "a"}),  # the partition is not there
        (3, {5.9: "", 6.0: "a"}),  # the topic is not there
        (5, {6.0: "", 10.0: "a"}),  # no leader now
        (29, {0.0: "ab"}),  # no right to it, and that stays so
    ],
)
def test_records_wait_no_longer_than_makes_sense(error: int | None, over: dict[float, str]) -> None:
    here: Topic[str] = Topic("topic")
    here.place(entry("a"), None, 5)
    here.place(entry("b", due=20.0), None, 5)
    here.error = error
    assert {now: "".join(each.told for each in here.expire(now, 4.0)) for now in over} == over
    assert here.idle is (error == 29)
