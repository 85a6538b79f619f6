"""Refusals as RFC 9457 bodies: every answer of the ingress that is not a success has one.

    {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "…", "faults": [{"path": …, …}]}

`type` is `about:blank`: the status says which kind of problem it is, `detail` and `faults` say what to change.
"""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from tradewind.errors import Fault, Rejected

MEDIA_TYPE = "application/problem+json"


def body(status: int, why: str, faults: Sequence[Fault] = ()) -> bytes:
    """The problem document."""
    problem: dict[str, object] = {"type": "about:blank", "title": phrase(status), "status": status, "detail": why}
    if faults:
        problem["faults"] = [_fault(fault) for fault in faults]
    return msgspec.json.encode(problem)


def answer(rejected: Rejected) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body that tell a client of a refusal."""
    headers = [("Content-Type", MEDIA_TYPE), *rejected.headers.items()]
    return rejected.status, headers, body(rejected.status, rejected.why, rejected.faults)


def phrase(status: int) -> str:
    """The standard phrase of a status: title of the problem, and what stands in the status line."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _fault(fault: Fault) -> dict[str, str]:
    parts = {"path": fault.path, "found": fault.found, "expected": fault.expected}
    return {**parts, "rule": fault.rule} if fault.rule else parts
