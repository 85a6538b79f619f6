"""What texts in manifests must look like.  Each rule answers what was expected, or None where nothing is wrong."""

import base64
import binascii
import json
import re
from urllib.parse import SplitResult, urlsplit

from tradewind.events.attributes import CORE, is_media_type, is_name
from tradewind.events.model import HOPS
from tradewind.resources.schema import Rule

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_URI_TEXT = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_REFERENCE = re.compile(r"[^\x00-\x20\x7f]+")

MAX_NAME = 253
"""Characters of an object's name (RFC 1123, as Kubernetes asks)."""


def optional(rule: Rule) -> Rule:
    """The rule for a text that counts as not written when it is empty, as Go's clients write it."""
    return lambda text: rule(text) if text else None


def dns_label(text: str) -> str | None:
    """RFC 1123 label: a namespace."""
    if _LABEL.fullmatch(text):
        return None
    return "a DNS-1123 label: at most 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"


def dns_name(text: str) -> str | None:
    """RFC 1123 subdomain: the name of most objects."""
    if len(text) <= MAX_NAME and _SUBDOMAIN.fullmatch(text):
        return None
    return "a DNS-1123 name: at most 253 of a-z, 0-9, '-' and '.', each part beginning and ending with letter or digit"


def service_name(text: str) -> str | None:
    """RFC 1035 label: the name of a Service."""
    if dns_label(text) is None and not text[0].isdigit():
        return None
    return "a DNS-1035 label: at most 63 of a-z, 0-9 and '-', beginning with a letter, ending with letter or digit"


def host_name(text: str) -> str | None:
    """What `externalName` may be: a DNS name; a trailing dot is allowed."""
    return dns_name(text.lower().removesuffix("."))


def not_empty(text: str) -> str | None:
    """Any text but the empty one."""
    return None if text else "a non-empty string"


def attribute_name(text: str) -> str | None:
    """A context attribute as `filter.attributes` names it (knative-eventing §1.3, Trigger)."""
    return None if _ATTRIBUTE.fullmatch(text) else "an attribute name that matches ^[a-z][a-z0-9]*$"


def extension_name(text: str) -> str | None:
    """An extension as `ceOverrides` names it: legal by CloudEvents, none of the attributes events have anyway, and not
    the count of hops, which ends loops."""
    if text == HOPS:
        return "another extension: this one counts the Brokers that an event may still pass, so that loops end"
    if is_name(text) and text not in CORE:
        return None
    return "an extension's name: lower-case letters and digits, and not an attribute that CloudEvents itself defines"


def topic_name(text: str) -> str | None:
    """What Kafka takes as a topic's name."""
    if _TOPIC.fullmatch(text) and text not in (".", ".."):
        return None
    return "a Kafka topic name: 1–249 letters, digits, '.', '_' or '-'"


def uri(text: str) -> str | None:
    """A Destination's `uri`: absolute http or https, or relative (to the address of its `ref`)."""
    expected = "an http:// or https:// URL, or a URI relative to `ref`"
    if not _URI_TEXT.fullmatch(text):
        return expected
    try:
        parts = urlsplit(text)
    except ValueError:
        return expected
    if parts.scheme and not (parts.scheme in ("http", "https") and parts.hostname):
        return expected
    return None if _has_possible_port(parts) else "a port from 1 to 65535 behind the host"


def _has_possible_port(parts: SplitResult) -> bool:
    """None at all is the scheme's own."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def is_absolute(text: str) -> bool:
    """Whether a URI that `uri` accepts names its own host."""
    return bool(urlsplit(text).scheme)


def uri_reference(text: str) -> str | None:
    """A URI-reference of an event (`source`, `dataschema`); as at the ingress, its syntax is not enforced."""
    return None if _REFERENCE.fullmatch(text) else "a URI-reference without blanks"


def secret_base64(text: str) -> str | None:
    """A Secret's `data`: Base64, in which `kubectl` lets line breaks pass."""
    if strict_base64("".join(text.splitlines())) is None:
        return None
    return "Base64 (RFC 4648 §4, padded); plain text goes into `stringData`"


def strict_base64(text: str) -> str | None:
    """RFC 4648 §4 with padding, and nothing else in it."""
    try:
        base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return "Base64 (RFC 4648 §4, padded, without line breaks)"
    return None


def media_type(text: str) -> str | None:
    """A content type."""
    return None if is_media_type(text) else "a media type such as application/json"


def json_data(text: str | None, encoded: str | None) -> str | None:
    """Data that is said to be JSON: the text, or what the (valid) Base64 holds."""
    try:
        json.loads(text if text else base64.b64decode(encoded or "bnVsbA=="), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"data that is JSON, as contentType says ({error})"
    return None


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
