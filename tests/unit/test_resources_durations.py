"""ISO 8601 durations: `spec.delivery` writes them, nothing else knows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.resources.durations import fault, positive_fault, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT0.2S", 0.2),
        ("PT0,2S", 0.2),
        ("PT0S", 0.0),
        ("PT1M30S", 90.0),
        ("PT1.5M", 90.0),
        ("PT2H", 7200.0),
        ("P1D", 86400.0),
        ("P1DT1S", 86401.0),
        ("P2W", 1209600.0),
        ("P1W1D", 691200.0),
        ("PT600S", 600.0),
    ],
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)
    assert fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "2 seconds",
        "2s",
        "0.2",
        "PT2",
        "P1Y",
        "P1M",
        "PT1S1M",
        "PT1.5M1S",
        "-PT1S",
        "PT-1S",
        "pt1s",
        "PT1S ",
        "PT١S",
        "PT1e3S",
        "PT.5S",
        "P400D",
        f"PT{10**12}S",
        "PT1" + "0" * 5000 + "S",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        seconds(text)
    assert fault(text) is not None


def test_zero_is_a_delay_but_no_timeout() -> None:
    assert fault("PT0S") is None
    assert positive_fault("PT0S") == "a duration longer than zero"
    assert positive_fault("PT0.001S") is None


@given(st.text())
def test_any_text_is_a_duration_or_a_fault(text: str) -> None:
    assert (fault(text) is None) == (text.startswith("P") and _reads(text))


def _reads(text: str) -> bool:
    try:
        return seconds(text) >= 0
    except ValueError:
        return False
