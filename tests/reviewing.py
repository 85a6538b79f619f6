"""Brokers, Triggers and reviews of them, as the API server posts them; a test changes what it is about."""

import base64
import json
from typing import Any

from tradewind.control.webhook import admission, reviews
from tradewind.control.webhook.admission import Known, Rules
from tradewind.control.webhook.reviews import JUDGED, Request, Verdict
from tradewind.resources.model import BROKER_CLASS, NamespacedName
from tradewind.resources.untyped import Object

RULES = Rules(classes={"Tradewind"}, default_class="Tradewind")


def broker(name: str = "default", *, served: str | None = "Tradewind", namespace: str = "ns", **spec: Any) -> Object:
    """A Broker of a class."""
    annotations = {} if served is None else {BROKER_CLASS: served}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata, "spec": spec}


def trigger(name: str = "a", *, of: str = "default", namespace: str = "ns", **spec: Any) -> Object:
    """A Trigger of a Broker."""
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"broker": of, "subscriber": {"uri": "http://subscriber"}, **spec},
    }


def known(*objects: Object, complete: bool = True) -> Known:
    """These are there."""
    brokers, triggers, bindings = (
        {
            NamespacedName(one["metadata"]["namespace"], one["metadata"]["name"]): one
            for one in objects
            if one["kind"] == kind
        }
        for kind in ("Broker", "Trigger", "SinkBinding")
    )
    return Known(brokers=brokers, triggers=triggers, bindings=bindings, complete=complete)


def request(new: Object | None, old: Object | None = None, **changed: Any) -> Request:
    """A request to create or update it."""
    one = new or old or {}
    said: dict[str, Any] = {
        "uid": "u",
        "kind": one["kind"] if (one["apiVersion"], one["kind"]) in JUDGED else "",
        "api_version": one["apiVersion"],
        "asked": one["kind"],
        "operation": "UPDATE" if old else "CREATE",
        "subresource": "",
        "namespace": one["metadata"].get("namespace", "ns"),
        "name": one["metadata"].get("name", ""),
    }
    return Request(**{**said, **changed}, new=new, old=old)


def review(asked: Request) -> Object:
    """As the API server posts it."""
    return {
        "apiVersion": reviews.VERSION,
        "kind": reviews.KIND,
        "request": {
            "uid": asked.uid,
            "kind": _kind(asked),
            "operation": asked.operation,
            "subResource": asked.subresource or None,
            "namespace": asked.namespace,
            "name": asked.name or None,
            "object": asked.new,
            "oldObject": asked.old,
        },
    }


def _kind(asked: Request) -> Object:
    group, slash, version = asked.api_version.rpartition("/")
    return {"group": group if slash else "", "version": version, "kind": asked.kind or asked.asked}


def validated(
    new: Object | None, old: Object | None = None, *, there: Known | None = None, rules: Rules = RULES
) -> Verdict:
    """What the validating webhook says; the Broker `ns/default` is there and ours unless told."""
    return admission.validate(request(new, old), known(broker()) if there is None else there, rules)


def defaulted(
    new: Object | None, old: Object | None = None, *, there: Known | None = None, rules: Rules = RULES
) -> Verdict:
    """What the mutating webhook says."""
    return admission.default(request(new, old), known(broker()) if there is None else there, rules)


def patched(one: Object, patch: tuple[Object, ...]) -> Object:
    """The object with a JSON patch of `add`s applied, by RFC 6902."""
    whole: Object = json.loads(json.dumps(one))
    for operation in patch:
        assert operation["op"] == "add"
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        holder = whole
        for part in parents:
            holder = holder[part]
        holder[last] = operation["value"]
    return whole


def answered(asked: Request, verdict: Verdict) -> Object:
    """The `response` of the review that answers, its patch decoded."""
    whole = json.loads(reviews.answer(asked, verdict))
    assert (whole["apiVersion"], whole["kind"]) == (reviews.VERSION, reviews.KIND)
    response: Object = whole["response"]
    if "patch" in response:
        response["patch"] = json.loads(base64.b64decode(response["patch"]))
    return response
