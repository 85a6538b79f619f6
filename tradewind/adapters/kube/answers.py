"""What an answer of the API server means: its JSON, or what is raised in its place.

    2xx         the JSON it holds
    401, 403    ApiDenied         404  Missing          409  ApiConflict      410  Expired
    429, 5xx    ApiUnavailable    422 for its uid  ApiConflict    other  ApiRefused

A failure's body is a `Status`, whose message says what was found; a proxy in between may send anything.
"""

from typing import Any

import msgspec

from tradewind.api_server import Object
from tradewind.errors import ApiConflict, ApiDenied, ApiFailed, ApiRefused, ApiUnavailable

SHOWN = 300
"""Characters of an answer without a message that are shown."""
LONGEST = 2000
"""Characters of a message that are kept: it may repeat a whole object, for which neither log nor status has room."""
END = 500
"""Characters of those that are the end of it, which says what was expected."""
INVALID = 422


class Missing(ApiRefused):
    """There is no such object, or no such resource (404)."""


class Expired(ApiRefused):
    """The version, or the page, that was asked for is not kept any more (410)."""


FAILURES: dict[int, type[ApiFailed]] = {
    401: ApiDenied,
    403: ApiDenied,
    404: Missing,
    409: ApiConflict,
    410: Expired,
    429: ApiUnavailable,
}


def read(asked: str, status: int, body: bytes) -> Object:
    """The JSON of an answer.  Raises the ApiFailed that it means; `asked` says what for."""
    content = _decoded(body)
    if not 200 <= status < 300:
        raise failure(asked, status, content, body.decode(errors="replace"))
    if not isinstance(content, dict):
        raise ApiUnavailable(f"{asked}: {status} without the JSON of an object, from something that is no API server")
    return content


def failure(asked: str, status: int, content: object, text: str = "") -> ApiFailed:
    """What an answer with this status and content (a Status, or anything) means."""
    message = content.get("message") if isinstance(content, dict) else None
    said = _cut(message) if isinstance(message, str) and message else text.strip()[:SHOWN] or "no word why"
    kind = FAILURES.get(status, ApiRefused if 300 <= status < 500 else ApiUnavailable)
    if status == INVALID and _names_uid(content):
        kind = ApiConflict  # a patch for an object that was deleted, and made again since
    return kind(f"{asked}: {status}: {said}")


def event(asked: str, line: bytes) -> Object:
    """An event of a watch: `type` and `object`.  Raises the ApiFailed that an event of type ERROR means."""
    content = _decoded(line)
    match content:
        case {"type": "ERROR", "object": {"code": int(code)} as status}:
            raise failure(asked, code, status)
        case {"type": str(), "object": {"metadata": dict()}} as told:
            return dict(told)
    raise ApiUnavailable(f"{asked}: no event of a watch: {line[:SHOWN].decode(errors='replace')}")


def _cut(message: str) -> str:
    """The message, or its beginning, how much more there is of it, and its end."""
    more = len(message) - LONGEST
    return message if more <= 0 else f"{message[: LONGEST - END]} … ({more:,} characters more) … {message[-END:]}"


def _names_uid(content: object) -> bool:
    match content:
        case {"details": {"causes": [*causes]}}:
            return any(isinstance(cause, dict) and cause.get("field") == "metadata.uid" for cause in causes)
    return False


def _decoded(body: bytes) -> Any:  # any JSON; None where it is none
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
