"""Records of `tradewind.sources` ↔ state."""

import pytest

from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import (
    AGAIN,
    DAY,
    Claim,
    LayoutRecord,
    Outbox,
    PositionRecord,
    SourceKey,
    StatusRecord,
    Unwanted,
    View,
    encode,
    kept,
    layout,
    partition_of,
    position_key,
    status_key,
)

SOURCE = SourceKey("PingSource", NamespacedName("default", "a"))
OTHER = SourceKey("PingSource", NamespacedName("default", "b"))
STATUS = StatusRecord("sources-0:1", "Ready", 1.0)


def view(*records: PositionRecord | StatusRecord | None, slot: str = "") -> View:
    found = View()
    for record in records:
        key = status_key(SOURCE, slot) if isinstance(record, StatusRecord) else position_key(SOURCE)
        found.apply(key, None if record is None else encode(record))
    return found


def test_values_are_compact_and_read_back() -> None:
    record = PositionRecord(2, "sources-0:1", {"topic": [1, 2]}, "uid")
    assert encode(record) == b'{"term":2,"owner":"sources-0:1","position":{"topic":[1,2]},"uid":"uid"}'
    assert view(record).position(SOURCE, "uid") == {"topic": [1, 2]}
    assert view(STATUS).statuses[SOURCE] == {"": STATUS}
    assert view(STATUS, slot="s").statuses[SOURCE] == {"s": STATUS}


@pytest.mark.parametrize(
    ("records", "position", "term"),
    [
        ([], None, 1),
        ([PositionRecord(1, "a", 5)], 5, 2),
        ([PositionRecord(1, "a", 5), PositionRecord(1, "a", 4)], 4, 2),  # the same owner's: the later
        ([PositionRecord(2, "b", 5), PositionRecord(1, "a", 9)], 5, 3),  # a late one
        ([PositionRecord(1, "b", 5), PositionRecord(1, "a", 9)], 5, 2),  # of one term: the greater name
        ([PositionRecord(1, "a", 5), PositionRecord(1, "b", 9)], 9, 2),
        ([PositionRecord(1, "a", 5), None], None, 1),
        ([PositionRecord(1, "a", 5, "another uid")], None, 2),
        ([PositionRecord(1, "a", 5, v=2)], None, 1),  # of a later version
    ],
)
def test_which_position_counts(records: list[PositionRecord | None], position: object, term: int) -> None:
    found = view(*records)
    assert found.position(SOURCE, "") == position
    assert found.next_term(SOURCE) == term


def test_who_is_superseded() -> None:
    found = view(PositionRecord(2, "b", 5))
    claims = [Claim(1, "z"), Claim(2, "a"), Claim(2, "b"), Claim(2, "c"), Claim(3, "a")]
    assert [found.superseded(SOURCE, claim) for claim in claims] == [True, True, False, False, False]
    assert not found.superseded(OTHER, Claim(0, ""))


@pytest.mark.parametrize(
    ("value", "partitions"),
    [(encode(LayoutRecord(7)), 7), (None, None), (b"{", None), (b'{"partitions":7,"v":2}', None)],
)
def test_how_many_partitions_hold_sources(value: bytes | None, partitions: int | None) -> None:
    assert layout(value) == partitions


@pytest.mark.parametrize("key", [b"", b"position", b"position/a/b/c/d", b"status/a/b", b"else/a/b/c", b"\xff/\xfe"])
def test_other_keys_mean_nothing(key: bytes) -> None:
    found = View()
    assert found.apply(key, b"{}") is None
    assert not found.positions
    assert not found.statuses


def test_a_slot_may_hold_a_colon() -> None:
    assert StatusRecord("host:8080:1f", "Ready", 1.0).slot == "host:8080"


def test_of_a_key_that_was_taken_away_nothing_lies_there() -> None:
    found = view(PositionRecord(1, "a", 1), None)
    assert not found.lies
    assert not found.positions


def test_what_cannot_be_read_is_not_there() -> None:
    found = View()
    assert found.apply(position_key(SOURCE), b"{") == SOURCE
    assert not found.positions
    found = view(STATUS)
    found.apply(status_key(SOURCE), b"[]")
    assert not found.statuses
    found = view(STATUS)
    found.apply(status_key(SOURCE), None)
    assert not found.statuses


def test_what_lies_in_a_partition_that_is_anothers_is_forgotten() -> None:
    found = View()
    for source in (SOURCE, OTHER):
        found.apply(position_key(source), encode(PositionRecord(1, "a", 1)))
        found.apply(status_key(source), encode(STATUS))
        found.apply(status_key(source, "slot"), encode(STATUS))
    here, there = (partition_of(source, 10) for source in (SOURCE, OTHER))
    assert here != there
    found.forget(here, 10)
    assert set(found.positions) == set(found.statuses) == {OTHER}
    assert set(found.lies) == {position_key(OTHER), status_key(OTHER), status_key(OTHER, "slot")}


def test_what_nobody_wants_is_over_after_a_day() -> None:
    found = View()
    for source in (SOURCE, OTHER):
        found.apply(position_key(source), encode(PositionRecord(1, "a", 1)))
        for slot in ("", "here", "gone"):
            found.apply(status_key(source, slot), encode(STATUS))
    keys = found.unwanted({SOURCE}, {"here"})
    assert keys == {
        position_key(OTHER): OTHER,
        **{status_key(OTHER, slot): OTHER for slot in ("", "here", "gone")},
        status_key(SOURCE, "gone"): SOURCE,
    }
    unwanted = Unwanted()
    assert unwanted.over([b"a", b"b"], now=0) == []
    assert unwanted.over([b"a"], now=DAY / 2) == []
    assert unwanted.over([b"a", b"b"], now=DAY) == [b"a"], "the other was wanted meanwhile"


def test_the_partition_is_the_one_of_kind_and_name() -> None:
    assert partition_of(SOURCE, 10) == 1
    sources = [SourceKey("PingSource", NamespacedName("default", str(number))) for number in range(100)]
    assert {partition_of(source, 10) for source in sources} == set(range(10))


def test_what_is_written_is_written_again_only_if_it_does_not_lie_there() -> None:
    outbox = Outbox()

    def due(value: bytes | None, lies: bytes | None, now: float) -> list[tuple[bytes, bytes | None]]:
        return list(outbox.due({b"k": value}, {} if lies is None else {b"k": lies}, now=now))

    assert due(b"1", None, 0) == [(b"k", b"1")]
    assert due(b"1", None, 1) == [], "it is on its way"
    assert due(b"2", None, 2) == [(b"k", b"2")]
    assert due(b"2", b"1", 3) == [], "what is read is older"
    assert due(b"2", b"2", 4) == []
    assert due(b"2", b"foreign", 5) == [(b"k", b"2")]
    assert due(b"2", b"foreign", 5 + AGAIN) == [(b"k", b"2")]
    outbox.failed(b"k")
    assert due(b"2", b"foreign", 6 + AGAIN) == [(b"k", b"2")]
    assert due(None, b"2", 7 + AGAIN) == [(b"k", None)]
    assert due(None, None, 8 + AGAIN) == []


@pytest.mark.parametrize("position", [None, 7, "a", [1, {"b": None}]])
def test_a_position_is_kept_as_it_will_be_read_back(position: object) -> None:
    assert kept(position) == position
    assert kept({7: (1, 2)}) == {"7": [1, 2]}


def test_a_position_that_is_kept_is_nobody_elses() -> None:
    position = {"at": 1}
    held = kept(position)
    position["at"] = 2
    assert held == {"at": 1}


@pytest.mark.parametrize(
    ("position", "words"), [({1, object()}, "no JSON"), ("\udcff", "no JSON"), ("x" * 600_000, "600,002")]
)
def test_a_position_that_cannot_be_kept(position: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kept(position)
