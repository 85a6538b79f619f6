"""Fixtures for tests against a real API server.  They skip where `KUBEBUILDER_ASSETS` is unset, and only there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube.assets import HOW, Assets, assets
from tests.kube.cluster import Cluster
from tests.kube.proxy import Proxy

CRDS = Path(__file__).parents[2] / "crds"


def programs() -> Assets:
    """The programs to run; skips where none are named."""
    found = assets()
    if found is None:
        pytest.skip(HOW)
    return found


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One control plane for the whole run, that knows our kinds.  Tests take `cluster`."""
    with Cluster.running(programs(), tmp_path_factory.mktemp("cluster")) as running:
        running.apply_crds(*sorted(CRDS.glob("*.yaml")))
        yield running


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    """The control plane that all tests share; the API server may be killed and frozen, and runs again after the test.
    Requests are counted from the beginning of the test."""
    shared_cluster.audit.mark()
    yield shared_cluster
    shared_cluster.plane.restore()


@pytest.fixture
def bare_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A control plane of the test's own that knows no kinds of ours: for what would be in the way of other tests, such
    as installing definitions and deleting them.  It takes three seconds; without a controller manager, unless started.
    """
    with Cluster.running(programs(), tmp_path) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace; its custom objects are gone after the test."""
    name = cluster.create_namespace()
    yield name
    cluster.plane.restore()
    cluster.empty(name)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    """A way to the API server that can be frozen and shut."""
    with cluster.proxy() as running:
        yield running


@pytest.fixture(scope="session")
def controller_manager(shared_cluster: Cluster) -> Iterator[None]:
    """Namespaces are deleted, owned objects go with their owners, ClusterRoles are aggregated."""
    shared_cluster.plane.start_controller_manager()
    yield
    shared_cluster.plane.controller_manager.stop(5.0)
