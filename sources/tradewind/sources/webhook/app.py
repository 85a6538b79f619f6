"""The port's requests: read within bounds, converted, and answered once what they brought is stored.

    head ──► 404, 405, 431, 400, 411, 415, 413     body ──► 413, 408, 503     convert ──► 2xx at once, 4xx
      events ──desk──► all stored: the source's `response`, 202    not in time: 503 with Retry-After

The whole of it takes less than the sender waits.  What is answered with 503 may be stored all the same, and then comes
again with the same id, where it has one of its own.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from tradewind.errors import Fault, Rejected
from tradewind.events.attributes import shown
from tradewind.events.http import RawHeaders
from tradewind.observe.logs import Log
from tradewind.resources.model import NamespacedName
from tradewind.resources.webhooks import Answer as Said
from tradewind.sources import admission
from tradewind.sources.emission import Emission, NoEvent
from tradewind.sources.webhook import convert, heads
from tradewind.sources.webhook.desk import Desk
from tradewind.sources.webhook.outcomes import Accepted, Confirms, Kept, NeedsCertificate, Outcome, Refused, Told
from tradewind.sources.webhook.port import Port, Served
from tradewind.sources.webhook.request import Request
from tradewind.web import handshakes, problem
from tradewind.web.framing import CLOSING

log = Log("sources")

RETRY_AFTER = {"Retry-After": "1"}

MAX_READING = 64 * 1024 * 1024
"""Bytes of bodies that are being read at once, of all sources."""

MAX_READING_EACH = MAX_READING // 4
"""Of one source: bodies are read before it is known who sends them, so anybody may keep these open."""

KEPT = (b"content-type", b"x-github-event", b"x-github-delivery", b"x-gitlab-event", b"x-shopify-topic", b"webhook-id")
"""Header fields that go to the dead letters with a body: what it is.  Never who signed it, or with what."""

Headers = list[tuple[bytes, bytes]]


class Answer(Exception):
    """What a request is answered with, found while it is still being read."""

    def __init__(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.fields: Headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if status != 204:
            self.fields.append((b"content-length", str(len(body)).encode()))


class _Gone(Exception):
    """The sender is."""


def _rejected(status: int, why: str, *faults: Fault, headers: dict[str, str] | None = None) -> Answer:
    return Answer(*problem.answer(Rejected(status, why, faults=faults, headers=headers)))


def _busy(why: str) -> Answer:
    return _rejected(503, why, headers=RETRY_AFTER)


class Endpoint:
    """The app: every request, whatever its method and path.

    A plain ASGI callable: there is one route, and a framework around it was a third of what an event costs.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._limits = admission.Limits.of(port.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.  A sender that is gone gets no answer."""
        began = asyncio.get_running_loop().time()
        served: Served | None = None
        try:
            served = self._find(scope["path"])
            answer = await self._answer(served, scope, receive, began)
        except Answer as found:
            answer = found
        except Rejected as refused:
            answer = Answer(*problem.answer(refused))
        except _Gone:
            return
        except asyncio.CancelledError:  # the top of this task: the server stops, and its grace is over
            answer = _busy("Tradewind stops before this is stored.")
        except Exception:
            log.exception("request failed", path=shown(scope["path"]))
            answer = _rejected(500, "Tradewind failed; its log says why.")
        if served is not None and answer.status >= 400:
            self._refused(served, answer)
        await _say(send, answer)

    def _find(self, path: str) -> Served:
        parts = path.removesuffix("/").split("/")
        name = NamespacedName(parts[2], parts[3]) if len(parts) == 4 and parts[:2] == ["", "webhooks"] else None
        if name is not None:
            if (served := self._port.served.get(name)) is not None:
                return served
            if self._port.is_away(name):
                raise _busy(f"The source {name} takes nothing now: `tradewind get sources` says why.")
        fault = Fault("path", shown(path), "/webhooks/{namespace}/{name} of a WebhookSource", "RFC 9110 15.5.5")
        raise _rejected(404, "There is no source here.", fault)

    def _refused(self, served: Served, answer: Answer) -> None:
        self._port.refuse(served, answer.status)
        told = log.debug if served.webhook.sender.retries or answer.status in (401, 403) else log.warning
        told("request refused", source=served.plan.source.metadata.name, status=answer.status, why=answer.body.decode())

    async def _answer(self, served: Served, scope: Scope, receive: Receive, began: float) -> Answer:
        headers: RawHeaders = scope["headers"]
        if scope["method"] == "OPTIONS":
            return Answer(200, list(handshakes.handshake(headers).items()), b"")
        most = min(served.webhook.max_body_bytes or self._most, self._most)
        head = self._port.settings.max_header_bytes
        if (wrong := heads.wrong(scope["method"], headers, scope["http_version"], most=most, head=head)) is not None:
            raise wrong
        reading = True
        try:
            async with asyncio.timeout_at(began + served.webhook.wait):
                body = await self._read(receive, most, served.desk)
                reading = False
                request = Request(headers, scope["query_string"], body)
                return await self._settled(served, request, await self._outcome(served, request, most))
        except TimeoutError:
            if reading:
                raise _rejected(408, "The body did not arrive in time.", headers=dict(CLOSING)) from None
            raise _busy("It could not be stored in time: Kafka, or the sink, does not take it now.") from None

    @property
    def _most(self) -> int:
        return self._port.settings.max_event_bytes

    async def _read(self, receive: Receive, most: int, desk: Desk) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                self._port.reading += len(chunk)
                desk.reading += len(chunk)
                if size > most:
                    raise heads.too_large(f"more than {most} bytes", most)
                if self._port.reading > MAX_READING or desk.reading > MAX_READING_EACH:
                    raise _busy("There is no room for more bodies now.")
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._port.reading -= size
            desk.reading -= size

    async def _outcome(self, served: Served, request: Request, most: int) -> Outcome:
        port = self._port
        given = convert.Given(served.uri, served.secrets, most, port.time.clock(), port.identity(), port.certificates)
        found = convert.outcome(request, served.webhook, given)
        if isinstance(found, NeedsCertificate):
            if why := await port.certificate(found.url):
                log.warning("certificate is not to be had", url=found.url, why=why)
                raise _busy(f"The certificate of Amazon SNS is not to be had: {why}.")
            found = convert.outcome(request, served.webhook, given._replace(certificates=port.certificates))
        return found

    async def _settled(self, served: Served, request: Request, outcome: Outcome) -> Answer:
        match outcome:
            case Accepted(events):
                if served.webhook.check is None and (wrong := admission.refusal(events, self._limits)):
                    raise _rejected(wrong[0], wrong[1])  # or anybody could fill the dead letters
                weight = sum([event.weight for event in events])
                await self._stored(served, [Emission(event) for event in events], weight)
                return _stored(served.webhook.answer)
            case Kept():
                headers = tuple((name.decode(), value) for name, value in request.headers if name in KEPT)
                letter = NoEvent(outcome.reason, request.body, headers)
                await self._stored(served, [letter], len(request.body))
                why = f"Kept in the dead letters.  {outcome.why}"
                return Answer(202, [("Content-Type", problem.MEDIA_TYPE)], problem.body(202, why, outcome.faults))
            case Told(status, body, media_type):
                return Answer(status, [("Content-Type", media_type)] if media_type else [], body)
            case Confirms(url):
                return await self._confirmed(served, url)
            case Refused(status, why, faults, headers):
                return _rejected(status, why, *faults, headers=dict(headers))
            case NeedsCertificate(url):
                return _busy(f"The certificate at {url} is not the one that was had.")

    async def _stored(self, served: Served, emissions: list[Emission | NoEvent], weight: int) -> None:
        """Return once all of them are.  What cannot be stored in time is 503, at once where too much waits already."""
        if not emissions:
            return
        desk = served.desk
        if desk.full or self._port.stopping:
            raise _busy("More waits for Kafka than there is room for." if desk.full else "Tradewind stops.")
        if not await desk.offer(emissions, weight).stored:
            raise _busy("Tradewind stops before this is stored.")

    async def _confirmed(self, served: Served, url: str) -> Answer:
        got = await self._port.get(url)
        if isinstance(got, str):
            log.warning("subscription is not confirmed", source=served.plan.source.metadata.name, why=got)
            raise _busy(f"The subscription could not be confirmed: {got}.")
        log.info("subscription confirmed", source=served.plan.source.metadata.name)
        return Answer(200, [], b"")


@lru_cache(1024)
def _stored(said: Said) -> Answer:
    """What a source says of an event that is stored."""
    return Answer(said.status, [("Content-Type", said.content_type)] if said.content_type else [], said.body.encode())


async def _say(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields})
    await send({"type": "http.response.body", "body": b"" if answer.status == 204 else answer.body})
