"""What a WebhookSource may be told, and what is known of the senders that have a preset.

verify      who a request must come from: one of these checks, the preset's own, or `insecure`
ce          one CEL expression for each attribute of the event
Sender      how long a sender waits, and whether it tries again
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class SecretRef(NamedTuple):
    """A key of a Secret in the source's namespace."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key} of Secret {self.name}"


class Preset(StrEnum):
    """Senders whose ways are known."""

    GITHUB = "github"
    GITLAB = "gitlab"
    STRIPE = "stripe"
    SLACK = "slack"
    SHOPIFY = "shopify"
    SNS = "sns"
    ALERTMANAGER = "alertmanager"
    DOCKERHUB = "dockerhub"


@dataclass(frozen=True, slots=True)
class Sender:
    """What a sender is known to do."""

    patience: float
    """Seconds that it waits for an answer."""
    retries: bool
    """Whether it sends again what was not answered with 2xx."""


SENDERS: Mapping[Preset, Sender] = {
    Preset.GITHUB: Sender(10.0, False),
    Preset.GITLAB: Sender(10.0, False),
    Preset.STRIPE: Sender(10.0, True),  # Stripe names no number; its own tools wait 10 s
    Preset.SLACK: Sender(3.0, True),
    Preset.SHOPIFY: Sender(5.0, True),
    Preset.SNS: Sender(15.0, True),
    Preset.ALERTMANAGER: Sender(10.0, True),  # none by default; a group's next notification waits behind this one
    Preset.DOCKERHUB: Sender(10.0, False),  # Docker names no number, and no retries
}

ANYBODY = Sender(10.0, True)
"""A sender of which nothing is known: the shortest that is usual, and a client that knows what 503 means."""

MARGIN = 0.5
"""Seconds of a sender's patience that are left for the way of the answer."""


class Algorithm(StrEnum):
    """Of an HMAC."""

    SHA256 = "sha256"
    SHA1 = "sha1"
    SHA512 = "sha512"


class Encoding(StrEnum):
    """Of an HMAC in a header field."""

    HEX = "hex"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True)
class Hmac:
    """An HMAC of the raw body in a header field."""

    header: str
    algorithm: Algorithm = Algorithm.SHA256
    encoding: Encoding = Encoding.HEX
    prefix: str = ""
    """What stands before each signature: `sha256=`."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret word in a header field."""

    header: str


ACCESS_TOKEN = "access_token"
"""The parameter of a URL that carries a token where a header field cannot (http-webhook.md 3.2)."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer …`, or a parameter of the URL (http-webhook.md 3.1, 3.2)."""

    parameter: str = ACCESS_TOKEN


@dataclass(frozen=True, slots=True)
class Basic:
    """`Authorization: Basic …`; the secrets are passwords."""

    username: str


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""

    tolerance: float = 300.0
    """Seconds by which a timestamp may differ; the specification's libraries take five minutes."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """`Stripe-Signature: t=…,v1=…`."""

    tolerance: float = 300.0


@dataclass(frozen=True, slots=True)
class Slack:
    """`X-Slack-Signature: v0=…` and `X-Slack-Request-Timestamp`."""

    tolerance: float = 300.0


@dataclass(frozen=True, slots=True)
class Sns:
    """The RSA signature in an SNS message; of these topics alone, since SNS signs anyone's."""

    topic_arns: tuple[str, ...]


Check = Hmac | Token | Bearer | Basic | StandardWebhooks | Stripe | Slack | Sns

OWN_CHECKS: Mapping[Preset, Check] = {
    Preset.GITHUB: Hmac("x-hub-signature-256", prefix="sha256="),
    Preset.GITLAB: Token("x-gitlab-token"),
    Preset.STRIPE: Stripe(),
    Preset.SLACK: Slack(),
    Preset.SHOPIFY: Hmac("x-shopify-hmac-sha256", encoding=Encoding.BASE64),
}
"""How these senders sign; SNS has its topics besides, and the others do not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told when its event is stored."""

    status: int = 202
    content_type: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """How requests become events: what WebhookSource, GitHubSource and GitLabSource have in common."""

    check: Check | None = None
    """None where nothing is asked (`insecure: true`)."""
    secrets: tuple[SecretRef, ...] = ()
    """Any of these is right."""
    preset: Preset | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """A CEL expression for each of these attributes."""
    answer: Answer = field(default_factory=Answer)
    max_body_bytes: int | None = None
    """None leaves it to the settings."""
    patience: float | None = None
    """Seconds that the sender waits; None where what is known of it holds."""
    event_types: tuple[str, ...] = ()
    """The sender's own words for what is wanted; all, where there are none."""

    @property
    def sender(self) -> Sender:
        """What is known of who sends."""
        return SENDERS[self.preset] if self.preset is not None else ANYBODY

    @property
    def wait(self) -> float:
        """Seconds within which a request is answered: just under the sender's patience."""
        patience = self.patience if self.patience is not None else self.sender.patience
        return max(patience - MARGIN, patience / 2)
