"""Objects of the API server as they come: JSON of which nothing is known before it is judged (`objects`).

The API server lets null and values of any type through where a schema keeps unknown fields, and an object that is only
referred to may be of any kind.
"""

from typing import Any

from tradewind.resources.model import NamespacedName

Object = dict[str, Any]  # the JSON of any Kubernetes object


def fields(one: Any, *path: str) -> Object:  # whatever a manifest holds
    """The mapping at this path; an empty one where there is none."""
    for name in path:
        one = one.get(name) if isinstance(one, dict) else None
    return one if isinstance(one, dict) else {}


def name_of(one: Object) -> NamespacedName:
    """Namespace and name in an object's metadata; the namespace is empty where it has none."""
    metadata = one["metadata"]
    return NamespacedName(metadata.get("namespace", ""), metadata.get("name", ""))
