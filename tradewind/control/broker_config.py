"""What a Broker's `spec.config` comes to: which ConfigMap decides, and which Secret it names (knative-eventing §1.6).

    spec.config ──asked──► a ConfigMap's name, or why none may be read
       the ConfigMap as it was found ──counts──► it or the installation's ──elsewhere──► it may decide
          ──parsed──► BrokerConfig: its topic's settings, its Secret, the condition

A ConfigMap counts only if it says `bootstrap.servers`: Knative's webhook fills `spec.config` with a cluster's default
for classes that it does not know, which lies in Knative's own namespace.  Where none counts, the installation's own
decides, `kafka-broker-config` in its namespace, where that is there; else the settings alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tradewind.control.conditions import Condition, Status, false, listed, true
from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources import topic_config
from tradewind.resources.model import Broker, ConfigMap, KReference, Metadata, NamespacedName
from tradewind.resources.stamps import BOOTSTRAP, SECRET

CONFIG_PARSED = "ConfigParsed"
DEFAULT = "kafka-broker-config"
"""Name of the installation's own ConfigMap, as Knative's."""
ROLE = "tradewind-kafka-secrets"
"""Name of the Role that lets the controller read a namespace's Secrets: shipped, and bound where somebody wants it."""


class Lack(StrEnum):
    """Why an object that was asked for by its name is not there for us."""

    ABSENT = "absent"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """What decides about a Broker's topic, besides the settings."""

    condition: Condition
    """ConfigParsed."""
    config_map: ConfigMap | None = None
    secret: NamespacedName | None = None
    """The Secret that lets the controller in for this Broker's topic."""

    @property
    def usable(self) -> bool:
        """Whether a topic may be made of it."""
        return self.condition.status is Status.TRUE


def asked(broker: Broker, system: str) -> NamespacedName | Condition:
    """The ConfigMap that this Broker names, or the installation's; ConfigParsed where what it names is none."""
    ref = broker.config
    if ref is None:
        return NamespacedName(system, DEFAULT)
    if ref.kind != "ConfigMap" or ref.api_version not in ("v1", ""):
        said = f"spec.config names a {ref.kind} of {ref.api_version}, expected a ConfigMap of v1"
        return false(CONFIG_PARSED, "ConfigKindUnknown", said)
    return NamespacedName(ref.namespace, ref.name)


def counts(name: NamespacedName, found: ConfigMap | Lack, system: str) -> bool:
    """Whether this is the ConfigMap that decides; where not, the installation's does."""
    return name == NamespacedName(system, DEFAULT) or isinstance(found, Lack) or bool(_word(found, BOOTSTRAP))


def elsewhere(name: NamespacedName, own: str, system: str) -> Condition | None:
    """ConfigParsed where this ConfigMap counts and may not decide: it is another owner's than the Broker, of the
    namespace `own`, and the installation."""
    if name.namespace in (own, system):
        return None
    said = (
        f"spec.config names the ConfigMap {name}, expected one in the Broker's own namespace, {own}, or in the "
        f"installation's, {system}: what is in another's namespace is another's to change"
    )
    return false(CONFIG_PARSED, "ConfigInOtherNamespace", said)


def parsed(
    name: NamespacedName, found: ConfigMap | Lack, *, system: str, kafka: str, instead: NamespacedName | None = None
) -> BrokerConfig:
    """What the ConfigMap that decides says, `instead` of one that counts as none.

    `kafka` are the installation's bootstrap servers.
    """
    passed = f"; {instead} of spec.config counts as none: it says no {BOOTSTRAP}" if instead else ""
    if isinstance(found, Lack):
        return _lacking(name, found, system, passed)
    faults = [*topic_config.read(found.data, f"ConfigMap {name}: ")[1], *_elsewhere(name, found, kafka)]
    if faults:
        return BrokerConfig(false(CONFIG_PARSED, "InvalidConfig", listed(faults)))
    secret = _word(found, SECRET)
    said = true(CONFIG_PARSED, "ConfigParsed", f"ConfigMap {name}{passed}")
    return BrokerConfig(said, found, NamespacedName(name.namespace, secret) if secret else None)


def config_map(found: Mapping[str, object]) -> ConfigMap:
    """The resource of the API server's object."""
    metadata, data = found["metadata"], found.get("data")
    assert isinstance(metadata, dict)
    texts = {str(key): value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
    return ConfigMap(Metadata(NamespacedName(metadata["namespace"], metadata["name"])), texts)


def reference(name: NamespacedName) -> KReference:
    """`spec.config` that names this ConfigMap."""
    return KReference("v1", "ConfigMap", name.name, name.namespace)


def secret_lacking(secret: NamespacedName, lack: Lack) -> Condition:
    """ConfigParsed where the Secret that the ConfigMap names cannot be had."""
    if lack is Lack.ABSENT:
        said = f"{SECRET} names the Secret {secret}, which is not there: create it, or correct the ConfigMap"
        return false(CONFIG_PARSED, "SecretNotFound", said)
    said = (
        f"the controller may not get the Secret {secret}, or, in its own namespace, not patch it: bind the Role {ROLE} "
        f"to its service account in the namespace {secret.namespace}, or move ConfigMap and Secret to the "
        "installation's namespace"
    )
    return false(CONFIG_PARSED, "SecretForbidden", said)


def secret_faulty(secret: NamespacedName, faults: list[Fault] | tuple[Fault, ...]) -> Condition:
    """ConfigParsed where the Secret does not say how to be let in."""
    return false(CONFIG_PARSED, "InvalidSecret", f"Secret {secret}: {listed(faults)}")


def _lacking(name: NamespacedName, lack: Lack, system: str, passed: str) -> BrokerConfig:
    if name == NamespacedName(system, DEFAULT) and lack is Lack.ABSENT:
        return BrokerConfig(true(CONFIG_PARSED, "Defaults", f"no ConfigMap: the installation's settings{passed}"))
    if lack is Lack.ABSENT:
        said = f"ConfigMap {name} is not there: create it, or correct spec.config"
        return BrokerConfig(false(CONFIG_PARSED, "ConfigNotFound", said))
    said = (
        f"the controller may not get ConfigMap {name}: grant it `get` of configmaps in the namespace {name.namespace}"
    )
    return BrokerConfig(false(CONFIG_PARSED, "ConfigForbidden", said))


def _elsewhere(name: NamespacedName, found: ConfigMap, kafka: str) -> list[Fault]:
    """An installation serves one Kafka."""
    said = _word(found, BOOTSTRAP)
    if not said or _servers(said) == _servers(kafka):
        return []
    expected = (
        f"{kafka}, the Kafka of this installation (its setting --kafka); another Kafka needs another installation"
    )
    return [Fault(f"ConfigMap {name}: data.{BOOTSTRAP}", shown(said), expected)]


def _servers(text: str) -> frozenset[str]:
    return frozenset(one.strip().lower() for one in text.split(",") if one.strip())


def _word(found: ConfigMap, key: str) -> str:
    return found.data.get(key, "").strip()
