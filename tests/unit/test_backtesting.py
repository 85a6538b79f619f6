"""What a changed filter gains and loses: the short way and the whole event say the same."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import any_filter
from tradewind.events import kafka
from tradewind.events.json_format import MEDIA_TYPE
from tradewind.events.model import Event
from tradewind.filters.compiling import compiled
from tradewind.filters.names import names
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Filter, Not, read
from tradewind.ports import Bounds, Headers, Record, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.addressed import addressed
from tradewind.trigger_dispatcher.backtesting import NOTHING, Backtest, Change, Covered, newest

CORE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}
A, OTHER, EVERY = read([{"exact": {"type": "a"}}]), read([{"not": {"exact": {"type": "a"}}}]), AllOf(())


def record(offset: int, headers: Headers, value: bytes | None = b"{}", partition: int = 0) -> Record:
    return Record("t", partition, offset, 1000.0 + offset, None, value, headers)


def of(event: Event, offset: int = 0) -> Record:
    headers, value = kafka.write(event)
    return record(offset, tuple(headers), value)


def asked(before: Filter, after: Filter, *records: Record, show: int = 10) -> Backtest:
    test = Backtest(before, after, show=show, max_data_bytes=100)
    test.tell(records)
    return test


def counts(test: Backtest) -> tuple[int, int, int, int]:
    return test.found.before, test.found.after, test.found.gained, test.found.lost


def test_what_is_gained_and_lost_is_counted_and_the_first_of_it_listed() -> None:
    events = [of(Event({**CORE, "id": str(n), "type": "ab"[n % 2]}, b""), n) for n in range(6)]
    found = asked(A, OTHER, *events, show=2)
    assert counts(found) == (3, 3, 3, 3)
    assert found.found.gains == [Change(0, n, 1000.0 + n, str(n), "/s", "b") for n in (1, 3)]
    assert [one.offset for one in found.found.losses] == [0, 2]
    assert counts(asked(A, EVERY, *events)) == (3, 6, 3, 0)
    assert counts(asked(NOTHING, A, *events)) == (0, 3, 3, 0)
    assert counts(asked(A, A, *events)) == (3, 3, 0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        record(0, ()),
        record(0, (("ce_type", b"a"),)),
        record(0, (("ce_type", b"\xff"), ("ce_id", b"1"))),
        record(0, (("content-type", MEDIA_TYPE.encode()),), b"{"),
        record(0, addressed(of(Event(CORE)).headers, NamespacedName("default", "x"))),
    ],
)
def test_what_is_no_event_or_for_one_trigger_alone_counts_for_nobody(odd: Record) -> None:
    assert counts(asked(A, EVERY, odd)) == (0, 0, 0, 0)


def test_an_event_in_structured_mode_is_read_whole() -> None:
    body = b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}'
    structured = record(0, (("content-type", b"Application/CloudEvents+json; charset=utf-8"),), body)
    assert counts(asked(A, OTHER, structured)) == (1, 0, 0, 1)


def test_data_are_looked_at_where_attributes_leave_it_open() -> None:
    large = read([{"exact": {"type": "a"}}, {"cel": "data.n > 5"}])
    events = [of(Event({**CORE, "type": kind}, b'{"n": %d}' % n), n) for n, kind in ((4, "a"), (6, "a"), (7, "b"))]
    assert counts(asked(A, large, *events)) == (2, 1, 0, 1)


full = st.fixed_dictionaries(
    {"id": any_filter.values, "source": st.just("/s"), "type": any_filter.values, "specversion": st.just("1.0")},
    optional={"subject": st.sampled_from("ab"), "n": st.sampled_from(["5", "05"]), "flag": st.just("true")},
)


@given(any_filter.filters, any_filter.filters, full)
def test_the_few_attributes_say_what_all_say(before: Filter, after: Filter, attributes: Mapping[str, str]) -> None:
    event = Event({name: value for name, value in attributes.items() if value.isprintable()} | {"id": "1"})
    if "type" in event.attributes:
        found = asked(before, after, of(event))
        assert found.found.before == compiled(before)(event.attributes)
        assert found.found.after == compiled(after)(event.attributes)


@given(any_filter.filters, any_filter.attributes)
def test_a_filter_looks_at_nothing_else_than_it_names(wanted: Filter, attributes: Mapping[str, str]) -> None:
    few = {name: value for name, value in attributes.items() if name in names(wanted)}
    assert compiled(wanted)(few) is compiled(wanted)(attributes)


def test_the_names_in_a_filter() -> None:
    tree = read([{"exact": {"a": "1"}}, {"not": {"any": [{"suffix": {"b": "1"}}, {"cesql": "EXISTS c AND d < e"}]}}])
    assert names(tree) == {*"abcde"}
    assert names(AnyOf((Not(Cesql("f LIKE 'x'")), read([{"cel": "event.g == 'x'"}])))) == {"f"}


def at(partition: int) -> TopicPartition:
    return TopicPartition("t", partition)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5), st.integers(1, 300))
def test_of_too_many_the_newest_are_read(pairs: list[tuple[int, int]], limit: int) -> None:
    bounds = {at(number): Bounds(start, start + size) for number, (start, size) in enumerate(pairs)}
    cut = newest(bounds, limit)
    read_now, there = (sum(one.end - one.start for one in held.values()) for held in (cut, bounds))
    assert read_now == min(limit, there)
    assert all(bounds[where].start <= one.start and one.end == bounds[where].end for where, one in cut.items())


def test_which_offsets_were_covered() -> None:
    covered = Covered({at(1): Bounds(5, 9), at(0): Bounds(2, 4), at(2): Bounds(3, 3)})
    assert (covered.offsets, covered.stretches()) == (0, [])
    covered.tell([record(5, (), partition=1), record(7, (), partition=1)])
    assert (covered.records, covered.offsets, covered.stretches()) == (2, 3, [(1, 5, 8)])
    covered.whole()
    assert (covered.records, covered.offsets, covered.stretches()) == (2, 6, [(0, 2, 4), (1, 5, 9)])
