"""Which programs API tests run: those of the folder that `KUBEBUILDER_ASSETS` names, as with envtest.

Unset, API tests skip; set, they run, and a folder that lacks something is a failure: it was meant to be used.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KUBEBUILDER_ASSETS"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
HOW = f"{VARIABLE} is not set: `make kube-assets` builds etcd and Kubernetes and says what to export (it needs Go)"


class BrokenAssets(Exception):
    """The variable names a folder that cannot be used."""


@dataclass(frozen=True, slots=True)
class Assets:
    """The programs."""

    folder: Path

    @property
    def etcd(self) -> str:
        """Path of etcd."""
        return str(self.folder / "etcd")

    @property
    def api_server(self) -> str:
        """Path of kube-apiserver."""
        return str(self.folder / "kube-apiserver")

    @property
    def controller_manager(self) -> str:
        """Path of kube-controller-manager."""
        return str(self.folder / "kube-controller-manager")

    @property
    def kubectl(self) -> str:
        """Path of kubectl."""
        return str(self.folder / "kubectl")


def assets(environment: Mapping[str, str] = os.environ) -> Assets | None:
    """The programs to run; None where the variable is unset or empty.  Raises BrokenAssets naming all that lack."""
    named = environment.get(VARIABLE, "")
    if not named:
        return None
    folder = Path(named).absolute()
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise BrokenAssets(f"{VARIABLE} names {folder}, which has no {', no '.join(missing)} that can be run")
    return Assets(folder)
