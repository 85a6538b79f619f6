"""What a row of these tables is: one request, the clause that rules it, and what must become of it.

The tables beside this file are data.  `test_ingress.py` sends each row to a running ingress by a raw socket, over
both of its ways, and looks at the answer and at the log.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.builders import http_headers
from tradewind.events.model import Event

SPEC = "spec.md"
HTTP = "http-protocol-binding.md"
JSON = "json-format.md"
WEBHOOK = "http-webhook.md"
OURS = "Tradewind"
"""How the rule of a row begins where the specification is silent, or where the row is about a limit of ours."""

ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
READ = f"{ONE}, {BATCH}"
"""What `Accept` names beside a 415."""

MINIMAL = {"specversion": '"1.0"', "id": '"1"', "source": '"/tests"', "type": '"tests.happened"'}
"""The members of the smallest event, as JSON texts; the same event as `builders.event` makes."""

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; its octets are what is sent, but for Host and Content-Length."""

    headers: Fields = ()
    body: bytes = b""
    method: bytes = b"POST"
    target: bytes = b"/default/hello"

    def octets(self) -> bytes:
        """As it goes over the wire."""
        fields = [(b"Host", b"x"), *self.headers, (b"Content-Length", b"%d" % len(self.body))]
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target), *(b"%s: %s" % field for field in fields)]
        return b"\r\n".join([*lines, b"", self.body])

    def carrying(self, body: bytes) -> "Request":
        """The same with this body."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer, and what the log holds after it."""

    status: int
    events: tuple[Event, ...] = ()
    faults: tuple[str, ...] = ()
    """Paths of all faults that the problem document names."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Fields that the answer has, among others."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    rule: str
    """Document and clause; or `OURS` and what was decided."""
    what: str
    request: Request
    expected: Expected

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


def octets(text: str | bytes) -> bytes:
    """Text as UTF-8; octets as they are."""
    return text if isinstance(text, bytes) else text.encode()


def quoted(text: str) -> str:
    """Text as a JSON string, with no more escapes than it needs."""
    return json.dumps(text, ensure_ascii=False)


def binary(*headers: tuple[str | bytes, str | bytes], **attributes: str | None) -> Request:
    """A valid event in binary mode; attributes as in `builders.event`, values as they stand on the wire."""
    more = ((octets(name), octets(value)) for name, value in headers)
    return Request((*http_headers(**attributes), *more))


def members(*more: str | bytes, **changed: str | None) -> bytes:
    """A valid event in the JSON format.  Values are JSON texts, None takes a member away; `more` is put at the end."""
    kept = {name: value for name, value in {**MINIMAL, **changed}.items() if value is not None}
    given = [f'"{name}":{value}'.encode() for name, value in kept.items()]
    return b"{" + b",".join([*given, *map(octets, more)]) + b"}"


def structured(*more: str | bytes, **changed: str | None) -> Request:
    """The same, as a request in structured mode."""
    return message(members(*more, **changed))


def message(body: str | bytes, media_type: str = ONE, *headers: tuple[str, str]) -> Request:
    """A request of any body under this media type."""
    fields = (("Content-Type", media_type), *headers)
    return Request(tuple((octets(name), octets(value)) for name, value in fields), octets(body))


def batch(*events: bytes) -> Request:
    """A batch of what is given."""
    return message(b"[" + b",".join(events) + b"]", BATCH)


def stored(*events: Event) -> Expected:
    """Accepted: the log holds exactly these, however many."""
    return Expected(202, events)


def refused(*faults: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Expected:
    """Refused, with faults at all of these paths and no other; nothing is stored."""
    return Expected(status, (), faults, headers or {})


def unread() -> Expected:
    """415: a format that is not read here."""
    return refused("Content-Type", status=415, headers={"accept": READ})


def cases(rule: str, rows: Iterable[tuple[str, Request, Expected]]) -> list[Case]:
    """Rows under one clause."""
    return [Case(rule, *row) for row in rows]
