"""The webhook's app: what it reads is bounded, and whatever is posted gets a clear answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests import fake_time, reviewing
from tradewind import runtime
from tradewind.config import Settings
from tradewind.control.webhook import app, reviews
from tradewind.control.webhook.answering import Decide
from tradewind.errors import StartFailed

REVIEW = json.dumps(reviewing.review(reviewing.request(reviewing.broker(delivery={"retry": -1})))).encode()


class Deciding:
    """Answers over what is always known."""

    async def review(self, body: bytes, decide: Decide) -> bytes:
        request = reviews.read(body)
        return reviews.answer(request, decide(request, reviewing.known(reviewing.broker()), reviewing.RULES))


Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


async def posted(
    to: Asgi, chunks: AsyncIterator[bytes], *, path: str = "/validation", method: str = "POST"
) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of the answer to a body that comes in these chunks."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        try:
            return {"type": "http.request", "body": await anext(chunks), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode()},
        **{
            "query_string": b"",
            "headers": [],
            "scheme": "https",
            "server": ("h", 1),
            "client": ("c", 1),
            "root_path": "",
        },
    }
    await to(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]).decode()


async def chunked(*chunks: bytes, then: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then:
        await then.wait()


async def test_a_review_is_answered_however_it_is_cut() -> None:
    whole = await posted(app.make_app(Deciding()), chunked(REVIEW))
    cut = await posted(app.make_app(Deciding()), chunked(*(REVIEW[n : n + 7] for n in range(0, len(REVIEW), 7))))
    assert whole == cut and whole[0] == 200
    assert json.loads(whole[2])["response"]["status"]["details"]["causes"][0]["field"] == "spec.delivery.retry"


async def test_each_path_has_its_decision() -> None:
    right = json.dumps(reviewing.review(reviewing.request(reviewing.trigger()))).encode()
    to = app.make_app(Deciding())
    answers = [json.loads((await posted(to, chunked(right), path=path))[2]) for path in ("/defaulting", "/validation")]
    assert ["patch" in one["response"] for one in answers] == [True, False]


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "POST", 404), ("/validation", "GET", 405), ("/validation/", "POST", 404)]
)
async def test_nothing_else_is_here(path: str, method: str, status: int) -> None:
    assert (await posted(app.make_app(Deciding()), chunked(REVIEW), path=path, method=method))[0] == status


async def test_what_is_no_review_is_a_400_with_every_fault() -> None:
    status, _, text = await posted(app.make_app(Deciding()), chunked(b'{"kind": 1, "request": []}'))
    assert status == 400
    assert text.splitlines() == [
        "The body is not an AdmissionReview of admission.k8s.io/v1.",
        "AdmissionReview: kind: found 1 (a number), expected a string: put it in quotes",
        "AdmissionReview: request: found an empty list, expected a mapping",
        "AdmissionReview: apiVersion: found nothing, expected a string: it is required",
    ]


async def test_a_body_that_is_too_long_is_refused_while_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BODY", 10)
    never = asyncio.Event()
    status, _, text = await posted(app.make_app(Deciding()), chunked(b"12345", b"67890", b"1", then=never))
    assert (status, text) == (413, "The body is longer than 10 bytes.\n")


def test_all_bodies_together_are_bounded_and_give_their_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_HELD", len(REVIEW) + 3)

    async def scenario() -> None:
        to, end = app.make_app(Deciding()), asyncio.Event()
        slow = asyncio.ensure_future(posted(to, chunked(b"1234", then=end)))
        await asyncio.sleep(1)
        status, headers, _ = await posted(to, chunked(REVIEW))
        assert (status, headers["retry-after"]) == (503, "1")
        end.set()
        assert (await slow)[0] == 400
        assert (await posted(to, chunked(REVIEW)))[0] == 200

    fake_time.run(scenario)


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def scenario() -> None:
        status, _, _ = await posted(app.make_app(Deciding()), chunked(b"1", then=asyncio.Event()))
        assert status == 408
        assert asyncio.get_running_loop().time() == app.SLOW

    fake_time.run(scenario)


def test_a_port_that_is_taken_and_an_address_of_another_machine_are_said_so() -> None:
    with app.bind("127.0.0.1", 0) as listener, pytest.raises(StartFailed, match="cannot be listened on"):
        app.bind("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(StartFailed, match="is not an address to listen on"):
        app.bind("no.such.host.invalid", 1)


async def test_without_its_library_the_process_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartFailed, match="cryptography is not installed") as caught:
        await runtime.webhook(Settings(), asyncio.Event())
    assert "pip install 'tradewind[webhook]'" in caught.value.remedy
