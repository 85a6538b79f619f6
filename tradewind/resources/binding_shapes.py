"""Schema of a SinkBinding, and the typed form of one that passed it (knative-eventing, SinkBinding)."""

import re
from dataclasses import replace
from typing import Any

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import formats, shapes
from tradewind.resources.containers import LabelSelector, Operator, Requirement, Subject
from tradewind.resources.schema import Schema, listing, mapping, obj, text
from tradewind.resources.shapes import Fields

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_API_VERSION = re.compile(r"([a-z0-9.-]+/)?[A-Za-z0-9]+")
_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _label_key(text: str) -> str | None:
    """Kubernetes' qualified name: 63 characters, which a DNS name and '/' may precede."""
    prefix, slash, name = text.rpartition("/")
    if _NAME.fullmatch(name) and (not slash or formats.dns_name(prefix) is None):
        return None
    return "a label's key: at most 63 letters, digits, '-', '_' or '.', behind a DNS name and '/' if need be"


def _label_value(text: str) -> str | None:
    if not text or _NAME.fullmatch(text):
        return None
    return "a label's value: at most 63 letters, digits, '-', '_' or '.', or empty"


def _api_version(text: str) -> str | None:
    return None if _API_VERSION.fullmatch(text) else "an API version such as apps/v1"


def _kind(text: str) -> str | None:
    return None if _KIND.fullmatch(text) else "a kind such as Deployment"


def _expression(value: Fields) -> str | None:
    operator, values = value.get("operator"), value.get("values") or []
    if operator in (Operator.IN, Operator.NOT_IN):
        return None if values else f"`values` for {operator}"
    return f"no `values` for {operator}" if operator and values else None


def _selector() -> Schema:
    expression = obj(
        "One more condition.",
        {
            "key": text("Key of the label.", rule=_label_key),
            "operator": text("How it compares.", enum=tuple(one.value for one in Operator)),
            "values": listing("What it is compared with.", text("A value.", rule=_label_value)),
        },
        required=("key", "operator"),
    )
    fields = {
        "matchLabels": mapping("Labels that it must have.", text("", rule=_label_value), keys=_label_key),
        "matchExpressions": listing(
            "What else its labels must be.", replace(expression, rule=_expression, rule_on=("operator", "values"))
        ),
    }
    return obj("Those with these labels.", fields)


def _one_way(value: Fields) -> str | None:
    """An empty selector is one, too: it selects all."""
    given = bool(value.get("name")) + (value.get("selector") is not None)
    return None if given == 1 else "exactly one of name, selector"


def sink_binding() -> Schema:
    """`spec` of a SinkBinding."""
    fields = {
        "apiVersion": text("API version of the workload.", rule=_api_version),
        "kind": text("Kind of the workload.", rule=_kind),
        "namespace": text("Its namespace, which is the SinkBinding's own.", rule=formats.optional(formats.dns_label)),
        "name": text("Its name.", rule=formats.optional(formats.dns_name)),
        "selector": _selector(),
    }
    subject = obj("The workloads whose containers are told of the sink.", fields, required=("apiVersion", "kind"))
    spec = {
        "subject": replace(subject, rule=_one_way, rule_on=("name",)),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the workload sends its events: K_SINK."),
    }
    return obj("What is asked for.", spec, required=("subject", "sink"))


def namespace_faults(namespace: str, spec: Any, path: str) -> list[Fault]:  # a manifest is whatever YAML holds
    """Of a subject in another namespace than the SinkBinding's, which Knative refuses: who may write the one need not
    be let into the other."""
    subject = spec.get("subject") if isinstance(spec, dict) else None
    found = subject.get("namespace") if isinstance(subject, dict) else None
    if not isinstance(found, str) or found in ("", namespace):
        return []
    return [Fault(f"{path}spec.subject.namespace", shown(found), f"the SinkBinding's own namespace, {namespace}")]


def subject(fields: Fields, namespace: str) -> Subject:
    """What a checked `subject` says, which is in the namespace of its SinkBinding."""
    selector = fields.get("selector")
    return Subject(
        fields["apiVersion"],
        fields["kind"],
        namespace,
        fields.get("name") or "",
        None if selector is None else _selected(selector),
    )


def _selected(fields: Fields) -> LabelSelector:
    labels = {key: value or "" for key, value in (fields.get("matchLabels") or {}).items()}
    expressions = tuple(
        Requirement(one["key"], Operator(one["operator"]), tuple(one.get("values") or ()))
        for one in fields.get("matchExpressions") or ()
    )
    return LabelSelector(labels, expressions)
