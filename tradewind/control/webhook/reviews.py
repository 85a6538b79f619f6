"""AdmissionReview v1: what the API server asks a webhook, and how it is answered.

    body ──read──► Request ──admission──► Verdict ──answer──► AdmissionReview
      └─ Rejected(400): no review, with every fault

A refusal carries each objection twice: in the message, which every client shows, and as a cause with its field, of
which kubectl makes a line of its own.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tradewind.errors import Rejected
from tradewind.resources import documents, formats
from tradewind.resources.checking import check
from tradewind.resources.kinds import EVENT_TYPE, EVENTING, OURS
from tradewind.resources.schema import Schema, Type, anything, text
from tradewind.resources.untyped import Object

VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

JUDGED = frozenset((kind.api_version, kind.kind) for kind in OURS if kind != EVENT_TYPE)
"""What admission has a say in, by apiVersion and kind; EventTypes are anybody's notes."""

SHOWN = 100
"""Objections that one answer tells; more are counted."""
WARNINGS = 20
"""Warnings that one answer tells.  The API server cuts what is beyond 4 KiB of all."""
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Request:
    """What the API server asks."""

    uid: str
    kind: str
    """Of the object, where it is one that is judged (JUDGED); empty for any other."""
    operation: str
    """CREATE, UPDATE, DELETE or CONNECT."""
    subresource: str
    namespace: str
    name: str
    """Empty where the API server is to make it of `generateName`."""
    new: Object | None
    """The object as it would be stored."""
    old: Object | None
    """As it is stored; None where there is none yet."""
    api_version: str = f"{EVENTING}/v1"
    """Of the object, whatever it is."""
    asked: str = ""
    """Its kind, whatever it is."""


class Objection(NamedTuple):
    """One reason for a refusal."""

    field: str
    """Path in the object."""
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said to a Request: allowed, with a patch and warnings, unless there is an objection."""

    objections: tuple[Objection, ...] = ()
    patch: tuple[Object, ...] = ()
    """A JSON patch (RFC 6902)."""
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """In one word, as metrics have it."""
        return "refused" if self.objections else "patched" if self.patch else "allowed"


def _open(**properties: Schema) -> Schema:
    return Schema(Type.OBJECT, properties=properties, open=True)


_OBJECT = anything("")
_REVIEW = Schema(
    Type.OBJECT,
    properties={
        "apiVersion": text("", enum=(VERSION,)),
        "kind": text("", enum=(KIND,)),
        "request": Schema(
            Type.OBJECT,
            properties={
                "uid": text("", rule=formats.not_empty),
                "kind": _open(group=text(""), version=text(""), kind=text("")),
                "operation": text("", enum=("CREATE", "UPDATE", "DELETE", "CONNECT")),
                "subResource": text(""),
                "namespace": text(""),
                "name": text(""),
                "object": _OBJECT,
                "oldObject": _OBJECT,
            },
            required=("uid", "kind", "operation"),
            open=True,
        ),
    },
    required=("apiVersion", "kind", "request"),
    open=True,
)


def read(body: bytes) -> Request:
    """The Request in a body.  Raises Rejected (400) with every fault where there is none."""
    try:
        written = body.decode()
    except UnicodeDecodeError as error:
        raise Rejected(400, f"The body is not UTF-8 (byte {error.start}).") from None
    parsed = documents.parse_json(KIND, written)
    review: Any = parsed.documents[0][1] if parsed.documents else None  # whatever JSON holds
    faults = parsed.faults or check(_REVIEW, review, f"{KIND}: ")
    if faults:
        raise Rejected(400, f"The body is not an {KIND} of {VERSION}.", faults=faults)
    asked = {name: held for name, held in review["request"].items() if held is not None}
    kind = {name: held for name, held in asked["kind"].items() if held is not None}
    group, version, name = (str(kind.get(part) or "") for part in ("group", "version", "kind"))
    api_version = f"{group}/{version}" if group else version
    return Request(
        uid=asked["uid"],
        kind=name if (api_version, name) in JUDGED else "",
        operation=asked["operation"],
        subresource=asked.get("subResource", ""),
        namespace=asked.get("namespace", ""),
        name=asked.get("name", ""),
        new=asked.get("object"),
        old=asked.get("oldObject"),
        api_version=api_version,
        asked=name,
    )


def answer(request: Request, verdict: Verdict) -> bytes:
    """The review that says so."""
    said: Object = {"uid": request.uid, "allowed": not verdict.objections}
    if verdict.objections:
        said["status"] = _refusal(request, verdict.objections)
    elif verdict.patch:
        said["patchType"] = "JSONPatch"
        said["patch"] = base64.b64encode(json.dumps(verdict.patch).encode()).decode()
    if verdict.warnings:
        said["warnings"] = list(verdict.warnings[:WARNINGS])
    return json.dumps({"apiVersion": VERSION, "kind": KIND, "response": said}).encode()


def _refusal(request: Request, objections: Sequence[Objection]) -> Object:
    """A Status of Kubernetes."""
    shown, more = objections[:SHOWN], len(objections) - SHOWN
    told = [f"{one.field}: {one.message}" for one in shown] + ([f"and {more} more faults"] if more > 0 else [])
    causes = [{"reason": "FieldValueInvalid", "field": one.field, "message": one.message} for one in shown]
    group = request.api_version.partition("/")[0]
    return {
        "status": "Failure",
        "code": UNPROCESSABLE,
        "reason": "Invalid",
        "message": "; ".join(told),
        "details": {"group": group, "kind": request.kind, "name": request.name, "causes": causes},
    }
