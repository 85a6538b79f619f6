"""`tradewind.dev/start`: words and times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.resources import starts


@pytest.mark.parametrize(
    ("text", "canonical", "seconds"),
    [
        ("", "", None),
        ("latest", "latest", None),
        ("earliest", "earliest", None),
        ("1970-01-01T00:00:08Z", "1970-01-01T00:00:08.000000Z", 8.0),
        ("1970-01-01t01:00:08.5+01:00", "1970-01-01T00:00:08.500000Z", 8.5),
        ("1970-01-01T00:00:08.1234567891z", "1970-01-01T00:00:08.123456Z", 8.123456),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z", 1483228800.0),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z", -62135596800.0),
    ],
)
def test_starts(text: str, canonical: str, seconds: float | None) -> None:
    assert starts.canonical(text) == canonical
    assert starts.canonical(canonical) == canonical
    assert starts.seconds(text) == starts.seconds(canonical) == seconds
    assert text == "" or starts.fault(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "Latest", "-2h", "2026-01-31", "2026-01-31T12:00:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"],
)
def test_what_is_no_start(text: str) -> None:
    assert starts.fault(text) == "latest, earliest or an RFC 3339 timestamp such as 2026-01-31T12:00:00Z"


@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()))
def test_whatever_is_taken_has_a_moment(text: str) -> None:
    if starts.fault(text) is None:
        assert starts.seconds(starts.canonical(text)) == starts.seconds(text) is not None
