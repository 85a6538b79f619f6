"""Two processes, one Lease in a real API server: never two at work, whatever is done to them."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.kube.candidate import LEASE, TERMS
from tests.kube.cluster import Cluster
from tests.kube.proxy import Proxy
from tests.process.running import until

pytestmark = pytest.mark.process

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"
TAKEN = 2 * TERMS.lease + 20.0
"""Seconds within which another works; generous, for machines that run other tests besides."""


class Candidates:
    """Processes that want to lead in one namespace, and what they noted."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder
        self.notes = folder / "notes"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, identity: str, *, kubeconfig: Path | None = None, server: str = "") -> subprocess.Popen[bytes]:
        """One more; through a proxy, if its URL is given."""
        known = kubeconfig or self.cluster.kubeconfig_for("somebody", ["system:masters"], server=server)
        with (self.folder / f"{identity}.log").open("wb") as log:
            self.running[identity] = subprocess.Popen(
                [sys.executable, "-m", "tests.kube.candidate", self.namespace, identity, str(self.notes)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "KUBECONFIG": str(known)},
                stdout=log,
                stderr=log,
            )
        return self.running[identity]

    def log(self, identity: str) -> str:
        """What it told."""
        return (self.folder / f"{identity}.log").read_text()

    def noted(self) -> list[tuple[str, float]]:
        """Who worked when, in order of time."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return sorted(((who, float(when)) for who, when in map(str.split, lines)), key=lambda note: note[1])

    def until_works(self, identity: str) -> None:
        """Wait until this one has worked."""
        until(lambda: identity in {who for who, _ in self.noted()}, f"{identity} works", TAKEN)

    def spells(self) -> list[str]:
        """Who worked, one after another; who worked while another did is there more than once."""
        return [who for who, _ in itertools.groupby(self.noted(), key=lambda note: note[0])]

    def released(self) -> None:
        """Have a Lease that may be taken at once: where there is none, it must stand still first."""
        made = {"metadata": {"name": LEASE}, "spec": {"holderIdentity": "", "leaseTransitions": 0}}
        self.cluster.api.create(LEASES.format(self.namespace), made)

    @property
    def lease(self) -> Mapping[str, object]:
        """The Lease's spec, as it is now."""
        spec: Mapping[str, object] = self.cluster.api.get(f"{LEASES.format(self.namespace)}/{LEASE}")["spec"]
        return spec


@pytest.fixture
def candidates(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Candidates]:
    started = Candidates(cluster, namespace, tmp_path)
    yield started
    for process in started.running.values():
        process.kill()
        process.wait()


Deed = Callable[[subprocess.Popen[bytes], Proxy], None]
DEEDS: Mapping[str, tuple[Deed, int, str]] = {
    "refused": (lambda _, proxy: proxy.refuse(), 1, "leads no longer"),
    "frozen": (lambda _, proxy: proxy.freeze(), 1, "leads no longer"),
    "loop blocked": (lambda process, _: process.send_signal(signal.SIGUSR1), 1, "this process is ended"),
    "interpreter blocked": (lambda process, _: process.send_signal(signal.SIGUSR2), 1, "Timeout"),
    "kill -9": (lambda process, _: process.kill(), -signal.SIGKILL, ""),
}
"""What is done to the leader, how its process ends of it, and what it says."""


@pytest.mark.parametrize("deed", DEEDS)
def test_a_leader_that_does_not_renew_ends_before_another_begins(
    candidates: Candidates, proxy: Proxy, deed: str
) -> None:
    act, status, words = DEEDS[deed]
    candidates.released()
    first = candidates.start("first", server=proxy.url)
    candidates.until_works("first")
    candidates.start("second")
    until(lambda: "waits for the Lease" in candidates.log("second"), "the second looked")
    act(first, proxy)
    assert first.wait(TAKEN) == status
    assert words in candidates.log("first")
    assert "second" not in candidates.spells(), "the first ended while its Lease still held"
    candidates.until_works("second")
    assert candidates.spells() == ["first", "second"]
    assert candidates.lease["leaseTransitions"] == 2


def test_who_was_stopped_beyond_its_lease_notices_before_it_does_anything(candidates: Candidates, proxy: Proxy) -> None:
    candidates.released()
    first = candidates.start("first", server=proxy.url)
    candidates.until_works("first")
    candidates.start("second")
    until(lambda: "waits for the Lease" in candidates.log("second"), "the second looked")
    first.send_signal(signal.SIGSTOP)
    candidates.until_works("second")
    first.send_signal(signal.SIGCONT)
    assert first.wait(TAKEN) == 1
    noted = len(candidates.noted())
    until(lambda: len(candidates.noted()) > noted + 10, "the second works on")
    assert candidates.spells() == ["first", "second"]


def test_an_orderly_stop_lets_another_take_over_at_once(candidates: Candidates) -> None:
    candidates.released()
    first = candidates.start("first")
    candidates.until_works("first")
    candidates.start("second")
    until(lambda: "waits for the Lease" in candidates.log("second"), "the second looked")
    first.terminate()
    assert first.wait(TAKEN) == 0
    candidates.until_works("second")
    assert candidates.spells() == ["first", "second"]
    ended = max(when for who, when in candidates.noted() if who == "first")
    began = min(when for who, when in candidates.noted() if who == "second")
    assert began - ended < TERMS.renew_deadline, "nobody waited for the Lease to stand still"


def test_where_there_is_no_lease_one_of_two_makes_it_and_one_works(candidates: Candidates) -> None:
    """As the service account that the installation has: what it may do is all that is needed."""
    namespace, rules = candidates.namespace, RBAC.format(candidates.namespace)
    lone = candidates.cluster.kubeconfig_for("leader")
    candidates.start("first", kubeconfig=lone)
    until(lambda: "forbidden" in candidates.log("first"), "it says what it may not")
    group = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    allowed: Sequence[Mapping[str, object]] = [
        {**group, "verbs": ["create"]},
        {**group, "verbs": ["get", "update"], "resourceNames": [LEASE]},
    ]
    candidates.cluster.api.create(f"{rules}/roles", {"metadata": {"name": "leader"}, "rules": allowed})
    bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leader"}
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "leader", "namespace": ""}
    binding = {"metadata": {"name": "leader", "namespace": namespace}, "roleRef": bound, "subjects": [user]}
    candidates.cluster.api.create(f"{rules}/rolebindings", binding)
    candidates.start("second", kubeconfig=lone)
    until(lambda: bool(candidates.spells()), "one works", TAKEN)
    noted = len(candidates.noted())
    until(lambda: len(candidates.noted()) > noted + 100, "it works on")
    assert len(candidates.spells()) == 1
    assert candidates.lease["leaseTransitions"] == 0


def test_an_outage_that_is_shorter_than_the_deadline_ends_nothing(candidates: Candidates, proxy: Proxy) -> None:
    candidates.released()
    first = candidates.start("first", server=proxy.url)
    candidates.until_works("first")
    proxy.refuse()
    until(lambda: "cannot be read or written" in candidates.log("first"), "it noticed")
    renewed = candidates.lease["renewTime"]
    proxy.forward()
    until(lambda: candidates.lease["renewTime"] != renewed, "it renews again", TAKEN)
    noted = len(candidates.noted())
    until(lambda: len(candidates.noted()) > noted + 10, "it works on")
    assert first.poll() is None
    assert candidates.lease["leaseTransitions"] == 1
