"""Addresses of Destinations on a laptop and in compose.  In a cluster its DNS answers instead (issue 14).

ref to a Broker    its path at this deployment's ingress
ref to a Service   `--service`, else a Service of type ExternalName with a port among the manifests
uri                itself; where it is relative, joined with the ref's address
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.errors import Fault, InvalidSettings
from tradewind.events.attributes import shown
from tradewind.plan import Resolve, Target
from tradewind.resources import formats, joining
from tradewind.resources.model import Broker, Destination, KReference, NamespacedName, Resource, Service

_HOST_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
_ADDRESS = "host:port with a port from 1 to 65535, or such an http:// or https:// URL"
_CORE = ("v1",)
_SERVING = "serving.knative.dev/"


def resolver(resources: Iterable[Resource], *, services: Mapping[NamespacedName, str], ingress_url: str) -> Resolve:
    """A Resolve over these resources; `services` is what `parse_services` gave, `ingress_url` the ingress's base."""
    resources = tuple(resources)
    return _Resolver(
        services,
        {one.metadata.name: one for one in resources if isinstance(one, Service)},
        frozenset(one.metadata.name for one in resources if isinstance(one, Broker)),
        ingress_url.rstrip("/"),
    )


@dataclass(frozen=True, slots=True)
class _Resolver:
    services: Mapping[NamespacedName, str]
    declared: Mapping[NamespacedName, Service]
    brokers: frozenset[NamespacedName]
    ingress: str

    def __call__(self, destination: Destination) -> Target:
        base = self._ref(destination.ref) if destination.ref is not None else None
        if base is not None and (base.url is None or not destination.uri):
            return base
        url = joining.joined((base and base.url) or "", destination.uri or "")
        if not joining.is_usable(url):
            return Target(None, f"{shown(url)} is no http:// or https:// URL")
        return Target(url)

    def _ref(self, ref: KReference) -> Target:
        name = NamespacedName(ref.namespace, ref.name)
        if ref.kind == "Broker" and ref.api_version.startswith("eventing.knative.dev/"):
            found = name in self.brokers
            return Target(f"{self.ingress}/{name}") if found else Target(None, f"no Broker {name} is declared")
        if ref.kind == "Service" and (ref.api_version in _CORE or ref.api_version.startswith(_SERVING)):
            return self._service(name)
        return Target(None, f"{ref.api_version} {ref.kind} is not a kind that has an address here")

    def _service(self, name: NamespacedName) -> Target:
        if name in self.services:
            return Target(self.services[name])
        service = self.declared.get(name)
        match service:
            case None:
                return Target(None, f"no Service {name} is declared, and no address given for it")
            case Service(external_name=str(host), port=int(port)):
                return Target(f"http://{host.rstrip('.')}:{port}" if port != 80 else f"http://{host.rstrip('.')}")
            case Service(external_name=str()):
                return Target(None, f"Service {name} is of type ExternalName and names no port")
            case _:
                return Target(None, f"Service {name} is not of type ExternalName, and no address is given for it")


def parse_services(text: str) -> Mapping[NamespacedName, str]:
    """`namespace/name=host:port`, several with commas; a full http(s) URL may stand for host:port.

    Raises InvalidSettings with every fault.
    """
    found: dict[NamespacedName, str] = {}
    faults: list[Fault] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, _, address = entry.partition("=")
        namespace, _, name = key.partition("/")
        url = address if "://" in address else f"http://{address}"
        if formats.dns_label(namespace) or formats.dns_name(name):
            expected = "namespace/name=host:port, or namespace/name= and an http(s) URL"
            faults.append(Fault("--service", shown(entry), expected))
        elif not _is_address(address, url):
            faults.append(Fault(f"--service {key}", shown(address), _ADDRESS))
        elif found.setdefault(NamespacedName(namespace, name), url) != url:
            faults.append(Fault(f"--service {key}", shown(address), "one address for a Service"))
    if faults:
        raise InvalidSettings(faults)
    return found


def _is_address(address: str, url: str) -> bool:
    if "://" not in address and not _HOST_PORT.fullmatch(address):
        return False
    return joining.is_usable(url)
