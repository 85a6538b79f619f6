"""A request and a source → events, or why there are none.  Nothing that anybody sends raises.

    who sends it? ──no──► 401, 403       is it a CloudEvent by the HTTP binding? ──► unchanged
      │ yes                                │ no
      └────────────────────────────────────┴► the preset's attributes ──► `spec.ce`, one expression each ──► event

A message of a sender with a preset is never taken for a CloudEvent: its signature is over the body, and `ce-` fields
would be anybody's.  The data are the raw body (of Alertmanager, each alert's part of it).  What comes from whom it
should, and can never become an event, is kept; what comes from anybody is refused, or anybody could fill the dead
letters.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from tradewind.errors import Fault, InvalidEvent, UnsupportedFormat
from tradewind.events import attributes as rules
from tradewind.events import http, json_format
from tradewind.events.attributes import is_media_type, shown
from tradewind.events.model import SPEC_VERSION, Event
from tradewind.filters.cel import document
from tradewind.filters.cel.attribute import Asked, NoAttribute, attribute
from tradewind.resources.webhooks import Preset, Sns, StandardWebhooks, Webhook
from tradewind.sources.webhook import verify
from tradewind.sources.webhook.outcomes import Accepted, Confirms, Kept, NeedsCertificate, Outcome, Refused, Told
from tradewind.sources.webhook.reading import stamp, text
from tradewind.sources.webhook.request import Request, pairs
from tradewind.sources.webhook.senders import alertmanager, github, gitlab, sns, vendors

TYPE = "dev.tradewind.webhook.received"
"""Of an event for which nothing else says its type."""

MAX_BATCH = 1000
"""Events of a batch, as at the ingress."""

JSON = "application/json"

Attributes = Callable[[Request, object], dict[str, str]]

_is_media_type = lru_cache(256)(is_media_type)
"""A sender has one or two."""

_ATTRIBUTES: Mapping[Preset, Attributes] = {
    Preset.GITHUB: github.attributes,
    Preset.GITLAB: gitlab.attributes,
    Preset.STRIPE: vendors.stripe,
    Preset.SLACK: vendors.slack,
    Preset.SHOPIFY: vendors.shopify,
    Preset.SNS: sns.attributes,
    Preset.DOCKERHUB: vendors.docker_hub,
}
_WANTED: Mapping[Preset, Callable[[Request], str]] = {Preset.GITHUB: github.wanted, Preset.GITLAB: gitlab.wanted}


class Given(NamedTuple):
    """What a conversion needs besides the request; a tuple, as it is made for each."""

    source: str
    """The source's own URI: `source` of events that have no other."""
    secrets: Sequence[bytes]
    """As `verify.usable` makes them."""
    max_bytes: int
    """Bytes that a body may have."""
    now: float
    """Seconds since the epoch."""
    chance: str
    """The `id` of an event that has no other."""
    certificates: Mapping[str, bytes] = MappingProxyType({})
    """Of Amazon, by their URL, in PEM."""


def outcome(request: Request, webhook: Webhook, given: Given) -> Outcome:
    """What a request comes to, whose body is whole and within its bound."""
    if isinstance(webhook.check, Sns):
        return _of_sns(request, webhook, webhook.check, given)
    if webhook.check is not None and (wrong := verify.fault(request, webhook.check, given.secrets, given.now)):
        return Refused(401, "It is not known that this comes from whom it should.", (wrong,))
    if len(request.values("content-type")) > 1:
        fault = Fault("content-type", f"{len(request.values('content-type'))} of them", "at most one", "RFC 9110 5.3")
        return Refused(400, "What the body is, is ambiguous.", (fault,))
    if webhook.preset is None:
        return _of_events(request) if http.is_event(request.headers) else _of_anything(request, webhook, given)
    return _of_preset(request, webhook, webhook.preset, given)


def _of_events(request: Request) -> Outcome:
    try:
        return Accepted(http.read_all(request.headers, request.body, MAX_BATCH))
    except UnsupportedFormat as error:
        return Refused(415, "The event is in a format that is not read here.", error.faults)
    except json_format.BatchTooLong as error:
        return Refused(413, "The batch holds too many events.", error.faults)
    except InvalidEvent as error:
        return Refused(400, "This means to be a CloudEvent, and is none.", error.faults)


def _of_anything(request: Request, webhook: Webhook, given: Given) -> Outcome:
    said = {"type": TYPE}
    if isinstance(webhook.check, StandardWebhooks):
        said["id"] = request.identity("webhook-id")
    media_type = request.media_type
    if media_type is not None and not _is_media_type(media_type):
        fault = Fault("content-type", shown(media_type), "a media type such as application/json", "RFC 9110 8.3")
        return Refused(400, "It is not said what the body is.", (fault,))
    if webhook.attributes:
        return _event(request, webhook, given, said, request.body, media_type)
    made = {"specversion": SPEC_VERSION, "source": given.source, "time": stamp(given.now), **said}
    made["id"] = said.get("id") or given.chance  # all of them are known to be right
    if media_type is not None:
        made["datacontenttype"] = media_type
    return Accepted((Event(made, request.body or None),))


def _of_preset(request: Request, webhook: Webhook, preset: Preset, given: Given) -> Outcome:
    payload = _payload(request, given)
    if isinstance(payload, Fault):
        return _never(webhook, "The body cannot be read.", (payload,))
    if preset is Preset.SLACK and (challenge := vendors.challenge(payload)):
        return Told(200, challenge.encode("utf-8", "replace"), "text/plain; charset=utf-8")
    wanted = _WANTED[preset](request) if webhook.event_types else ""
    if webhook.event_types and wanted not in webhook.event_types:
        return Told(202, f"{shown(wanted)} is not among the eventTypes of this source.\n".encode(), "text/plain")
    media_type = request.media_type if request.is_form else JSON
    if preset is Preset.ALERTMANAGER:
        return _of_alerts(request, webhook, given, payload)
    return _event(request, webhook, given, _ATTRIBUTES[preset](request, payload), request.body, media_type)


def _of_alerts(request: Request, webhook: Webhook, given: Given, payload: object) -> Outcome:
    alerts = alertmanager.alerts(request.body, payload)
    if not alerts or len(alerts) > alertmanager.MAX_ALERTS:
        found = "none" if not alerts else f"{len(alerts)} of them"
        expected = f"from 1 to {alertmanager.MAX_ALERTS} alerts (Alertmanager's max_alerts)"
        return _never(webhook, "This is no notification of Alertmanager.", (Fault("body: alerts", found, expected),))
    events: list[Event] = []
    for number, alert in enumerate(alerts):
        each = Given(given.source, given.secrets, given.max_bytes, given.now, f"{given.chance}/{number}")
        made = _event(request, webhook, each, alert.attributes, alert.data, JSON)
        if not isinstance(made, Accepted):
            return made
        events += made.events
    return Accepted(tuple(events))


def _of_sns(request: Request, webhook: Webhook, check: Sns, given: Given) -> Outcome:
    message = _payload(request, given)
    if isinstance(message, Fault):
        return Refused(400, "This is no message of SNS.", (message,))
    topic = text(message, "TopicArn")
    if topic not in check.topic_arns:
        fault = Fault("body: TopicArn", shown(topic), "one of this source's topicArns")
        return Refused(403, "Messages of this topic are not taken.", (fault,))
    url = sns.certificate_url(message)
    if not url:
        fault = Fault("body: SigningCertURL", shown(text(message, "SigningCertURL")), "a certificate of Amazon SNS")
        return Refused(401, "It is not known that this comes from whom it should.", (fault,))
    if url not in given.certificates:
        return NeedsCertificate(url)
    if not sns.is_signed(message, given.certificates[url], given.now):
        fault = Fault("body: Signature", "another", "that of the message by the certificate of Amazon SNS")
        return Refused(401, "It is not known that this comes from whom it should.", (fault,))
    if text(message, "Type") == sns.CONFIRMATION:
        subscribe = sns.subscribe_url(message)
        if subscribe:
            return Confirms(subscribe)
        fault = Fault("body: SubscribeURL", shown(text(message, "SubscribeURL")), "a URL of Amazon SNS")
        return Refused(400, "The subscription cannot be confirmed.", (fault,))
    return _event(request, webhook, given, sns.attributes(request, message), request.body, JSON)


def _payload(request: Request, given: Given) -> object:
    """The JSON of the body, or in the field `payload` of a form; a form without it, as it is; or what is wrong."""
    body = request.body
    if request.is_form:
        fields = pairs(body)
        if b"payload" not in fields:
            return {name.decode("utf-8", "replace"): held.decode("utf-8", "replace") for name, held in fields.items()}
        body = fields[b"payload"]
    try:
        return document.read(body or None, None, max_bytes=given.max_bytes)
    except document.NoDocument as why:
        return Fault("body", f"none that is JSON ({why})", "JSON")


def _event(
    request: Request, webhook: Webhook, given: Given, said: Mapping[str, str], data: bytes, media_type: str | None
) -> Outcome:
    """The event of these attributes, as `spec.ce` changes them, and the defaults of what has to be there."""
    attributes = {name: held for name, held in said.items() if held}
    faults = _expressed(request, webhook, given, attributes) if webhook.attributes else []
    made = {"specversion": SPEC_VERSION, **_defaults(attributes, webhook, given), **attributes}
    if media_type is not None:
        made["datacontenttype"] = media_type
    faults += rules.faults(made, lambda name: f"ce.{name}", [fault.path.removeprefix("ce.") for fault in faults])
    if faults:
        return _never(webhook, "It cannot become an event.", tuple(faults))
    return Accepted((Event(made, data or None),))


def _expressed(request: Request, webhook: Webhook, given: Given, attributes: dict[str, str]) -> list[Fault]:
    """Set what the expressions give; the fault of each that gives nothing."""
    faults: list[Fault] = []
    asked = Asked(request.body, request.media_type, request.fields, request.texts, most=given.max_bytes)
    for name, expression in webhook.attributes.items():
        try:
            found = asked.text(attribute(expression))
        except NoAttribute as why:
            faults.append(Fault(f"ce.{name}", str(why), "an attribute"))
            continue
        if found:
            attributes[name] = found
        else:
            attributes.pop(name, None)
    return faults


def _defaults(attributes: Mapping[str, str], webhook: Webhook, given: Given) -> dict[str, str]:
    """Of an attribute that an expression was to give, and did not, there is none."""
    found = {"id": given.chance, "source": given.source, "time": stamp(given.now)}
    return {name: held for name, held in found.items() if name not in {*attributes, *webhook.attributes}}


def _never(webhook: Webhook, why: str, faults: tuple[Fault, ...]) -> Outcome:
    """It is kept where it is known who sent it."""
    return Refused(400, why, faults) if webhook.check is None else Kept(why, faults)
