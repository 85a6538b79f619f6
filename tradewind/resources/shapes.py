"""Shapes that several kinds share (knative-eventing §1.2): Destination, KReference, DeliverySpec, status."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tradewind.resources import durations, formats
from tradewind.resources.schema import Schema, Type, anything, listing, mapping, obj, text

Fields = Mapping[str, Any]  # a checked mapping of a manifest

NOT_YET = "nothing: this version does not serve it"


def reference(description: str) -> Schema:
    """A KReference.  Its namespace is the referrer's where none is given."""
    fields = {
        "apiVersion": text("API version of the referent.", rule=formats.not_empty),
        "kind": text("Kind of the referent.", rule=formats.not_empty),
        "name": text("Name of the referent.", rule=formats.dns_name),
        "namespace": text(
            "Namespace of the referent; the referrer's when empty.", rule=formats.optional(formats.dns_label)
        ),
    }
    return obj(description, fields, required=("apiVersion", "kind", "name"))


def _destination_rule(value: Fields) -> str | None:
    if value.get("uri") is None:
        return None
    absolute = formats.is_absolute(value["uri"])
    if absolute and value.get("ref") is not None:
        return "a `uri` relative to `ref`, or no `ref`"
    if not absolute and value.get("ref") is None:
        return "an absolute `uri`, or a `ref` that it is relative to"
    return None


def destination(description: str) -> Schema:
    """A Destination: `ref`, `uri`, or a `uri` relative to the address of `ref`."""
    ref = reference("An object that can be addressed.")
    extra = {
        "address": text("Name of one of the referent's addresses.", unserved=NOT_YET),
        "group": text("API group of the referent.", unserved=f"{NOT_YET}; `apiVersion` names the group"),
    }
    fields = {
        "ref": replace(ref, properties={**ref.properties, **extra}),
        "uri": text("An absolute URL, or a URI relative to the address of `ref`.", rule=formats.uri),
        "CACerts": text("Certificates of authorities in PEM, for TLS to this address.", unserved=NOT_YET),
        "audience": text("OIDC audience of this address.", unserved=NOT_YET),
    }
    return replace(obj(description, fields), any_of=("ref", "uri"), rule=_destination_rule, rule_on=("uri",))


def delivery(description: str) -> Schema:
    """A DeliverySpec.  No default lies in it: defaults would defeat the merge of a Trigger's over its Broker's."""
    fields = {
        "deadLetterSink": destination("Where events go that could not be delivered."),
        "retry": Schema(Type.INTEGER, "Retries after the first attempt.", format="int32", minimum=0, maximum=2**31 - 1),
        "timeout": text("Longest time for one attempt, ISO 8601.", rule=durations.positive_fault),
        "backoffPolicy": text(
            "How the wait before retry n grows: backoffDelay·n or backoffDelay·2ⁿ.", enum=("linear", "exponential")
        ),
        "backoffDelay": text("The delay that the policy multiplies, ISO 8601.", rule=durations.fault),
        "retryAfterMax": text("Longest wait that a Retry-After header may ask for, ISO 8601.", rule=durations.fault),
        "format": text("Content mode of a delivery.", enum=("json", "binary")),
    }
    return replace(obj(description, fields), preserved=True)


def ce_overrides() -> Schema:
    """`ceOverrides`: extensions that a source sets on each of its events."""
    extensions = mapping("Extension attributes, by name.", keys=formats.extension_name)
    return obj("What a source overrides in its events.", {"extensions": extensions})


_ADDRESS = obj(
    "Where the object takes events.",
    {"name": text("Name of the address."), "url": text("URL."), "CACerts": text("PEM."), "audience": text("Audience.")},
)
_CONDITION = obj(
    "One condition; Ready is the aggregate.",
    {
        "type": text("Type of the condition."),
        "status": text("True, False or Unknown."),
        "reason": text("One word for machines."),
        "message": text("A sentence for people."),
        "severity": text("Empty for an error."),
        "lastTransitionTime": text("When the status last changed."),
    },
    required=("type", "status"),
)
_AUTH = obj(
    "Identity of the object.",
    {
        "serviceAccountName": text("Service account."),
        "serviceAccountNames": listing("Service accounts.", Schema(Type.STRING)),
    },
)
_CE_ATTRIBUTES = listing(
    "Types and sources of the events that come from here.",
    obj("A type and a source.", {"type": text("Type of events."), "source": text("Source of events.")}),
)
_ADDRESSABLE = {
    "address": _ADDRESS,
    "addresses": listing("All addresses.", _ADDRESS),
    "policies": listing(
        "EventPolicies that apply.", obj("An EventPolicy.", {"apiVersion": text("Version."), "name": text("Name.")})
    ),
}


def resolved(what: str) -> Mapping[str, Schema]:
    """`<what>Uri`, `<what>CACerts`, `<what>Audience`: how a Destination was resolved."""
    return {f"{what}{name}": text(f"Resolved {name} of {what}.") for name in ("Uri", "CACerts", "Audience")}


def status(fields: Mapping[str, Schema]) -> Schema:
    """A status: Knative's common part, and these fields."""
    common = {
        "annotations": anything("What is worth knowing besides."),
        "conditions": listing("Conditions.", _CONDITION),
        "observedGeneration": Schema(Type.INTEGER, "Generation that was reconciled last.", format="int64"),
    }
    return obj("What was observed; written by the controller.", {**common, **fields})


TRIGGER_STATUS = status({**resolved("subscriber"), **resolved("deadLetterSink"), "auth": _AUTH})
BROKER_STATUS = status({**_ADDRESSABLE, **resolved("deadLetterSink")})
SOURCE_STATUS = status({**resolved("sink"), "ceAttributes": _CE_ATTRIBUTES, "auth": _AUTH})
BINDING_STATUS = status(
    {
        **SOURCE_STATUS.properties,
        "oidcTokenSecretName": text("Secret of the token by which the workload says who it is."),
    }
)
WEBHOOK_STATUS = status({**resolved("sink"), "ceAttributes": _CE_ATTRIBUTES, "auth": _AUTH, "address": _ADDRESS})
"""Of sources that take requests: `address` is where."""
PLAIN_STATUS = status({})
