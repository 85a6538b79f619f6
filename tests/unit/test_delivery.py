"""What an answer means, when the next attempt is due, and what follows it."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event
from tradewind.delivery import journey as j
from tradewind.delivery.schedule import MAX_EXPONENT, Delivery, backoff, remaining, retry_after
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome, Verdict, crowded, verdict
from tradewind.events.model import HOPS, Event

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        *((Answer(status), Verdict.ACCEPTED) for status in (200, 201, 202, 204, 299)),
        *((Answer(status), Verdict.RETRY) for status in (404, 408, 409, 429, 500, 502, 503, 504, 599, 600)),
        *((Answer(status), Verdict.REFUSED) for status in (100, 199, 300, 301, 302, 307, 308, 399)),
        *((Answer(status), Verdict.REFUSED) for status in (400, 401, 403, 405, 406, 410, 413, 415, 422, 428, 430, 499)),
        (NoAnswer("connection refused"), Verdict.RETRY),
    ],
)
def test_verdicts(outcome: Outcome, expected: Verdict) -> None:
    assert verdict(outcome) is expected


@pytest.mark.parametrize(
    ("exponential", "waits"), [(True, [0.4, 0.8, 1.6, 3.2, 6.4]), (False, [0.2, 0.4, 0.6, 0.8, 1.0])]
)
def test_back_off(exponential: bool, waits: list[float]) -> None:
    delivery = Delivery(exponential=exponential)
    found = [backoff(delivery, n, cap=1e9, jitter=0.0, chance=0.5) for n in range(1, 6)]
    assert found == pytest.approx(waits)


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_wait_stays_within_its_cap_and_its_jitter(
    retry: int, delay: float, jitter: float, chance: float, exponential: bool
) -> None:
    delivery = Delivery(exponential=exponential, delay=delay)
    whole = backoff(delivery, retry, cap=600.0, jitter=0.0, chance=0.0)
    wait = backoff(delivery, retry, cap=600.0, jitter=jitter, chance=chance)
    assert 0.0 <= whole * (1 - jitter) <= wait + 1e-9 <= whole + 2e-9 <= 600.0 + 2e-9


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from([0.0, 1e-300, 0.2, 1.0, 7.0, 600.0, 1e6]),
    st.booleans(),
)
def test_what_remains_of_a_schedule_is_the_sum_of_its_waits(
    retry: int, attempts: int, delay: float, exponential: bool
) -> None:
    delivery = Delivery(retry=retry, delay=delay, exponential=exponential)
    waits = [backoff(delivery, n, cap=600.0, jitter=0.0, chance=0.0) for n in range(attempts + 1, retry + 1)]
    assert remaining(delivery, attempts, cap=600.0) == pytest.approx(sum(waits))


def test_what_remains_is_computed_at_once_also_of_two_thousand_million_retries() -> None:
    for exponential in (True, False):
        delivery = Delivery(retry=2**31, exponential=exponential)
        assert remaining(delivery, MAX_EXPONENT + 5, cap=600.0) == pytest.approx(600.0 * 2**31, rel=1e-5)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        *((Answer(status), True) for status in (429, 503)),
        *((Answer(status), False) for status in (200, 204, 400, 404, 408, 409, 500, 502, 504)),
        *((NoAnswer(reason), True) for reason in ("connection refused", "connection reset", "timed out after 30 s")),
    ],
)
def test_what_was_too_much_at_once(outcome: Outcome, expected: bool) -> None:
    assert crowded(outcome) is expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        (format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True), 90.0),
        (format_datetime(datetime.fromtimestamp(NOW - 90, UTC), usegmt=True), 0.0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("99999999999", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ("", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, now=NOW) == seconds
    assert retry_after({}, now=NOW) is None


def terms(*, retry: int = 2, sink: bool = False, retry_after_max: float | None = None) -> j.Terms:
    delivery = Delivery(retry=retry, delay=1.0, exponential=False, retry_after_max=retry_after_max)
    return j.Terms(delivery, "http://a", sink, NOW, 0.0, 600.0, 0.0)


SPENT = j.Journey(attempts=2)
SINK = j.Journey(j.Phase.SINK, 0, j.Failure("http://a", "status 500", 500))


@pytest.mark.parametrize(
    ("journey", "outcome", "sink", "expected"),
    [
        (j.Journey(), Answer(202), False, j.Settle()),
        (j.Journey(), Answer(204), False, j.Settle()),
        (j.Journey(), Answer(200), False, j.Reply(Answer(200))),
        (j.Journey(), Answer(201), False, j.Reply(Answer(201))),
        (j.Journey(), Answer(500), False, j.Wait(j.Journey(attempts=1), NOW + 1)),
        (j.Journey(attempts=1), NoAnswer("x"), False, j.Wait(j.Journey(attempts=2), NOW + 2)),
        (SPENT, NoAnswer("x"), False, j.Bury(j.Failure("http://a", "x"), "retries spent")),
        (j.Journey(), Answer(400), False, j.Bury(j.Failure("http://a", "status 400", 400), "refused")),
        (
            j.Journey(),
            Answer(400),
            True,
            j.Forward(j.Journey(j.Phase.SINK, 0, j.Failure("http://a", "status 400", 400))),
        ),
        (SINK, Answer(200), True, j.Settle()),
        (SINK, Answer(503), True, j.Wait(j.Journey(j.Phase.SINK, 1, SINK.failure), NOW + 1)),
        (SINK, Answer(400), True, j.Bury(j.Failure("http://a", "status 500", 500), "dead-letter sink: refused")),
        (
            SINK,
            NoAnswer("no address"),
            False,
            j.Bury(j.Failure("http://a", "status 500", 500), "dead-letter sink: gone"),
        ),
    ],
)
def test_what_follows(journey: j.Journey, outcome: Outcome, sink: bool, expected: j.Step) -> None:
    assert j.after(journey, outcome, terms(sink=sink)) == expected


@pytest.mark.parametrize(
    ("status", "bound", "wait"),
    [(429, None, 50), (503, None, 50), (503, 40.0, 40), (503, 20.0, 20), (503, 0.0, 1), (500, None, 1), (404, None, 1)],
)
def test_retry_after_lengthens_a_wait_where_it_counts(status: int, bound: float | None, wait: float) -> None:
    step = j.after(j.Journey(), Answer(status, {"retry-after": "50"}), terms(retry_after_max=bound))
    assert step == j.Wait(j.Journey(attempts=1), NOW + wait)


def test_what_is_over_in_wall_time_is_spent_unless_another_attempt_is_asked_for() -> None:
    over = replace(terms(retry=10), over=True)
    spent = j.after(j.Journey(), Answer(503), over)
    assert isinstance(spent, j.Bury)
    assert spent.reason == "held until its retries were over"  # one attempt was made of eleven
    last = j.after(j.Journey(attempts=10), Answer(503), over)
    assert isinstance(last, j.Bury)
    assert last.reason == "retries spent"
    assert isinstance(j.after(j.Journey(), Answer(503), replace(over, has_sink=True)), j.Forward)
    sink = j.after(SINK, Answer(503), replace(over, has_sink=True))
    assert isinstance(sink, j.Bury)
    assert sink.reason == "dead-letter sink: held until its retries were over"
    asked = j.after(j.Journey(), Answer(503, {"retry-after": "50"}), over)
    assert asked == j.Wait(j.Journey(attempts=1), NOW + 50.0)
    assert j.after(j.Journey(), Answer(202), over) == j.Settle()
    ignored = replace(over, delivery=replace(over.delivery, retry_after_max=0.0))
    assert isinstance(j.after(j.Journey(), Answer(503, {"retry-after": "50"}), ignored), j.Bury)


def test_retry_after_does_not_outlast_retention() -> None:
    step = j.after(j.Journey(), Answer(503, {"retry-after": "9999999999"}), terms())
    assert step == j.Wait(j.Journey(attempts=1), NOW + j.MOST_RETRY_AFTER)


@given(st.lists(st.sampled_from([Answer(200), Answer(503), Answer(400), NoAnswer("x")])), st.booleans())
def test_every_way_ends_and_never_in_between(outcomes: list[Outcome], sink: bool) -> None:
    """However the attempts end, there are at most retry + 1 in each phase, and the end is Settle, Reply or Bury."""
    journey, attempts = j.Journey(), 0
    for outcome in (*outcomes, *[Answer(503)] * 8):
        attempts += 1
        step = j.after(journey, outcome, terms(sink=sink))
        if isinstance(step, j.Wait | j.Forward):
            journey = step.journey
            continue
        break
    assert isinstance(step, j.Settle | j.Reply | j.Bury)
    assert attempts <= (6 if sink else 3)


def test_a_failure_keeps_what_the_answer_said() -> None:
    headers = {"kne-why": "busy", "kne-bad-name": "x", "kne-raw": "a\x00", "kne-": "x", "other": "x"}
    headers |= {"kne-data": "x", "kne-id": "x", "kne-empty": ""}
    found = j.failure_of(Answer(500, headers, b"\x00" * 2000), "http://a")
    assert found.extra == {"why": "busy"}
    assert base64.b64decode(found.data) == b"\x00" * 1024
    assert j.failure_of(NoAnswer("timed out after 30 s"), "http://a") == j.Failure("http://a", "timed out after 30 s")


def test_a_failure_keeps_no_more_than_a_record_can_carry() -> None:
    many = j.failure_of(Answer(500, {f"kne-a{number}": "x" for number in range(99)}), "http://a")
    assert len(many.extra) == j.EXTRA_ATTRIBUTES
    large = j.failure_of(
        Answer(500, {"kne-large": "x" * 5000, "kne-half": "x" * 3000, "kne-other": "x" * 3000}), "http://a"
    )
    assert large.extra == {"half": "x" * 3000}


def test_a_dead_letter_never_changes_what_the_event_is() -> None:
    sent = event(data=b"x", time="2026-01-01T00:00:00Z")
    failure = j.Failure("http://a", "status 500", 500, "eA==", {"why": "busy"})
    letter = j.dead_letter(sent, failure)
    assert letter.data == b"x"
    assert {k: v for k, v in letter.attributes.items() if k in sent.attributes} == sent.attributes
    assert letter.attributes["why"] == "busy"
    assert letter.attributes["knativeerrorcode"] == "500"
    assert letter.attributes["knativeerrordata"] == "eA=="
    assert letter.attributes[HOPS] == "254"


def hopping(text: str) -> Event:
    return event(knativebrokerttl=text)


@pytest.mark.parametrize(
    ("text", "left"), [("9", 9), ("0", 0), ("", 255), ("x", 255), ("-1", 0), ("٣", 255), ("9" * 30, 255)]
)
def test_hops(text: str, left: int) -> None:
    assert j.hops(hopping(text)) == left
    assert j.hops(event()) == 255


def test_replies_count_their_hops_down_to_an_end() -> None:
    cause = hopping("3")
    first = j.reply(hopping("200"), cause)
    assert first is not None
    assert first.attributes[HOPS] == "2"
    assert j.reply(event(), hopping("1")) is None
    assert HOPS not in j.outgoing(first).attributes
    assert j.outgoing(event()) == event()


@pytest.mark.parametrize("journey", [j.Journey(), SPENT])
@pytest.mark.parametrize("status", [100, 199, 200, 201, 202, 204, 299, 300, 400, 404, 500])
def test_what_ends_a_way_whatever_the_terms_is_to_be_settled(journey: j.Journey, status: int) -> None:
    answer = Answer(status)
    assert j.ends(answer) == (j.after(journey, answer, terms()) == j.Settle())
