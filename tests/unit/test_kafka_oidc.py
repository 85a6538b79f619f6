"""Tokens by the client-credentials flow: what is asked, and what an answer says."""

import base64
import json

import pytest

from tradewind.adapters.kafka_log.oidc import LIFETIME, Token, fault, question, token
from tradewind.resources.kafka_auth import KafkaAuth

NOW = 1000.0


def jwt(claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
    return ".".join([*parts, ""])


def test_what_is_asked() -> None:
    headers, body = question(KafkaAuth(user="me", password="wörd:+"))
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "me:wörd:+"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert body == b"grant_type=client_credentials"


def test_a_scope_is_asked_for() -> None:
    assert question(KafkaAuth(user="me", password="x", scope="a b"))[1] == b"grant_type=client_credentials&scope=a+b"


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ({"access_token": "abc", "expires_in": 60}, NOW + 60),
        ({"access_token": jwt({"exp": 5000}), "expires_in": 60}, NOW + 60),
        ({"access_token": jwt({"exp": 5000})}, 5000.0),
        ({"access_token": jwt({"exp": 5000}), "expires_in": -1}, 5000.0),
        ({"access_token": jwt({"exp": True})}, NOW + LIFETIME),
        ({"access_token": jwt([])}, NOW + LIFETIME),
        ({"access_token": "a.*.c", "expires_in": "60"}, NOW + LIFETIME),
        ({"access_token": "a.b.c"}, NOW + LIFETIME),
        ({"access_token": "abc", "expires_in": 1e13}, NOW + LIFETIME),
    ],
)
def test_how_long_a_token_counts(said: dict[str, object], until: float) -> None:
    assert token(json.dumps(said).encode(), NOW) == Token(str(said["access_token"]), NOW, until)


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"\xff", b"[]", b"{}", b"[" * 100_000),
        *(json.dumps({"access_token": each}).encode() for each in (None, 1, "", "a b", "é", "a\1")),
    ],
)
def test_an_answer_without_a_token(answer: bytes) -> None:
    assert token(answer, NOW) is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b'{"error": "invalid_client"}', "invalid_client"),
        (b'{"error": "invalid_client", "error_description": "who?"}', "invalid_client: who?"),
        (b'{"error": 1}', ""),
        (b"<html>", ""),
    ],
)
def test_why_there_is_none(answer: bytes, why: str) -> None:
    assert fault(answer) == why


def test_a_token_is_replaced_ahead_of_its_end() -> None:
    got = Token("abc", NOW, NOW + 100)
    assert [got.fresh(NOW + passed) for passed in (0, 74, 75, 101)] == [True, True, False, False]
    assert "abc" not in repr(got)
