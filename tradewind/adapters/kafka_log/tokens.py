"""Tokens for OAUTHBEARER, got from their endpoint for our own producer; librdkafka gets its own."""

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from tradewind.adapters.kafka_log import oidc, tls
from tradewind.errors import LogDenied
from tradewind.resources.kafka_auth import KafkaAuth

ANSWER = 5.0
"""Seconds the endpoint has for an answer."""

LARGEST = 1024 * 1024
"""Bytes of an answer that are read."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Who is sent elsewhere would show the secret there."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere: the answer is what it says it is."""


class Tokens:
    """The token that counts now.  Keeps its thread waiting while the endpoint is asked."""

    def __init__(self, auth: KafkaAuth, clock: Callable[[], float] = time.time) -> None:
        self._auth = auth
        self._clock = clock
        self._lock = threading.Lock()
        self._token: oidc.Token | None = None
        self._opener: urllib.request.OpenerDirector | None = None

    def get(self) -> oidc.Token:
        """It, or another one in its place when its time comes near.  Raises LogDenied."""
        with self._lock:
            if self._token is None or not self._token.fresh(self._clock()):
                self._token = self._fetched()
            return self._token

    def _fetched(self) -> oidc.Token:
        endpoint = self._auth.token_endpoint
        headers, body = oidc.question(self._auth)
        asked = urllib.request.Request(endpoint, body, headers)
        try:
            with self._ask(asked) as answer:
                said = answer.read(LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                why = oidc.fault(error.read(LARGEST))
            raise LogDenied(f"no token from {endpoint}: status {error.code}{why and f', {why}'}") from None
        except (OSError, http.client.HTTPException) as error:
            raise LogDenied(f"no token from {endpoint}: {getattr(error, 'reason', None) or error}") from None
        token = oidc.token(said, self._clock())
        if token is None:
            raise LogDenied(f"no token from {endpoint}: its answer holds no access_token")
        return token

    def _ask(self, question: urllib.request.Request) -> http.client.HTTPResponse:
        """The system's authorities and ours count: an endpoint may be a public one, or stand beside Kafka."""
        if self._opener is None:
            trusted = tls.system()
            if self._auth.ca:
                trusted.load_verify_locations(cadata=self._auth.ca)
            self._opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=trusted))
        answer: http.client.HTTPResponse = self._opener.open(question, timeout=ANSWER)
        return answer
