"""What the API server calls things: paths of resources and objects, and what its discovery says of kinds.

    /api/v1/namespaces/default/configmaps/config            core's group has no name
    /apis/eventing.knative.dev/v1/namespaces/default/brokers/default/status

Names come from users' manifests, too.  What cannot be a name leads nowhere: `..` would be another path.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from tradewind.api_server import GroupVersionResource, Object
from tradewind.resources.model import NamespacedName

API_VERSION = re.compile(r"(?:([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)/)?([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)")
"""Group (a DNS subdomain) and version (a DNS label), as the API server takes them."""


def collection(resource: GroupVersionResource, namespace: str = "") -> str | None:
    """Path of a resource's objects, of all namespaces where none is given; None where that cannot be a namespace."""
    base = version(resource.group, resource.version)
    if not (resource.namespaced and namespace):
        return f"{base}/{resource.resource}"
    return f"{base}/namespaces/{quote(namespace, safe='')}/{resource.resource}" if possible(namespace) else None


def item(resource: GroupVersionResource, name: NamespacedName, subresource: str = "") -> str | None:
    """Path of an object, or of its subresource; None where nothing can have that name."""
    within = collection(resource, name.namespace)
    missing = resource.namespaced and not name.namespace
    if within is None or missing or not possible(name.name):
        return None
    return f"{within}/{quote(name.name, safe='')}" + (f"/{subresource}" if subresource else "")


def possible(name: str) -> bool:
    """Whether a name can stand in a path: the API server's own rule for every kind (`IsValidPathSegmentName`)."""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/%")


def version(group: str, version: str) -> str:
    """Path of a group's version."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def query(asked: Mapping[str, str | int | bool]) -> str:
    """A query string of what is asked for: nothing where nothing is."""
    words = {name: str(value).lower() if value is True else value for name, value in asked.items() if value}
    return f"?{urlencode(words)}" if words else ""


def split(api_version: str) -> tuple[str, str] | None:
    """Group and version of an `apiVersion`; None where it cannot be one."""
    match = API_VERSION.fullmatch(api_version)
    return (match[1] or "", match[2]) if match and ".." not in api_version else None


def kinds(group: str, version: str, served: Object) -> Mapping[str, GroupVersionResource]:
    """Resources by kind, from an APIResourceList.  Subresources (`brokers/status`) are none."""
    found: dict[str, GroupVersionResource] = {}
    rows: Any = served.get("resources")
    for row in rows if isinstance(rows, list) else []:
        match row:
            case {"name": str(name), "kind": str(kind), "namespaced": bool(namespaced)} if possible(name):
                found.setdefault(kind, GroupVersionResource(group, version, name, namespaced))
    return found
