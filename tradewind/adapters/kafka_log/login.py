"""How the clients of a process are let in by Kafka, librdkafka's and our own, and what it said when they were not."""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from tradewind.adapters.kafka_log import tls
from tradewind.adapters.kafka_log.produce import sasl
from tradewind.adapters.kafka_log.tokens import Tokens
from tradewind.errors import InvalidSettings
from tradewind.observe.logs import Log
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, Mechanism

LOG = Log("login")

REPEATED = 30.0
"""Seconds in which it is told once that a client of librdkafka's is not let in."""

NONCE = 24
"""Bytes of chance in what a server must repeat."""


class Login:
    """One for all clients of a process.  Raises InvalidSettings for certificates that OpenSSL cannot use.

    `again` reads anew what `auth` was read from; it is asked once that lets us in no more.
    """

    def __init__(self, auth: KafkaAuth = PLAINTEXT, again: Callable[[], KafkaAuth] | None = None) -> None:
        self._again = again
        self._lock = threading.Lock()
        self._invalid = ""
        """What was wrong with it when it was read last."""
        self._told: dict[str, float] = {}
        """When it was told last of a client that it is not let in."""
        self.generation = 0
        """How often it has changed; a client that was made with another one is of no more use."""
        self._adopt(auth)

    def _adopt(self, auth: KafkaAuth) -> None:
        made = tls.context(auth) if auth.tls else None
        self.auth = auth
        self.tls = made
        """What connections of ours are made with."""
        self._denied: dict[str, str] = {}
        """Why our producer is not let in, by broker."""
        self._tokens: Tokens | None = None
        self._authorities = ""
        """PEM of those whose word is taken for a token's endpoint; empty: the system's alone."""
        if auth.sasl and auth.mechanism is Mechanism.OAUTHBEARER:
            self._tokens = Tokens(auth)
            self._authorities = tls.with_system(auth.ca) if auth.ca else ""

    def look(self) -> bool:
        """Read anew what lets us in no more; whether it says something else by now.  For any thread; may read files."""
        if self._again is None:
            return False
        with self._lock:
            try:
                auth = self._again()
                if auth == self.auth:
                    return False
                self._adopt(auth)
            except InvalidSettings as invalid:
                if str(invalid) != self._invalid:
                    self._invalid = str(invalid)
                    LOG.warning("kafka auth refused, what was read before counts", faults=self._invalid)
                return False
            self._invalid = ""
            self.generation += 1
            LOG.info("kafka auth changed", auth=str(auth))
            return True

    async def prepare(self) -> None:
        """Have a token, if one is needed, before Kafka is kept waiting for it.  Raises LogDenied where none comes."""
        if self._tokens is not None:
            await asyncio.to_thread(self._tokens.get)

    def properties(self) -> Mapping[str, str | int]:
        """librdkafka's."""
        auth = self.auth
        if auth == PLAINTEXT:
            return {}
        # A connection that is made and then refused counts as made: librdkafka would make another one at once.
        found: dict[str, str | int] = {"security.protocol": str(auth.protocol), "reconnect.backoff.ms": 1000}
        if auth.tls:
            parts = {"ssl.ca.pem": auth.ca, "ssl.certificate.pem": auth.certificate, "ssl.key.pem": auth.key}
            found |= {name: text for name, text in parts.items() if text}
        if auth.sasl:
            found["sasl.mechanism"] = str(auth.mechanism)
            found |= (
                self._token_properties()
                if self._tokens is not None
                else {
                    "sasl.username": auth.user,
                    "sasl.password": auth.password,
                }
            )
        return found

    def _token_properties(self) -> dict[str, str]:
        """librdkafka gets its tokens itself, in a thread of its own.  With a callback of ours each client would take a
        second to make: the client library looks once a second whether there is a token."""
        auth = self.auth
        found = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": auth.user,
            "sasl.oauthbearer.client.secret": auth.password,
            "sasl.oauthbearer.token.endpoint.url": auth.token_endpoint,
        }
        if auth.scope:
            found["sasl.oauthbearer.scope"] = auth.scope
        if self._authorities:
            found["https.ca.pem"] = self._authorities
        return found

    def refused(self, client: str, why: str) -> None:
        """librdkafka says, again and again, that one of its clients is not let in."""
        now = time.monotonic()
        if now - self._told.get(client, -REPEATED) >= REPEATED:
            self._told[client] = now
            LOG.warning("kafka denied", client=client, auth=str(self.auth), why=why)

    def denied(self, broker: str, why: str) -> bool:
        """A broker did not let our producer in; whether that is news."""
        news = self._denied.get(broker) != why
        self._denied[broker] = why
        return news

    def entered(self, broker: str) -> None:
        """It did, or is no longer asked."""
        self._denied.pop(broker, None)

    def denials(self) -> list[str]:
        """What keeps us out now, as users should read it."""
        return [f"{broker} as {self.auth}: {why}" for broker, why in self._denied.items()]

    async def conversation(self) -> sasl.Conversation:
        """What our producer says to be let in.  Raises LogDenied where there is no token."""
        auth = self.auth
        match auth.mechanism:
            case Mechanism.PLAIN:
                return sasl.plain(auth.user, auth.password)
            case Mechanism.OAUTHBEARER:
                assert self._tokens is not None
                return sasl.oauthbearer((await asyncio.to_thread(self._tokens.get)).text)
            case _:
                return sasl.scram(sasl.HASHES[auth.mechanism], auth.user, auth.password, secrets.token_urlsafe(NONCE))
