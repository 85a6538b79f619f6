"""What the API server's answers and events mean."""

import json

import pytest

from tradewind.adapters.kube import answers
from tradewind.adapters.kube.answers import Expired, Missing
from tradewind.errors import ApiConflict, ApiDenied, ApiFailed, ApiRefused, ApiUnavailable


def status(code: int, message: str = "because", **more: object) -> dict[str, object]:
    return {"kind": "Status", "status": "Failure", "code": code, "message": message, **more}


def test_an_answer_is_its_json() -> None:
    assert answers.read("GET /x", 200, b'{"kind": "Broker"}') == {"kind": "Broker"}
    assert answers.read("POST /x", 201, b"{}") == {}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (301, ApiRefused),
        (400, ApiRefused),
        (401, ApiDenied),
        (403, ApiDenied),
        (404, Missing),
        (405, ApiRefused),
        (409, ApiConflict),
        (410, Expired),
        (413, ApiRefused),
        (415, ApiRefused),
        (422, ApiRefused),
        (429, ApiUnavailable),
        (500, ApiUnavailable),
        (503, ApiUnavailable),
        (504, ApiUnavailable),
    ],
)
def test_a_failure_is_what_its_status_says_in_the_servers_words(code: int, kind: type[ApiFailed]) -> None:
    with pytest.raises(ApiFailed) as raised:
        answers.read("GET /x", code, json.dumps(status(code)).encode())
    assert type(raised.value) is kind
    assert str(raised.value) == f"GET /x: {code}: because"


def test_a_message_that_repeats_a_whole_object_is_cut() -> None:
    """A status that held all of it would be refused in its turn, so nobody would be told anything."""
    begin, end = "b" * (answers.LONGEST - answers.END), "e" * answers.END
    said = str(answers.failure("POST /x", 422, status(422, message=begin + "x" * 1_000_000 + end)))
    assert said == f"POST /x: 422: {begin} … (1,000,000 characters more) … {end}"


@pytest.mark.parametrize(
    ("causes", "kind"),
    [
        ([{"field": "metadata.uid"}], ApiConflict),
        ([{"field": "spec"}, {"field": "metadata.uid"}], ApiConflict),
        ([{"field": "spec"}], ApiRefused),
        (["odd"], ApiRefused),
        ([], ApiRefused),
        (None, ApiRefused),
    ],
)
def test_another_uid_is_a_conflict(causes: object, kind: type[ApiFailed]) -> None:
    assert type(answers.failure("PATCH /x", 422, status(422, details={"causes": causes}))) is kind


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Bad Gateway</html>\n", "<html>Bad Gateway</html>"),
        (b"", "no word why"),
        (b'{"message": ""}', '{"message": ""}'),
        (b'{"message": 7}', '{"message": 7}'),
        (b"[]", "[]"),
        (b"\xff", "\ufffd"),
        (b"x" * 1000, "x" * answers.SHOWN),
    ],
)
def test_a_failure_without_a_message_shows_what_it_has(body: bytes, said: str) -> None:
    with pytest.raises(ApiUnavailable) as raised:
        answers.read("GET /x", 502, body)
    assert str(raised.value) == f"GET /x: 502: {said}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\xff", b'"' + b"\xff" + b'"', b"[" * 100_000])
def test_a_success_without_an_object_decides_nothing(body: bytes) -> None:
    with pytest.raises(ApiUnavailable, match="no API server"):
        answers.read("GET /x", 200, body)


def test_an_event_is_its_json() -> None:
    event = {"type": "ADDED", "object": {"metadata": {"name": "a"}}}
    assert answers.event("WATCH /x", json.dumps(event).encode()) == event


@pytest.mark.parametrize(
    ("code", "kind"), [(410, Expired), (403, ApiDenied), (500, ApiUnavailable), (504, ApiUnavailable)]
)
def test_an_event_of_an_error_is_what_its_code_says(code: int, kind: type[ApiFailed]) -> None:
    with pytest.raises(kind, match=f"WATCH /x: {code}: too old"):
        answers.event("WATCH /x", json.dumps({"type": "ERROR", "object": status(code, "too old")}).encode())


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"no", b'{"type":"ADDED"}', b'{"type":"ADDED","object":{}}', b'{"type":"ERROR","object":{}}']
)
def test_what_is_no_event_decides_nothing(line: bytes) -> None:
    with pytest.raises(ApiUnavailable, match="no event of a watch"):
        answers.event("WATCH /x", line)
