"""Schemas of WebhookSource, GitHubSource and GitLabSource, and the typed form of manifests that passed them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from tradewind.errors import Fault, InvalidCel
from tradewind.events.attributes import is_name
from tradewind.filters.cel import installed
from tradewind.filters.cel.attribute import attribute
from tradewind.resources import dialects, durations, formats, shapes
from tradewind.resources.schema import Schema, Type, listing, mapping, obj, text
from tradewind.resources.shapes import Fields
from tradewind.resources.webhooks import (
    ACCESS_TOKEN,
    OWN_CHECKS,
    Algorithm,
    Answer,
    Basic,
    Bearer,
    Check,
    Encoding,
    Hmac,
    Preset,
    SecretRef,
    Sns,
    StandardWebhooks,
    Token,
    Webhook,
)

MAX_BODY = 15 * 1024 * 1024
"""Bytes; the most that an event may have."""

_FIELD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ARN = re.compile(r"arn:(?:aws|aws-cn|aws-us-gov):sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_WORD = re.compile(r"[a-z_]+|\*")
_CHECKS = ("hmac", "token", "bearer", "basic", "standardWebhooks")
_NAMED = ("type", "source", "subject", "id", "time", "dataschema", "partitionkey")


def _words(choice: type[StrEnum]) -> tuple[str, ...]:
    return tuple(one.value for one in choice)


def _field(name: str) -> str | None:
    return None if _FIELD.fullmatch(name) else "the name of a header field"


def _parameter(name: str) -> str | None:
    return (
        None if re.fullmatch(r"[A-Za-z0-9._~-]+", name) else "a parameter's name: letters, digits, '.', '_', '~' or '-'"
    )


def _word(name: str) -> str | None:
    return None if _WORD.fullmatch(name) else "an event's name, such as push, or *"


def _arn(text: str) -> str | None:
    return None if _ARN.fullmatch(text) else "an SNS topic: arn:aws:sns:<region>:<account>:<name>"


def _extension(name: str) -> str | None:
    if is_name(name) and name not in (*_NAMED, "specversion", "datacontenttype"):
        return None
    return "an extension's name: lower-case letters and digits, and none of the attributes beside"


def secret_key(description: str) -> Schema:
    """`secretKeyRef`: a key of a Secret in the same namespace."""
    selector = obj(
        "A key of a Secret.",
        {"name": text("Name of the Secret.", rule=formats.dns_name), "key": text("Its key.", rule=formats.not_empty)},
        required=("name", "key"),
    )
    return obj(description, {"secretKeyRef": selector}, required=("secretKeyRef",))


def _expression() -> Schema:
    return replace(text("A CEL expression over `body`, `headers` and `query`."), inside=_expression_faults)


def _expression_faults(value: str, path: str) -> list[Fault]:
    if not installed():
        return [Fault(path, "an expression in CEL, whose library is not installed", dialects.NOT_INSTALLED)]
    try:
        attribute(value)
    except InvalidCel as invalid:
        return [replace(fault, path=f"{path}, {fault.path}") for fault in invalid.faults]
    return []


def _verify() -> Schema:
    fields = {
        "hmac": obj(
            "An HMAC of the raw body in a header field.",
            {
                "header": text("Name of the field.", rule=_field),
                "algorithm": text("Hash of the HMAC; sha256 when empty.", enum=_words(Algorithm)),
                "encoding": text("Of the HMAC in the field; hex when empty.", enum=_words(Encoding)),
                "prefix": text("What stands before the HMAC, such as `sha256=`."),
            },
            required=("header",),
        ),
        "token": obj(
            "A secret word in a header field.",
            {"header": text("Name of the field.", rule=_field)},
            required=("header",),
        ),
        "bearer": obj(
            "`Authorization: Bearer`, or a parameter of the URL.",
            {"parameter": text("Name of the parameter; access_token when empty.", rule=formats.optional(_parameter))},
        ),
        "basic": obj(
            "`Authorization: Basic`; the secrets are passwords.",
            {"username": text("Who it must be.", rule=_username)},
            required=("username",),
        ),
        "standardWebhooks": obj(
            "Signed as standardwebhooks.com says.",
            {
                "tolerance": text(
                    "By how much a timestamp may differ, ISO 8601; PT5M when empty.", rule=durations.positive_fault
                )
            },
        ),
    }
    one = obj("How it is known who sends.", fields)
    return replace(one, min_properties=1, max_properties=1, rule=_one_check)


def _username(name: str) -> str | None:
    return None if name and ":" not in name else "a name without ':'"


def _one_check(value: Fields) -> str | None:
    given = [name for name in _CHECKS if value.get(name) is not None]
    return None if len(given) == 1 else f"exactly one of {', '.join(_CHECKS)}"


def _status(description: str) -> Schema:
    return Schema(Type.INTEGER, description, format="int32", minimum=200, maximum=299)


def webhook_source() -> Schema:
    """`spec` of a WebhookSource."""
    named = {name: replace(_expression(), description=f"CEL expression of the attribute {name}.") for name in _NAMED}
    extensions = mapping("CEL expressions of extension attributes, by name.", _expression(), keys=_extension)
    answer = {
        "status": _status("Status of the answer once the event is stored; 202 when empty."),
        "contentType": text("Media type of its body.", rule=formats.optional(formats.media_type)),
        "body": text("Its body."),
    }
    fields = {
        "preset": text("A sender whose ways are known.", enum=_words(Preset)),
        "verify": _verify(),
        "secrets": listing("What the sender signs with; any of them is right.", secret_key("One of them.")),
        "insecure": Schema(Type.BOOLEAN, "Whether requests are taken from anybody."),
        "topicArns": listing("SNS topics whose messages are taken.", Schema(Type.STRING, "An ARN.", rule=_arn)),
        "ce": obj("Attributes of the events, each a CEL expression.", {**named, "extensions": extensions}),
        "response": obj("What a sender is told when its event is stored.", answer),
        "maxBodyBytes": Schema(
            Type.INTEGER, "Bytes that a body may have.", format="int32", minimum=1, maximum=MAX_BODY
        ),
        "timeout": text("How long the sender waits for an answer, ISO 8601.", rule=durations.positive_fault),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the events go."),
    }
    looked_at = ("preset", "verify", "secrets", "insecure", "topicArns", "ce")
    return replace(obj("What is asked for.", fields, required=("sink",)), rule=_verified, rule_on=looked_at)


def _verified(value: Fields) -> str | None:
    """Nobody is taken at their word by accident: there is a check, or `insecure: true`, and not both."""
    preset = Preset(value["preset"]) if value.get("preset") else None
    check, secrets, insecure = value.get("verify") is not None, bool(value.get("secrets")), bool(value.get("insecure"))
    arns = bool(value.get("topicArns"))
    if arns != (preset is Preset.SNS):
        return "`topicArns` with the preset sns, which needs them, and with no other: SNS signs anyone's topics"
    if preset is Preset.SNS:
        return "neither `verify`, `secrets` nor `insecure`: SNS signs" if check or secrets or insecure else None
    if preset is Preset.ALERTMANAGER and (value.get("ce") or {}).get("id") is not None:
        return (
            "no `ce.id` with the preset alertmanager: a notification holds several alerts, each with an id of its own"
        )
    own = preset in OWN_CHECKS
    if own and check:
        return f"no `verify`: the preset {preset} has its own, which needs `secrets` alone"
    if insecure:
        return "no `verify` and no `secrets` beside `insecure: true`" if check or secrets else None
    if own:
        return None if secrets else f"`secrets` that {preset} signs with (or `insecure: true`)"
    if not check:
        return "one of `verify` (with `secrets`) and `insecure: true`: who may send"
    return None if secrets else "`secrets` for `verify`"


def webhook(spec: Fields) -> Webhook:
    """What a checked `spec` of a WebhookSource says."""
    preset = Preset(spec["preset"]) if spec.get("preset") else None
    ce = spec.get("ce") or {}
    expressions = {name: ce[name] for name in _NAMED if ce.get(name)} | dict(ce.get("extensions") or {})
    answer, timeout = spec.get("response") or {}, spec.get("timeout")
    return Webhook(
        check=None if spec.get("insecure") else _check(spec, preset),
        secrets=tuple(_secret(one) for one in spec.get("secrets") or ()),
        preset=preset,
        attributes={name: expression for name, expression in expressions.items() if expression},
        answer=Answer(answer.get("status") or 202, answer.get("contentType") or "", answer.get("body") or ""),
        max_body_bytes=spec.get("maxBodyBytes"),
        patience=None if timeout is None else durations.seconds(timeout),
    )


def _secret(fields: Fields) -> SecretRef:
    return SecretRef(fields["secretKeyRef"]["name"], fields["secretKeyRef"]["key"])


def _check(spec: Fields, preset: Preset | None) -> Check:
    if preset is Preset.SNS:
        return Sns(tuple(spec["topicArns"]))
    if preset is not None and preset in OWN_CHECKS:
        return OWN_CHECKS[preset]
    (name, how), *_ = ((name, how) for name, how in spec["verify"].items() if how is not None)
    return _CHECK_OF[name](how)


def _hmac(how: Fields) -> Check:
    algorithm, encoding = how.get("algorithm") or Algorithm.SHA256, how.get("encoding") or Encoding.HEX
    return Hmac(how["header"].lower(), Algorithm(algorithm), Encoding(encoding), how.get("prefix") or "")


def _standard(how: Fields) -> Check:
    return StandardWebhooks(durations.seconds(how["tolerance"])) if how.get("tolerance") else StandardWebhooks()


_CHECK_OF: Mapping[str, Callable[[Fields], Check]] = {
    "hmac": _hmac,
    "token": lambda how: Token(how["header"].lower()),
    "bearer": lambda how: Bearer(how.get("parameter") or ACCESS_TOKEN),
    "basic": lambda how: Basic(how["username"]),
    "standardWebhooks": _standard,
}


# --- Knative's kinds, which are presets with other words


def _knative(fields: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    common = {
        "accessToken": secret_key("For registering webhooks, which is not done here."),
        "secretToken": secret_key("What the sender signs with."),
        "serviceAccountName": text("Of Knative's adapter; not used here."),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the events go."),
    }
    return obj("What is asked for.", {**fields, **common}, required=("secretToken", "sink", *required))


def github_source() -> Schema:
    """`spec` of a GitHubSource."""
    return _knative(
        {
            "ownerAndRepository": text("Whose events: an owner, or owner/repository.", rule=formats.not_empty),
            "eventTypes": listing("GitHub's names of the events that are wanted.", text("A name.", rule=_word)),
            "githubAPIURL": text("API of a GitHub Enterprise; not used here.", rule=formats.optional(formats.uri)),
            "secure": Schema(Type.BOOLEAN, "Whether GitHub is told an https URL; not used here."),
        },
        ("ownerAndRepository", "eventTypes"),
    )


def gitlab_source() -> Schema:
    """`spec` of a GitLabSource."""
    return _knative(
        {
            "projectUrl": text("Whose events: the URL of a project.", rule=formats.uri),
            "eventTypes": listing("GitLab's names of the events that are wanted.", text("A name.", rule=_word)),
            "sslverify": Schema(Type.BOOLEAN, "Whether GitLab checks certificates; not used here."),
        },
        ("projectUrl", "eventTypes"),
    )


def knative_webhook(preset: Preset, spec: Fields) -> Webhook:
    """What a checked `spec` of a GitHubSource or GitLabSource says."""
    wanted = tuple(spec["eventTypes"])
    return Webhook(
        check=OWN_CHECKS[preset],
        secrets=(_secret(spec["secretToken"]),),
        preset=preset,
        event_types=() if "*" in wanted else wanted,
    )
