"""How Kafka's clients are let in, out of the Secret that says so, in Knative's keys (`auth.secret.ref.name`).

protocol ─► PLAINTEXT        nothing more
        ─► SSL              ca.crt · user.crt and user.key, or user.skip: "true"
        ─► SASL_PLAINTEXT   sasl.mechanism: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 ─► user, password
        │                                   OAUTHBEARER ─► these, as a client's id and secret, and the token's endpoint
        ─► SASL_SSL         both; user.crt and user.key may be left out

Keys of Knative's older Secrets (`username`, `saslType`, `tls.enabled`) are read where they say nothing else.  What a
protocol does not need is not looked at.  A fault never shows what is secret.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.errors import Fault
from tradewind.events.attributes import shown

NOTHING = "nothing"
TOKEN_ENDPOINT, SCOPE = "sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.scope"
"""Kafka's own names: Knative has none for the client-credentials flow."""
MSK = ("tokenProvider", "type", "roleARN")
"""Knative's keys for the tokens of Amazon's MSK."""
USERS = ("user", "username")
MECHANISMS = ("sasl.mechanism", "saslType", "sasltype")
LEGACY = ("username", "saslType", "sasltype", "tls.enabled")

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_URL = re.compile(r"https?://[^\s/]+\S*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SEQUENCE = b"\x30"
"""With which everything that PEM holds begins."""


class Protocol(StrEnum):
    """Kafka's `security.protocol`."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class Mechanism(StrEnum):
    """Kafka's `sasl.mechanism`, those that are spoken here."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    OAUTHBEARER = "OAUTHBEARER"


PROTOCOLS = {each.value: each for each in Protocol}
SPOKEN = {each.value: each for each in Mechanism}


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAuth:
    """How to be let in.  Texts are empty where there is nothing to say."""

    protocol: Protocol = Protocol.PLAINTEXT
    mechanism: Mechanism = Mechanism.PLAIN
    """Counts where the protocol has SASL."""
    ca: str = field(default="", repr=False)
    """PEM of those whose word is taken for a broker's certificate; empty: the system's.  For that of a tokens' endpoint
    theirs is taken besides the system's."""
    certificate: str = field(default="", repr=False)
    """PEM of our own certificate and those that lead to it; empty: none is shown."""
    key: str = field(default="", repr=False)
    """PEM (PKCS#8) of its key."""
    user: str = ""
    """For OAUTHBEARER the client's id."""
    password: str = field(default="", repr=False)
    """For OAUTHBEARER the client's secret."""
    token_endpoint: str = ""
    """URL that gives tokens to a client by its id and secret."""
    scope: str = ""
    """What a token is asked for."""

    @property
    def tls(self) -> bool:
        """Whether connections are TLS."""
        return self.protocol in (Protocol.SSL, Protocol.SASL_SSL)

    @property
    def sasl(self) -> bool:
        """Whether a user is named to Kafka."""
        return self.protocol in (Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL)

    def __str__(self) -> str:
        """As messages name it."""
        if self.sasl:
            return f"{self.protocol} {self.mechanism} as user {shown(self.user)}"
        return f"{self.protocol} with user.crt" if self.certificate else str(self.protocol)


PLAINTEXT = KafkaAuth()
"""Where nobody says anything."""


def read(data: Mapping[str, bytes], path: str = "", *, hidden: bool = False) -> KafkaAuth | Sequence[Fault]:
    """What a Secret's data says, or every fault of it; `path` stands before each key.

    With `hidden` no fault shows what it found: for data whose keys somebody else has chosen than who wrote the Secret.
    """
    reading = _Reading(data, path, hidden)
    auth = reading.auth()
    return reading.faults or auth


class _Reading:
    """One Secret, and what is wrong with it."""

    def __init__(self, data: Mapping[str, bytes], path: str, hidden: bool) -> None:
        self._data = data
        self._path = path
        self._hidden = hidden
        self.faults: list[Fault] = []

    def auth(self) -> KafkaAuth:
        """What it says; of no use where there are faults."""
        protocol, explicit = self._protocol()
        told = KafkaAuth(protocol=protocol)
        ca, certificate, key = self._tls(required=explicit and not told.sasl) if told.tls else ("", "", "")
        if not told.sasl:
            return KafkaAuth(protocol=protocol, ca=ca, certificate=certificate, key=key)
        mechanism = self._mechanism()
        user, password = self._user(), self._password()
        endpoint, scope = "", ""
        if mechanism is Mechanism.OAUTHBEARER:
            endpoint, scope = self._tokens()
            ca = ca if told.tls else self._certificates("ca.crt")
        return KafkaAuth(
            protocol=protocol,
            mechanism=mechanism,
            ca=ca,
            certificate=certificate,
            key=key,
            user=user,
            password=password,
            token_endpoint=endpoint,
            scope=scope,
        )

    # ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _protocol(self) -> tuple[Protocol, bool]:
        """The protocol, and whether it is said in so many words."""
        word, tls = self._word("protocol"), self._switch("tls.enabled")
        if not word and any(self._data.get(key) for key in LEGACY):
            tls = bool(self._data.get("ca.crt") or self._data.get("user.crt")) if tls is None else tls
            sasl = any(self._data.get(key) for key in (*USERS, *MECHANISMS))
            found = ("SASL_" if sasl else "") + ("SSL" if tls else "PLAINTEXT")
            return Protocol(found), False
        protocol = PROTOCOLS.get(word)
        if protocol is None:
            self._fault("protocol", self._shown(word) if word else NOTHING, f"one of {', '.join(PROTOCOLS)}")
            return Protocol.PLAINTEXT, True
        if tls is not None and tls != KafkaAuth(protocol=protocol).tls:
            self._fault("tls.enabled", str(tls).lower(), f"what protocol {protocol} says, or nothing")
        return protocol, True

    def _mechanism(self) -> Mechanism:
        key, word = self._one_of(MECHANISMS)
        mechanism = SPOKEN.get(word) if word else Mechanism.PLAIN
        if mechanism is None:
            self._fault(key, self._shown(word), f"one of {', '.join(SPOKEN)}")
        return mechanism or Mechanism.PLAIN

    def _user(self) -> str:
        key, _ = self._one_of(USERS)
        user = self._text(key)
        if not user:
            self._fault("user", NOTHING, "the user's name; a protocol with SASL needs one")
        elif _CONTROL.search(user):
            self._fault(key, self._shown(user), "a name without control characters, such as a line's end")
        return user

    def _password(self) -> str:
        password = self._text("password")
        if not password:
            self._fault("password", NOTHING, "the user's password; a protocol with SASL needs one")
        elif _CONTROL.search(password):
            self._fault("password", "a control character", "none, such as a line's end that an editor has added")
        return password

    def _tokens(self) -> tuple[str, str]:
        """The endpoint that gives them, and the scope."""
        for key in MSK:
            if word := self._word(key):
                self._fault(key, self._shown(word), f"no tokens of MSK's, which are not served; {TOKEN_ENDPOINT} is")
        endpoint = self._word(TOKEN_ENDPOINT)
        if not _URL.fullmatch(endpoint):
            found = self._shown(endpoint) if endpoint else NOTHING
            self._fault(TOKEN_ENDPOINT, found, "the http:// or https:// URL that gives tokens for user and password")
        return endpoint, self._word(SCOPE)

    # ── PEM ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tls(self, *, required: bool) -> tuple[str, str, str]:
        """Authorities, our certificate, its key."""
        ca = self._certificates("ca.crt")
        if self._switch("user.skip"):
            return ca, "", ""
        certificate, key = self._certificates("user.crt"), self._key()
        if certificate and not self._data.get("user.key"):
            self._fault("user.key", NOTHING, "the key of user.crt, as PKCS#8 in PEM")
        if key and not self._data.get("user.crt"):
            self._fault("user.crt", NOTHING, "the certificate of user.key, in PEM")
        if required and not (self._data.get("user.crt") or self._data.get("user.key")):
            self._fault("user.crt", NOTHING, 'a certificate in PEM, or user.skip: "true" where Kafka asks for none')
        return ca, certificate, key

    def _certificates(self, key: str) -> str:
        text = self._text(key)
        if text and {label for label, _ in _blocks(text)} != {"CERTIFICATE"}:
            self._fault(key, _pem_found(text), "certificates in PEM")
        return text

    def _key(self) -> str:
        text = self._text("user.key")
        if text and [label for label, _ in _blocks(text)] != ["PRIVATE KEY"]:
            self._fault("user.key", _pem_found(text), "one key as PKCS#8 in PEM (openssl pkcs8 -topk8 -nocrypt)")
        return text

    # ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _one_of(self, keys: Sequence[str]) -> tuple[str, str]:
        """The first of these keys that says something, and what it says; they must agree."""
        said = [(key, word) for key in keys if (word := self._word(key))]
        for key, word in said[1:]:
            if word != said[0][1]:
                self._fault(key, self._shown(word), f"what {said[0][0]} says, or nothing")
        return said[0] if said else (keys[0], "")

    def _switch(self, key: str) -> bool | None:
        word = self._word(key)
        found = {"true": True, "false": False, "": None}.get(word.lower(), word)
        if isinstance(found, str):
            self._fault(key, self._shown(found), "true or false")
            return None
        return found

    def _word(self, key: str) -> str:
        return self._text(key).strip()

    def _text(self, key: str) -> str:
        try:
            return self._data.get(key, b"").decode()
        except UnicodeDecodeError:
            self._fault(key, "bytes that are not UTF-8", "text")
            return ""

    def _shown(self, word: str) -> str:
        """How a fault shows a word that it found."""
        return f"{len(word)} characters" if self._hidden else shown(word)

    def _fault(self, key: str, found: str, expected: str) -> None:
        """One fault of a key is enough: the first."""
        if not any(fault.path == self._path + key for fault in self.faults):
            self.faults.append(Fault(self._path + key, found, expected))


def _blocks(text: str) -> list[tuple[str, bytes]]:
    """Labels and bytes of what PEM holds; none of it where one is broken."""
    found = []
    for label, body in _BLOCK.findall(text):
        try:
            data = base64.b64decode("".join(body.split()), validate=True)
        except binascii.Error:
            return []
        if not data.startswith(_SEQUENCE):
            return []
        found.append((label, data))
    return found


def _pem_found(text: str) -> str:
    """What kinds of things PEM holds; never what is in them."""
    labels = [label for label, _ in _blocks(text)]
    return " and ".join(labels) if labels else f"{len(text)} characters that are no PEM"
