"""Installs the CustomResourceDefinitions that a cluster lacks, and touches none that is there.

Applying ours over Knative's would prune fields that its users wrote; so what is there stays, and is only looked at.
"""

import asyncio
from collections.abc import Sequence

from tradewind.api_server import CRDS, ApiServer, Object
from tradewind.errors import ApiConflict, StartFailed
from tradewind.resources.crds import ON_CLUSTERS, definition, lacking
from tradewind.resources.kinds import Kind
from tradewind.resources.model import NamespacedName

TRIES = 30
PAUSE = 0.5
"""Seconds between looks at whether a definition is established, and how many: the API server needs one or two."""


async def install(api: ApiServer) -> Sequence[str]:
    """Create what is absent and wait until it is served; a line about each.  Raises StartFailed where one that is there
    does not serve what Tradewind needs."""
    lines, wanting = [], []
    for kind in ON_CLUSTERS:
        name, made = NamespacedName("", f"{kind.plural}.{kind.group}"), False
        found = await api.get(CRDS, name)
        if found is None:
            try:
                found, made = await api.create(CRDS, definition(kind)), True
            except ApiConflict:  # somebody else was quicker
                found = await api.get(CRDS, name) or {}
        missing = lacking(found, kind)
        wanting += [f"{name.name}: {one}" for one in missing]
        lines.append(f"{name.name} {'created' if made else 'unchanged: it was there'}")
    if wanting:
        remedy = "Install the version of Knative Eventing that serves it, or delete the definition if nothing uses it."
        raise StartFailed("CustomResourceDefinitions that are there do not do: " + "; ".join(wanting), remedy)
    for kind in ON_CLUSTERS:
        await _established(api, kind)
    return lines


async def _established(api: ApiServer, kind: Kind) -> None:
    name = NamespacedName("", f"{kind.plural}.{kind.group}")
    for _ in range(TRIES):
        if _is_established(await api.get(CRDS, name) or {}):
            return
        await asyncio.sleep(PAUSE)
    raise StartFailed(
        f"{name.name} is not served after {TRIES * PAUSE:g} s", f"kubectl describe crd {name.name} says why."
    )


def _is_established(found: Object) -> bool:
    conditions = found.get("status", {}).get("conditions") or ()  # null at first
    return any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions)
