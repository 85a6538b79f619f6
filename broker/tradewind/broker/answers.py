"""The front's answers as octets: the same status, fields and bodies as FastAPI's route gives."""

from uvicorn.server import ServerState

from tradewind.errors import Rejected
from tradewind.web import problem


class Answers:
    """Writes answers; the date is uvicorn's, which renews it each second (RFC 9110 6.6.1)."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._dated: object = None
        self._accepted = b""

    def accepted(self) -> bytes:
        """202, without a body."""
        if self._dated is not self._state.default_headers:
            self._dated = self._state.default_headers
            self._accepted = self._whole(202, [("Content-Length", "0")])
        return self._accepted

    def refused(self, rejected: Rejected) -> bytes:
        """A problem document."""
        status, headers, body = problem.answer(rejected)
        return self._whole(status, [*headers, ("Content-Length", str(len(body)))]) + body

    def last(self, answer: bytes) -> bytes:
        """The same, after which the connection ends."""
        line, rest = answer.split(b"\r\n", 1)
        return answer if b"\r\nConnection: close\r\n" in answer else line + b"\r\nConnection: close\r\n" + rest

    def _whole(self, status: int, headers: list[tuple[str, str]]) -> bytes:
        lines = [f"HTTP/1.1 {status} {problem.phrase(status)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        dated = b"".join(b"%s: %s\r\n" % field for field in self._state.default_headers)
        return "\r\n".join([*lines, ""]).encode("latin-1") + dated + b"\r\n"
