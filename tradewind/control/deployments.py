"""The Deployment of a ContainerSource: what it must be, and whether what is there still is that.

    ContainerSource, URL of the sink ──template──► Pod template with K_SINK and K_CE_OVERRIDES
                                                     ├── made: the whole Deployment
                                                     └── mended: what is there, with that template again

Name and labels are Knative's.  Its template is what is declared; how many replicas there are, and how they are
replaced, is left to whoever scales it.  The API server fills a template in, and webhooks of others may change it; so
what was written is compared with what is declared, and what is there with what came of that (a Deployed, kept in the
source's status).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tradewind.api_server import Object
from tradewind.control import podspecs
from tradewind.resources.model import ContainerSource, NamespacedName
from tradewind.resources.untyped import fields

SUFFIX = "-deployment"
LONGEST = 63
"""Characters of a name that has a suffix, as Knative's `kmeta.ChildName` has it."""
OWNED = {"apiVersion": "sources.knative.dev/v1", "kind": "ContainerSource"}
RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""Annotation of a Pod template that `kubectl rollout restart` writes: what it asks for is not taken back."""
DIGITS = 16
"""Hexadecimal digits of a digest."""
PATH = podspecs.pod_path("apps/v1", "Deployment")


class Deployed(NamedTuple):
    """What was deployed last."""

    uid: str
    """Of the Deployment."""
    declared: str
    """Digest of the template that was written."""
    held: str
    """Digest of what the API server made of it."""

    def __str__(self) -> str:
        return " ".join(self)


def name_for(source: NamespacedName) -> NamespacedName:
    """The Deployment's name, the same as in Knative."""
    parent = source.name
    if len(parent) > LONGEST - len(SUFFIX):
        digest = hashlib.md5(parent.encode(), usedforsecurity=False).hexdigest()
        parent = parent[: LONGEST - len(SUFFIX) - len(digest)] + digest
    return NamespacedName(source.namespace, parent + SUFFIX)


def labels(source: NamespacedName) -> dict[str, str]:
    """Of the Deployment and of its Pods, which it selects by them."""
    return {
        "sources.knative.dev/source": "container-source-controller",
        "sources.knative.dev/containerSource": source.name,
    }


def template(source: ContainerSource, env: Mapping[str, str]) -> Object:
    """The Pod template: as it is declared, with the labels, and with these variables in every container."""
    declared = dict(source.template)
    metadata = fields(declared, "metadata")
    spec = fields(declared, "spec")
    whole: Object = {"spec": {"template": {"spec": spec}}}
    return {
        **declared,
        "metadata": {**metadata, "labels": {**fields(metadata, "labels"), **labels(source.metadata.name)}},
        "spec": {**spec, **podspecs.changed(whole, PATH, dict(env))},
    }


def made(source: ContainerSource, declared: Object) -> Object:
    """The Deployment with this template."""
    name, marked = source.metadata.name, labels(source.metadata.name)
    owner = {**OWNED, "name": name.name, "uid": source.metadata.uid, "controller": True, "blockOwnerDeletion": True}
    at = name_for(name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": at.name, "namespace": at.namespace, "labels": marked, "ownerReferences": [owner]},
        "spec": {"selector": {"matchLabels": marked}, "template": declared},
    }


def is_owned(source: ContainerSource, held: Object) -> bool:
    """Whether it was made for this very ContainerSource."""
    owners = fields(held, "metadata").get("ownerReferences")
    each = owners if isinstance(owners, list) else ()
    return any(fields(one).get("controller") and fields(one).get("uid") == source.metadata.uid for one in each)


def is_former(source: ContainerSource, held: Object) -> bool:
    """Whether it was made for a ContainerSource of this name that was deleted, so that it is about to go."""
    owners = fields(held, "metadata").get("ownerReferences")
    wanted = {**OWNED, "name": source.metadata.name.name}
    for one in owners if isinstance(owners, list) else ():
        owner = fields(one)
        if owner.get("controller") and owner.get("uid") != source.metadata.uid:
            return all(owner.get(name) == value for name, value in wanted.items())
    return False


def mended(source: ContainerSource, held: Object, declared: Object, before: str | None) -> Object | None:
    """The whole Deployment as it must be, with the version that was seen; None where what is there is that.

    `before` is what is written of the Deployed.
    """
    metadata = held["metadata"]
    marked = {**fields(metadata, "labels"), **labels(source.metadata.name)}
    if str(deployed(held, declared)) == before and marked == fields(metadata, "labels"):
        return None
    restarted = fields(held, "spec", "template", "metadata", "annotations").get(RESTARTED)
    if restarted is not None:
        inner = fields(declared, "metadata")
        annotations = {RESTARTED: restarted, **fields(inner, "annotations")}
        declared = {**declared, "metadata": {**inner, "annotations": annotations}}
    return {
        **{name: value for name, value in held.items() if name != "status"},
        "metadata": {**metadata, "labels": marked},
        "spec": {**fields(held, "spec"), "template": declared},
    }


def deployed(held: Object, declared: Object) -> Deployed:
    """What is to be remembered of a Deployment that this template was written to."""
    return Deployed(held["metadata"]["uid"], _digest(declared), _digest(_unmarked(fields(held, "spec", "template"))))


def _unmarked(held: Object) -> Object:
    """A template without what `kubectl rollout restart` wrote."""
    metadata = fields(held, "metadata")
    annotations = {name: value for name, value in fields(metadata, "annotations").items() if name != RESTARTED}
    return {**held, "metadata": {**metadata, "annotations": annotations}}


def _digest(one: Any) -> str:  # any JSON
    written = json.dumps(one, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:DIGITS]
