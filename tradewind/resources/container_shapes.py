"""Schema of a ContainerSource, and the typed form of one that passed it.

The pod template is open: what it holds besides is Kubernetes' to judge, when the Deployment is made of it.  Its CRD
says nothing of it at all, as Knative's does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import formats, shapes
from tradewind.resources.checking import check, join
from tradewind.resources.containers import ConfigMapRef, Container, EnvVar
from tradewind.resources.schema import Schema, Type, anything, listing, mapping, obj, text
from tradewind.resources.shapes import Fields
from tradewind.resources.webhooks import SecretRef

_VARIABLE = re.compile(r"[^=\x00-\x1f\x7f-\U0010ffff]+")


def container_source() -> Schema:
    """`spec` of a ContainerSource."""
    fields = {
        "template": replace(anything("The pod that sends events, as in a Deployment."), inside=_template_faults),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the events go: K_SINK."),
    }
    return obj("What is asked for.", fields, required=("template", "sink"))


def _open(fields: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    return Schema(Type.OBJECT, properties=fields, required=required, open=True)


def _no_nul(value: str) -> str | None:
    return "a text without NUL" if "\0" in value else None


def _variable(name: str) -> str | None:
    return None if _VARIABLE.fullmatch(name) else "a variable's name: ASCII that can be printed, without '='"


def _one_source(value: Fields) -> str | None:
    given = [name for name, held in value.items() if held is not None]
    return None if len(given) == 1 else "exactly one of secretKeyRef, configMapKeyRef, or another source of values"


def _key_of(what: str) -> Schema:
    fields = {
        "name": text(f"Name of the {what}.", rule=formats.dns_name),
        "key": text("Its key.", rule=formats.not_empty),
        "optional": Schema(Type.BOOLEAN, "Whether the variable is left out where there is none."),
    }
    return _open(fields, required=("name", "key"))


_VALUE_FROM = replace(
    _open({"secretKeyRef": _key_of("Secret"), "configMapKeyRef": _key_of("ConfigMap")}), rule=_one_source
)
_ENV = replace(
    _open(
        {
            "name": text("Name of the variable.", rule=_variable),
            "value": text("Its value.", rule=_no_nul),
            "valueFrom": _VALUE_FROM,
        },
        required=("name",),
    ),
    at_most_one_of=("value", "valueFrom"),
)
_WORD = text("One word.", rule=_no_nul)
_CONTAINER = _open(
    {
        "name": text("Its name.", rule=formats.optional(formats.dns_label)),
        "image": text("Its image.", rule=formats.not_empty),
        "command": listing("What is run.", _WORD),
        "args": listing("Arguments.", _WORD),
        "env": listing("Environment.", _ENV),
        "envFrom": listing("Environment, from whole objects.", anything("")),
        "workingDir": text("Where it is run.", rule=_no_nul),
    },
    required=("image",),
)
_TEMPLATE = _open(
    {
        "metadata": _open({"labels": mapping(""), "annotations": mapping("")}),
        "spec": _open({"containers": listing("Containers.", _CONTAINER)}, required=("containers",)),
    },
    required=("spec",),
)


def _template_faults(value: Any, path: str) -> list[Fault]:  # whatever a manifest holds
    """Every fault of a pod template: Knative asks for a container, and for the image of each."""
    faults = check(_TEMPLATE, value, path)
    spec = value.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list):
        return faults
    at = join(path, "spec.containers")
    if not containers:
        faults.append(Fault(at, "an empty list", "at least one container"))
    return faults + _twice([one.get("name") if isinstance(one, dict) else None for one in containers], at)


def _twice(names: list[Any], path: str) -> list[Fault]:  # as above
    """Of names that an earlier container has, as Kubernetes refuses them."""
    texts = [name if isinstance(name, str) else "" for name in names]
    return [
        Fault(f"{path}[{index}].name", f"{shown(name)}, which an earlier container has", "a name of its own")
        for index, name in enumerate(texts)
        if name and name in texts[:index]
    ]


def containers(source: str, template: Fields) -> tuple[Container, ...]:
    """The containers of a checked template; one without a name is `<source>-<index>`, as Knative has it."""
    return tuple(_container(one, f"{source}-{index}") for index, one in enumerate(template["spec"]["containers"]))


def named(source: str, template: Fields) -> Fields:
    """The template with the names that `containers` gives to those that have none: what a Deployment is made of."""
    spec = template["spec"]
    held = [{**one, "name": one.get("name") or f"{source}-{index}"} for index, one in enumerate(spec["containers"])]
    return {**template, "spec": {**spec, "containers": held}}


def _container(fields: Fields, name: str) -> Container:
    return Container(
        name=fields.get("name") or name,
        image=fields["image"],
        command=tuple(fields.get("command") or ()),
        args=tuple(fields.get("args") or ()),
        env=tuple(_env(one) for one in fields.get("env") or ()),
        env_from=bool(fields.get("envFrom")),
        working_dir=fields.get("workingDir") or "",
    )


def _env(fields: Fields) -> EnvVar:
    name, value_from = fields["name"], fields.get("valueFrom") or {}
    for word, ref in value_from.items():
        if word in _REFS and ref is not None:
            found = _REFS[word](ref["name"], ref["key"])
            return EnvVar(name, ref=found, optional=bool(ref.get("optional")))
    unserved = next((word for word, held in value_from.items() if held is not None), "")
    return EnvVar(name, fields.get("value") or "", unserved=unserved)


_REFS: Mapping[str, Callable[[str, str], SecretRef | ConfigMapRef]] = {
    "secretKeyRef": SecretRef,
    "configMapKeyRef": ConfigMapRef,
}
