"""One Kafka with every way in that it has: a listener for each protocol, and each mechanism on those with SASL."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # what is SCRAM's is untyped
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.certificates import Authority, Pair
from tests.contracts.token_endpoint import TokenEndpoint, serving
from tradewind.adapters.embedded_kafka import EmbeddedKafka, Listener, Request, free_ports, prepare
from tradewind.resources.kafka_auth import KafkaAuth, Mechanism, Protocol, read

READY, STOPPED = 60.0, 20.0
SECURITY = "org.apache.kafka.common.security"
USER, PLAIN_USER, PASSWORD = "ada, the = first", "ada", "pass-wörd, = "
"""With what must be escaped on the way; names of PLAIN stand in Kafka's configuration, which takes no such."""
SESSION = 2000
"""Milliseconds after which Kafka wants SCRAM-SHA-512 to be let in again."""
NAMES = ("SSL", "SASL_PLAINTEXT", "SASL_SSL", "ELSEWHERE")


class GuardedKafka:
    """Its addresses, and what is to be shown to it."""

    def __init__(self, plain: str, ports: Mapping[str, int], authority: Authority, tokens: TokenEndpoint) -> None:
        self.plain = plain
        self.ports = ports
        self.authority = authority
        self.tokens = tokens
        self.user = authority.issue("user")

    def at(self, name: str) -> str:
        """A listener's bootstrap server."""
        return f"127.0.0.1:{self.ports[name]}"

    def secret(self, protocol: Protocol, mechanism: Mechanism = Mechanism.PLAIN, **changed: str) -> dict[str, bytes]:
        """What the right Secret holds, but for keys (a `_` stands for a dot)."""
        data = {"protocol": str(protocol), "ca.crt": self.authority.pem}
        if protocol is Protocol.SSL:
            data |= {"user.crt": self.user.certificate, "user.key": self.user.key}
        user = PLAIN_USER if mechanism is Mechanism.PLAIN else USER
        data |= {"sasl.mechanism": str(mechanism), "user": user, "password": PASSWORD}
        if mechanism is Mechanism.OAUTHBEARER:
            data |= {"sasl.oauthbearer.token.endpoint.url": self.tokens.url, "sasl.oauthbearer.scope": "kafka"}
        data |= {key.replace("_", "."): text for key, text in changed.items()}
        return {key: text.encode() for key, text in data.items()}

    def auth(self, protocol: Protocol, mechanism: Mechanism = Mechanism.PLAIN, **changed: str) -> KafkaAuth:
        """The same, read."""
        found = read(self.secret(protocol, mechanism, **changed))
        assert isinstance(found, KafkaAuth), found
        return found

    async def set_password(self, user: str, password: str) -> None:
        """For SCRAM."""
        admin = AdminClient({"bootstrap.servers": self.plain, "log_level": 0})
        for kind in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # Kafka takes one of a user at a time
            changed = UserScramCredentialUpsertion(user, ScramCredentialInfo(kind, 4096), password.encode())
            (future,) = admin.alter_user_scram_credentials([changed]).values()
            await asyncio.wrap_future(future)


@contextmanager
def guarded(data: Path) -> Iterator[GuardedKafka]:
    """Start it."""
    authority = Authority("authority")
    server = authority.issue("kafka", ["127.0.0.1", "localhost"])
    elsewhere = authority.issue("kafka", ["other.example"])
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    sasl = {
        "sasl.enabled.mechanisms": ",".join(Mechanism),
        "plain.sasl.jaas.config": f'{SECURITY}.plain.PlainLoginModule required user_{PLAIN_USER}="{PASSWORD}";',
        "scram-sha-256.sasl.jaas.config": f"{SECURITY}.scram.ScramLoginModule required;",
        "scram-sha-512.sasl.jaas.config": f"{SECURITY}.scram.ScramLoginModule required;",
        "scram-sha-512.connections.max.reauth.ms": str(SESSION),
        "oauthbearer.sasl.jaas.config": f"{SECURITY}.oauthbearer.OAuthBearerLoginModule required;",
    }
    listeners = [
        _listener("SSL", "SSL", ports, {**_tls(authority, server), "ssl.client.auth": "required"}),
        _listener("SASL_PLAINTEXT", "SASL_PLAINTEXT", ports, sasl),
        _listener("SASL_SSL", "SASL_SSL", ports, {**_tls(authority, server), **sasl}),
        _listener("ELSEWHERE", "SSL", ports, _tls(authority, elsewhere)),
    ]
    prepared = prepare(Request(data=data, port=0, disk_floor=0, listeners=listeners))

    async def started() -> EmbeddedKafka:
        kafka = EmbeddedKafka(prepared)
        await kafka.start()
        await kafka.wait_ready(READY)
        return kafka

    with serving(server) as tokens, asyncio.Runner() as runner:
        tokens.clients[USER] = PASSWORD
        running = runner.run(started())
        kafka = GuardedKafka(running.bootstrap, ports, authority, tokens)
        try:
            runner.run(kafka.set_password(USER, PASSWORD))
            yield kafka
        finally:
            runner.run(running.stop(STOPPED))


def _listener(name: str, protocol: str, ports: Mapping[str, int], properties: Mapping[str, str]) -> Listener:
    return Listener(name=name, protocol=protocol, port=ports[name], properties=properties)


def _tls(authority: Authority, server: Pair) -> dict[str, str]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": server.certificate,
        "ssl.keystore.key": server.key,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": authority.pem,
    }
