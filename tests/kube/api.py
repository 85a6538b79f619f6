"""The API server as tests ask it themselves: a request and its answer, by the standard library.

For looking and preparing, in a millisecond; what is tested uses the client library that it ships with.
"""

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # an object of any kind, as the API server answers with it

DEADLINE = 15.0
"""Seconds for one request; webhooks may be called on its way."""
READY_DEADLINE = 2.0
LOOK = 0.02
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Refused(Exception):
    """The API server answered with a failure."""

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(f"{status} {answer.get('reason', '')}: {answer.get('message', answer)}")
        self.status = status
        self.answer = answer


class NotFound(Refused):
    """There is no such object."""


class Api:
    """Asks as the user of a kubeconfig.  Each request has a connection of its own, so none is stale after a restart.

    It blocks: where the test's own loop serves a webhook or a proxy, ask by `asyncio.to_thread`.
    """

    def __init__(self, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._address = cluster["server"].removeprefix("https://")
        self._tls = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:  # ssl reads it from a file only
            pair.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)

    def get(self, path: str) -> Json:
        """Read an object or a list.  Raises Refused, and OSError where nobody answers; so do all of these."""
        return self._asked("GET", path)

    def find(self, path: str) -> Json | None:
        """Read an object; None where there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def create(self, path: str, body: Mapping[str, object]) -> Json:
        """POST to a collection."""
        return self._asked("POST", path, body)

    def replace(self, path: str, body: Mapping[str, object]) -> Json:
        """PUT."""
        return self._asked("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """A merge patch."""
        return self._asked("PATCH", path, body, MERGE_PATCH)

    def apply(self, path: str, body: Mapping[str, object]) -> Json:
        """Server-side apply, with force."""
        return self._asked("PATCH", f"{path}?fieldManager=tests&force=true", body, APPLY_PATCH)

    def delete(self, path: str) -> Json:
        """Delete an object or a collection; it may stay for its finalizers."""
        return self._asked("DELETE", path)

    def watched(self, path: str) -> list[Json]:
        """What a watch tells until it ends; its path says after how many seconds.  Raises Refused."""
        status, content = self._exchanged("GET", path, None, "", DEADLINE)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise Refused(status, json.loads(content))
        return [json.loads(line) for line in content.splitlines()]

    def ready(self) -> bool:
        """Whether the API server is ready, now."""
        try:
            status, _ = self._exchanged("GET", "/readyz", None, "", READY_DEADLINE)
        except (OSError, http.client.HTTPException):
            return False
        return status == http.HTTPStatus.OK

    def _asked(self, method: str, path: str, body: Mapping[str, object] | None = None, kind: str = "") -> Json:
        end = time.monotonic() + DEADLINE
        while True:
            status, content = self._exchanged(method, path, body, kind or "application/json", DEADLINE)
            if status != http.HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > end:
                break
            time.sleep(LOOK)  # "storage is (re)initializing", after its start and after a new definition
        answer: Json = json.loads(content)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise (NotFound if status == http.HTTPStatus.NOT_FOUND else Refused)(status, answer)
        return answer

    def _exchanged(
        self, method: str, path: str, body: Mapping[str, object] | None, kind: str, deadline: float
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self._address, timeout=deadline, context=self._tls)
        headers = {"Accept": "application/json"} | ({"Content-Type": kind} if body is not None else {})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)
