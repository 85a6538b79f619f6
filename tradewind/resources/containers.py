"""What ContainerSource and SinkBinding hold, typed: the containers of a pod template, and the workloads that are meant.

A pod template is Kubernetes' own, and most of it means nothing here: it is kept as it was written
(`ContainerSource.template`), and read only as far as a process can be made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from tradewind.resources.webhooks import SecretRef


class ConfigMapRef(NamedTuple):
    """A key of a ConfigMap in the source's namespace."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key} of ConfigMap {self.name}"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A variable of a container's environment: its value, or where that is found."""

    name: str
    value: str = ""
    ref: SecretRef | ConfigMapRef | None = None
    optional: bool = False
    """Whether it is left out where `ref` leads nowhere."""
    unserved: str = ""
    """The word of a `valueFrom` that only Kubernetes can answer, such as `fieldRef`."""


@dataclass(frozen=True, slots=True)
class Container:
    """What a process can be made of: Kubernetes' `command` is what is run, `args` are its arguments."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    """Empty where it is the image's own entry point, which nobody but a runtime of containers knows."""
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: bool = False
    """Whether it has an `envFrom`, which is read by Kubernetes only."""
    working_dir: str = ""


class Operator(StrEnum):
    """How an expression of a label selector compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of `matchExpressions`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Kubernetes' label selector: all of it must hold; an empty one selects everything."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose containers a SinkBinding binds: by name, or by labels."""

    api_version: str
    kind: str
    namespace: str
    name: str = ""
    """Empty where there is a `selector`."""
    selector: LabelSelector | None = None
