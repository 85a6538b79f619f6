"""What was asked of the API server, from its audit log: by whom, which verb, on what, and with which answer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    user: str
    verb: str
    """Kubernetes' own: get, list, watch, create, update, patch, delete, deletecollection."""
    resource: str
    """Plural, with its subresource if any: `triggers/status`."""
    namespace: str
    name: str
    """Empty for a list, and for a create that is not answered."""
    status: int
    """HTTP's; 0 while it is not answered."""


class AuditLog:
    """Reads on from where `mark` was called last; from the beginning of the log before that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def mark(self) -> None:
        """Forget what was asked until now."""
        self._offset = self._path.stat().st_size

    def requests(self, *, user: str = "", resource: str = "") -> list[Asked]:
        """All requests since the mark, in order, of this user and this resource if named; refused ones, too.

        A request is there before it is carried out, so what a client has an answer to is there for certain.
        """
        found: dict[str, Asked] = {}
        for line in self._lines():
            entry = json.loads(line)
            seen = entry.get("objectRef", {})
            subresource = f"/{seen['subresource']}" if seen.get("subresource") else ""
            found[entry["auditID"]] = Asked(
                user=entry["user"]["username"],
                verb=entry["verb"],
                resource=seen.get("resource", "") + subresource,
                namespace=seen.get("namespace", ""),
                name=seen.get("name", ""),
                status=entry.get("responseStatus", {}).get("code", 0),
            )
        return [one for one in found.values() if user in ("", one.user) and resource in ("", one.resource)]

    def writes(self, *, user: str = "", resource: str = "") -> list[Asked]:
        """As `requests`, those that write: once all is settled, there is none."""
        return [one for one in self.requests(user=user, resource=resource) if one.verb in WRITES]

    def _lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if line.endswith(b"\n"):  # the last one may be on its way
                    yield line
