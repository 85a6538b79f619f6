"""What the variables of containers refer to, as far as it is declared."""

from collections.abc import Mapping
from typing import NamedTuple

from tradewind.resources.containers import ConfigMapRef, EnvVar
from tradewind.resources.model import ConfigMap, ContainerSource, NamespacedName, Secret
from tradewind.resources.webhooks import SecretRef


class Values(NamedTuple):
    """Of one source, and what is missing: what was found, and what was expected."""

    secrets: Mapping[SecretRef, bytes]
    texts: Mapping[ConfigMapRef, str]
    missing: tuple[tuple[str, str], ...]


def values(
    source: ContainerSource,
    secrets: Mapping[NamespacedName, Secret],
    configs: Mapping[NamespacedName, ConfigMap],
) -> Values:
    """Each value that is declared in the source's namespace; an optional one may be missing."""
    namespace = source.metadata.name.namespace
    held: dict[SecretRef, bytes] = {}
    texts: dict[ConfigMapRef, str] = {}
    missing: dict[tuple[str, str], None] = {}
    for variable in (one for container in source.containers for one in container.env):
        ref = variable.ref
        if ref is None:
            continue
        name = NamespacedName(namespace, ref.name)
        if isinstance(ref, SecretRef) and name in secrets and ref.key in secrets[name].data:
            held[ref] = secrets[name].data[ref.key]
        elif isinstance(ref, ConfigMapRef) and name in configs and ref.key in configs[name].data:
            texts[ref] = configs[name].data[ref.key]
        elif not variable.optional:
            missing[_missing(variable)] = None
    return Values(held, texts, tuple(missing))


def _missing(variable: EnvVar) -> tuple[str, str]:
    return f"nothing for the variable {variable.name}", f"the {variable.ref}, in the source's namespace"
