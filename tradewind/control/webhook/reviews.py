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
from tradewind.resources.kinds import EVENTING
from tradewind.resources.schema import Schema, Type, anything, text
from tradewind.resources.untyped import Object

VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

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
    """Of the object, where it is of `eventing.knative.dev/v1`; empty for any other."""
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
    ours = (kind.get("group"), kind.get("version")) == (EVENTING, "v1")
    return Request(
        uid=asked["uid"],
        kind=kind.get("kind", "") if ours else "",
        operation=asked["operation"],
        subresource=asked.get("subResource", ""),
        namespace=asked.get("namespace", ""),
        name=asked.get("name", ""),
        new=asked.get("object"),
        old=asked.get("oldObject"),
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
    return {
        "status": "Failure",
        "code": UNPROCESSABLE,
        "reason": "Invalid",
        "message": "; ".join(told),
        "details": {"group": EVENTING, "kind": request.kind, "name": request.name, "causes": causes},
    }
