"""The port's requests: read within bounds, converted, and answered once what they brought is stored.

    head ──► 404, 405, 431, 400, 411, 415, 413     body ──► 413, 408, 503     convert ──► 2xx at once, 4xx
      events ──desk──► all stored: the source's `response`, 202    not in time: 503 with Retry-After

The whole of it takes less than the sender waits.  What is answered with 503 may be stored all the same, and then comes
again with the same id, where it has one of its own.
"""

import asyncio
import contextlib
from functools import lru_cache, partial

from starlette.types import Receive, Scope, Send

from tradewind.errors import Fault, Rejected
from tradewind.events.attributes import shown
from tradewind.observe.logs import Log
from tradewind.resources.model import NamespacedName
from tradewind.resources.webhooks import Answer as Said
from tradewind.sources import admission
from tradewind.sources.emission import Emission, NoEvent
from tradewind.sources.webhook import convert, heads
from tradewind.sources.webhook.answers import Answer, Due
from tradewind.sources.webhook.desk import Desk
from tradewind.sources.webhook.outcomes import Accepted, Confirms, Kept, NeedsCertificate, Outcome, Refused, Told
from tradewind.sources.webhook.port import Port, Served
from tradewind.sources.webhook.request import Request
from tradewind.web import handshakes, problem
from tradewind.web.framing import CLOSING

log = Log("sources")

STOPS = "Tradewind stops before this is stored."
NOT_IN_TIME = "It could not be stored in time: Kafka, or the sink, does not take it now."
RETRY_AFTER = {"Retry-After": "1"}

MAX_READING = 64 * 1024 * 1024
"""Bytes of bodies that are being read at once, of all sources."""

MAX_READING_EACH = MAX_READING // 4
"""Of one source: bodies are read before it is known who sends them, so anybody may keep these open."""

KEPT = (b"content-type", b"x-github-event", b"x-github-delivery", b"x-gitlab-event", b"x-shopify-topic", b"webhook-id")
"""Header fields that go to the dead letters with a body: what it is.  Never who signed it, or with what."""


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

    def begin(self, scope: Scope, body: bytes) -> Answer | Due | None:
        """See Begins.  Nearly every request goes this way: a task for each is a quarter of what an event costs."""
        served: Served | None = None
        try:
            served = self._find(scope["path"])
            if scope["method"] == "OPTIONS":
                return _handshake(scope)
            most = self._bound(served, scope)
            self._room(served.desk, len(body), len(body), most)
            request = Request(scope["headers"], scope["query_string"], body)
            outcome = convert.outcome(request, served.webhook, self._given(served, most))
            if isinstance(outcome, NeedsCertificate | Confirms):
                return None
            until = asyncio.get_running_loop().time() + served.webhook.wait
            return self._settled(served, request, outcome, until)
        except Exception as error:
            return self._counted(served, _why(error, scope))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that comes piece by piece, or asks Amazon.  A sender that is gone gets no answer."""
        served: Served | None = None
        try:
            served = self._find(scope["path"])
            answer = await self._answer(served, scope, receive)
        except _Gone:
            return
        except asyncio.CancelledError:  # the top of this task: the server stops, and its grace is over
            answer = self._counted(served, _busy(STOPS))
        except Exception as error:
            answer = self._counted(served, _why(error, scope))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields})
        await send({"type": "http.response.body", "body": answer.body})

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

    def _counted(self, served: Served | None, refusal: Answer) -> Answer:
        if served is None:
            return refusal
        status, why = refusal.status, refusal.body.decode()
        self._port.refuse(served, status)
        told = log.debug if served.webhook.sender.retries or status in (401, 403) else log.warning
        told("request refused", source=served.plan.source.metadata.name, status=status, why=why)
        return refusal

    async def _answer(self, served: Served, scope: Scope, receive: Receive) -> Answer:
        until = asyncio.get_running_loop().time() + served.webhook.wait
        if scope["method"] == "OPTIONS":
            return _handshake(scope)
        most = self._bound(served, scope)
        try:
            async with asyncio.timeout_at(until):
                body = await self._read(receive, most, served.desk)
        except TimeoutError:
            raise _rejected(408, "The body did not arrive in time.", headers=dict(CLOSING)) from None
        request = Request(scope["headers"], scope["query_string"], body)
        try:
            async with asyncio.timeout_at(until):
                outcome = await self._outcome(served, request, most)
        except TimeoutError:
            raise _busy("Amazon SNS does not answer in time.") from None
        found = self._settled(served, request, outcome, until)
        if isinstance(found, Answer):
            return found
        with contextlib.suppress(asyncio.CancelledError):  # `stored` is cancelled with it
            await found.stored
        return found.answer()

    def _bound(self, served: Served, scope: Scope) -> int:
        """Bytes that the body may have.  Raises Rejected where the head is wrong."""
        settings = self._port.settings
        most = min(served.webhook.max_body_bytes or settings.max_event_bytes, settings.max_event_bytes)
        version, head = scope["http_version"], settings.max_header_bytes
        if (wrong := heads.wrong(scope["method"], scope["headers"], version, most=most, head=head)) is not None:
            raise wrong
        return most

    def _room(self, desk: Desk, more: int, size: int, most: int) -> None:
        """Raise where `more` bytes, and `size` in all, of a body are too many."""
        if size > most:
            raise heads.too_large(f"more than {most} bytes", most)
        if self._port.reading + more > MAX_READING or desk.reading + more > MAX_READING_EACH:
            raise _busy("There is no room for more bodies now.")

    async def _read(self, receive: Receive, most: int, desk: Desk) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk: bytes = message.get("body", b"")
                self._room(desk, len(chunk), size + len(chunk), most)
                size += len(chunk)
                self._port.reading += len(chunk)
                desk.reading += len(chunk)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._port.reading -= size
            desk.reading -= size

    def _given(self, served: Served, most: int) -> convert.Given:
        port = self._port
        return convert.Given(served.uri, served.secrets, most, port.time.clock(), port.identity(), port.certificates)

    async def _outcome(self, served: Served, request: Request, most: int) -> Outcome:
        """Once Amazon has given and confirmed what is needed."""
        port, given = self._port, self._given(served, most)
        found = convert.outcome(request, served.webhook, given)
        if isinstance(found, NeedsCertificate):
            if why := await port.certificate(found.url):
                log.warning("certificate is not to be had", url=found.url, why=why)
                raise _busy(f"The certificate of Amazon SNS is not to be had: {why}.")
            found = convert.outcome(request, served.webhook, given._replace(certificates=port.certificates))
        return await self._confirmed(served, found.url) if isinstance(found, Confirms) else found

    async def _confirmed(self, served: Served, url: str) -> Told:
        got = await self._port.get(url)
        if isinstance(got, str):
            log.warning("subscription is not confirmed", source=served.plan.source.metadata.name, why=got)
            raise _busy(f"The subscription could not be confirmed: {got}.")
        log.info("subscription confirmed", source=served.plan.source.metadata.name)
        return Told(200)

    def _settled(self, served: Served, request: Request, outcome: Outcome, until: float) -> Answer | Due:
        match outcome:
            case Accepted(events):
                if served.webhook.check is None and (wrong := admission.refusal(events, self._limits)):
                    raise _rejected(wrong[0], wrong[1])  # or anybody could fill the dead letters
                weight = sum([event.weight for event in events])
                answer = _stored(served.webhook.answer)
                return self._due(served, [Emission(event) for event in events], weight, answer, until)
            case Kept():
                headers = tuple((name.decode(), value) for name, value in request.headers if name in KEPT)
                letter = NoEvent(outcome.reason, request.body, headers)
                why = f"Kept in the dead letters.  {outcome.why}"
                kept = Answer(202, [("Content-Type", problem.MEDIA_TYPE)], problem.body(202, why, outcome.faults))
                return self._due(served, [letter], len(request.body), kept, until)
            case Told(status, body, media_type):
                return Answer(status, [("Content-Type", media_type)] if media_type else [], body)
            case Refused(status, why, faults, fields):
                raise _rejected(status, why, *faults, headers=dict(fields))
            case NeedsCertificate(url) | Confirms(url):
                raise _busy(f"{url} has been asked, and is to be asked again.")

    def _due(
        self, served: Served, emissions: list[Emission | NoEvent], weight: int, answer: Answer, until: float
    ) -> Answer | Due:
        """The answer once all of them are stored.  What cannot be in time is 503, at once where too much waits."""
        if not emissions:
            return answer
        desk = served.desk
        if desk.full or self._port.stopping:
            raise _busy("More waits for Kafka than there is room for." if desk.full else "Tradewind stops.")
        waiter = desk.offer(emissions, weight)
        late = asyncio.get_running_loop().call_at(until, waiter.ends)
        return Due(waiter.stored, partial(self._ended, served, waiter.stored, late, answer))

    def _ended(self, served: Served, stored: asyncio.Future[bool], late: asyncio.TimerHandle, answer: Answer) -> Answer:
        late.cancel()
        if stored.cancelled():
            return self._counted(served, _busy(STOPS))
        if stored.result():
            return answer
        return self._counted(served, _busy(STOPS if self._port.stopping else NOT_IN_TIME))


def _handshake(scope: Scope) -> Answer:
    return Answer(200, list(handshakes.handshake(scope["headers"]).items()), b"")


def _why(error: Exception, scope: Scope) -> Answer:
    """The answer to what could not be done; for the handler of the exception."""
    match error:
        case Answer():
            return error
        case Rejected():
            return Answer(*problem.answer(error))
        case _:
            log.exception("request failed", path=shown(scope["path"]))
            return _rejected(500, "Tradewind failed; its log says why.")


@lru_cache(1024)
def _stored(said: Said) -> Answer:
    """What a source says of an event that is stored."""
    return Answer(said.status, [("Content-Type", said.content_type)] if said.content_type else [], said.body.encode())
