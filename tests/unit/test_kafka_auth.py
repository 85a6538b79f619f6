"""What an auth Secret says, in Knative's keys."""

import base64

import pytest

from tradewind.errors import Fault
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth, Mechanism, Protocol, read

SECRET = "s3cret-word"


def pem(label: str, data: bytes = b"\x30\x03abc") -> str:
    return f"-----BEGIN {label}-----\n{base64.b64encode(data).decode()}\n-----END {label}-----\n"


CA, CERTIFICATE, KEY = pem("CERTIFICATE", b"\x30ca"), pem("CERTIFICATE", b"\x30me"), pem("PRIVATE KEY", b"\x30key")
OAUTH = {
    "protocol": "SASL_SSL",
    "sasl.mechanism": "OAUTHBEARER",
    "user": "client",
    "password": SECRET,
    "sasl.oauthbearer.token.endpoint.url": "https://id.example/token",
}


def said_of(data: "dict[str, str] | dict[str, str | bytes]") -> "KafkaAuth | list[str]":
    found = read({key: text.encode() if isinstance(text, str) else text for key, text in data.items()})
    return found if isinstance(found, KafkaAuth) else [str(fault) for fault in found]


SAID: list[tuple[dict[str, str], KafkaAuth]] = [
    ({"protocol": "PLAINTEXT"}, PLAINTEXT),
    ({"protocol": "PLAINTEXT\n", "user": "not looked at", "ca.crt": "nor this"}, PLAINTEXT),
    (
        {"protocol": "SSL", "ca.crt": CA, "user.crt": CERTIFICATE + CA, "user.key": KEY},
        KafkaAuth(protocol=Protocol.SSL, ca=CA, certificate=CERTIFICATE + CA, key=KEY),
    ),
    ({"protocol": "SSL", "user.skip": "true"}, KafkaAuth(protocol=Protocol.SSL)),
    (
        {"protocol": "SSL", "user.skip": "True", "ca.crt": CA, "user.crt": "not looked at"},
        KafkaAuth(protocol=Protocol.SSL, ca=CA),
    ),
    (
        {"protocol": "SSL", "user.skip": "false", "user.crt": CERTIFICATE, "user.key": KEY},
        KafkaAuth(protocol=Protocol.SSL, certificate=CERTIFICATE, key=KEY),
    ),
    (
        {"protocol": "SASL_PLAINTEXT", "user": "ada", "password": SECRET, "ca.crt": "not looked at"},
        KafkaAuth(protocol=Protocol.SASL_PLAINTEXT, mechanism=Mechanism.PLAIN, user="ada", password=SECRET),
    ),
    (
        {"protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "user": "Ünal", "password": " a b ", "ca.crt": CA},
        KafkaAuth(protocol=Protocol.SASL_SSL, mechanism=Mechanism.SCRAM_SHA_512, user="Ünal", password=" a b ", ca=CA),
    ),
    (
        {**OAUTH, "sasl.oauthbearer.scope": "kafka", "user.crt": CERTIFICATE, "user.key": KEY},
        KafkaAuth(
            protocol=Protocol.SASL_SSL,
            mechanism=Mechanism.OAUTHBEARER,
            certificate=CERTIFICATE,
            key=KEY,
            user="client",
            password=SECRET,
            token_endpoint="https://id.example/token",
            scope="kafka",
        ),
    ),
    (
        {**OAUTH, "protocol": "SASL_PLAINTEXT", "ca.crt": CA, "user.crt": "not looked at"},
        KafkaAuth(
            protocol=Protocol.SASL_PLAINTEXT,
            mechanism=Mechanism.OAUTHBEARER,
            ca=CA,
            user="client",
            password=SECRET,
            token_endpoint="https://id.example/token",
        ),
    ),
    # older Secrets
    ({"tls.enabled": "true"}, KafkaAuth(protocol=Protocol.SSL)),
    ({"tls.enabled": "false"}, PLAINTEXT),
    (
        {"username": "ada", "password": SECRET},
        KafkaAuth(protocol=Protocol.SASL_PLAINTEXT, user="ada", password=SECRET),
    ),
    (
        {"saslType": "SCRAM-SHA-256", "user": "ada", "password": SECRET, "ca.crt": CA},
        KafkaAuth(protocol=Protocol.SASL_SSL, mechanism=Mechanism.SCRAM_SHA_256, user="ada", password=SECRET, ca=CA),
    ),
    (
        {"sasltype": "PLAIN", "saslType": "PLAIN", "username": "ada", "user": "ada", "password": SECRET}
        | {"tls.enabled": "true"},
        KafkaAuth(protocol=Protocol.SASL_SSL, user="ada", password=SECRET),
    ),
    (
        {"protocol": "SASL_SSL", "tls.enabled": "true", "username": "ada", "password": SECRET},
        KafkaAuth(protocol=Protocol.SASL_SSL, user="ada", password=SECRET),
    ),
]


@pytest.mark.parametrize(("data", "auth"), SAID)
def test_what_is_said(data: dict[str, str], auth: KafkaAuth) -> None:
    assert said_of(data) == auth


PROTOCOLS = "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
MECHANISMS = "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"
NO_USER = "user: found nothing, expected the user's name; a protocol with SASL needs one"
NO_PASSWORD = "password: found nothing, expected the user's password; a protocol with SASL needs one"
NO_CERTIFICATE = (
    'user.crt: found nothing, expected a certificate in PEM, or user.skip: "true" where Kafka asks for none'
)
PKCS8 = "expected one key as PKCS#8 in PEM (openssl pkcs8 -topk8 -nocrypt)"
ENDPOINT = "expected the http:// or https:// URL that gives tokens for user and password"

WRONG: list[tuple[dict[str, str | bytes], list[str]]] = [
    ({}, [f"protocol: found nothing, expected {PROTOCOLS}"]),
    ({"user": "ada", "password": SECRET}, [f"protocol: found nothing, expected {PROTOCOLS}"]),
    ({"protocol": "TLS"}, [f'protocol: found "TLS", expected {PROTOCOLS}']),
    ({"protocol": b"\xff"}, ["protocol: found bytes that are not UTF-8, expected text"]),
    ({"protocol": "SSL", "tls.enabled": "false", "user.skip": "true"},
     ["tls.enabled: found false, expected what protocol SSL says, or nothing"]),
    ({"protocol": "PLAINTEXT", "tls.enabled": "maybe"}, ['tls.enabled: found "maybe", expected true or false']),
    ({"protocol": "SASL_SSL"}, [NO_USER, NO_PASSWORD]),
    ({"protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI", "user": "ada"},
     [f'sasl.mechanism: found "GSSAPI", expected {MECHANISMS}', NO_PASSWORD]),
    ({"saslType": "plain", "user": "ada", "password": SECRET}, [f'saslType: found "plain", expected {MECHANISMS}']),
    ({"protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "saslType": "SCRAM-SHA-256", "user": "ada",
      "username": "bob", "password": SECRET},
     ['saslType: found "SCRAM-SHA-256", expected what sasl.mechanism says, or nothing',
      'username: found "bob", expected what user says, or nothing']),
    ({"protocol": "SASL_PLAINTEXT", "user": "ada\n", "password": f"{SECRET}\n"},
     ['user: found "ada\\n", expected a name without control characters, such as a line\'s end',
      "password: found a control character, expected none, such as a line's end that an editor has added"]),
    ({"protocol": "SASL_PLAINTEXT", "user": "ada", "password": b"\xff" + SECRET.encode()},
     ["password: found bytes that are not UTF-8, expected text"]),
    ({"protocol": "SSL"}, [NO_CERTIFICATE]),
    ({"protocol": "SSL", "user.skip": "yes"}, ['user.skip: found "yes", expected true or false', NO_CERTIFICATE]),
    ({"protocol": "SSL", "user.crt": CERTIFICATE},
     ["user.key: found nothing, expected the key of user.crt, as PKCS#8 in PEM"]),
    ({"protocol": "SSL", "user.key": KEY}, ["user.crt: found nothing, expected the certificate of user.key, in PEM"]),
    ({"protocol": "SASL_SSL", "user": "ada", "password": SECRET, "user.key": KEY},
     ["user.crt: found nothing, expected the certificate of user.key, in PEM"]),
    ({"protocol": "SSL", "ca.crt": "me", "user.crt": KEY, "user.key": SECRET},
     ["ca.crt: found 2 characters that are no PEM, expected certificates in PEM",
      "user.crt: found PRIVATE KEY, expected certificates in PEM",
      f"user.key: found {len(SECRET)} characters that are no PEM, {PKCS8}"]),
    ({"protocol": "SSL", "user.crt": CERTIFICATE, "user.key": pem("RSA PRIVATE KEY")},
     [f"user.key: found RSA PRIVATE KEY, {PKCS8}"]),
    ({"protocol": "SSL", "user.crt": CERTIFICATE, "user.key": pem("ENCRYPTED PRIVATE KEY")},
     [f"user.key: found ENCRYPTED PRIVATE KEY, {PKCS8}"]),
    ({"protocol": "SSL", "user.crt": CERTIFICATE, "user.key": KEY + KEY},
     [f"user.key: found PRIVATE KEY and PRIVATE KEY, {PKCS8}"]),
    ({"protocol": "SSL", "user.skip": "true", "ca.crt": pem("CERTIFICATE", b"\x31abc")},
     [f"ca.crt: found {len(pem('CERTIFICATE', b'1abc'))} characters that are no PEM, expected certificates in PEM"]),
    ({"protocol": "SSL", "user.skip": "true", "ca.crt": CA.replace("\n", "\n*", 1)},
     [f"ca.crt: found {len(CA) + 1} characters that are no PEM, expected certificates in PEM"]),
    ({**OAUTH, "sasl.oauthbearer.token.endpoint.url": ""},
     [f"sasl.oauthbearer.token.endpoint.url: found nothing, {ENDPOINT}"]),
    ({**OAUTH, "sasl.oauthbearer.token.endpoint.url": "id.example"},
     [f'sasl.oauthbearer.token.endpoint.url: found "id.example", {ENDPOINT}']),
    ({**OAUTH, "tokenProvider": "MSKAccessTokenProvider"},
     ['tokenProvider: found "MSKAccessTokenProvider", expected no tokens of MSK\'s, which are not served; '
      "sasl.oauthbearer.token.endpoint.url is"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "faults"), WRONG)
def test_every_fault_is_named(data: dict[str, str | bytes], faults: list[str]) -> None:
    assert said_of(data) == faults
    assert SECRET not in str(faults)


def test_a_fault_says_where_the_secret_lies() -> None:
    assert read({}, "secret kafka: data.") == [
        Fault("secret kafka: data.protocol", "nothing", "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
    ]


def test_nothing_secret_is_shown() -> None:
    auth = KafkaAuth(protocol=Protocol.SASL_SSL, user="ada", password=SECRET, certificate=CERTIFICATE, key=KEY, ca=CA)
    for shown in (repr(auth), str(auth)):
        assert SECRET not in shown and "BEGIN" not in shown
        assert "ada" in shown


@pytest.mark.parametrize(
    ("auth", "name"),
    [
        (PLAINTEXT, "PLAINTEXT"),
        (KafkaAuth(protocol=Protocol.SSL), "SSL"),
        (KafkaAuth(protocol=Protocol.SSL, certificate=CERTIFICATE), "SSL with user.crt"),
        (KafkaAuth(protocol=Protocol.SASL_SSL, user="ada"), 'SASL_SSL PLAIN as user "ada"'),
    ],
)
def test_its_name_in_messages(auth: KafkaAuth, name: str) -> None:
    assert str(auth) == name
