"""`tradewind controller` as a process of its own: one leads, another takes over, and nothing is lost in between."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.kube.cluster import Cluster
from tests.kube.controlling import PATH, broker, condition, until, until_gone, until_said, until_settled
from tradewind.adapters.embedded_kafka.ports import free_ports
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.config import installation_of

pytestmark = [pytest.mark.kafka, pytest.mark.process]

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/tradewind-controller"
ENDED = 20.0


class Controller:
    """A process, its log in a file."""

    def __init__(self, cluster: Cluster, kafka: str, system: str, folder: Path, user: str) -> None:
        folder.mkdir()
        self.user = user
        self.log = folder / "log"
        (self.port,) = free_ports(1)
        told = {
            "KUBECONFIG": str(cluster.kubeconfig_for(user, ["system:masters"])),
            "TRADEWIND_KAFKA": kafka,
            "TRADEWIND_SYSTEM_NAMESPACE": system,
            "TRADEWIND_PARTITIONS": "1",
            "TRADEWIND_HEALTH_PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
        }
        with self.log.open("wb") as out:
            argv = [sys.executable, "-m", "tradewind.cli.main", "controller"]
            self.process = subprocess.Popen(argv, env=told, cwd=folder, stdout=out, stderr=out)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait for the end; its status."""
        self.process.send_signal(number)
        return self.process.wait(ENDED)

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text of an answer on its health port; 0 while there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def __str__(self) -> str:
        return self.log.read_text()


@pytest.fixture
def system(cluster: Cluster) -> Iterator[str]:
    """The namespace of an installation of its own."""
    yield cluster.create_namespace()


@contextlib.asynccontextmanager
async def ended(*controllers: Controller) -> AsyncIterator[None]:
    """End these after the test, whatever happens; a failure shows what they said."""
    try:
        yield
    except BaseException:
        for number, one in enumerate(controllers):
            print(f"--- controller {number}\n{one}")
        raise
    finally:
        for one in controllers:
            if one.process.poll() is None:
                one.kill()


async def test_a_controller_that_is_killed_is_followed_by_one_that_goes_on(
    cluster: Cluster, kafka: str, system: str, namespace: str, tmp_path: Path
) -> None:
    first = Controller(cluster, kafka, system, tmp_path / "first", f"first-{namespace}")
    second = None
    async with ended(first):
        cluster.api.create(PATH.format(namespace), broker("made"))
        found = await until_said(cluster, namespace, "made", "Ready", "True")
        uid = cluster.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        assert found["status"]["annotations"]["tradewind.dev/installation"] == installation_of(uid, system)
        url = f"http://tradewind-ingress.{system}.svc.cluster.local/{namespace}/made"
        assert found["status"]["address"]["url"] == url
        holder = cluster.api.get(LEASES.format(system))["spec"]["holderIdentity"]
        second = Controller(cluster, kafka, system, tmp_path / "second", f"second-{namespace}")
        async with ended(second):
            for number in range(20):
                cluster.api.create(PATH.format(namespace), broker(f"b{number}"))
            cluster.api.delete(f"{PATH.format(namespace)}/made")
            await until(lambda: condition(cluster.api.get(f"{PATH.format(namespace)}/b5"), "Ready"), "half of them")
            await until(lambda: second.asked("/readyz")[0] == 200, "that the second is ready")
            assert "tradewind_controller_leading 1.0" in first.asked("/metrics")[1]
            page = second.asked("/metrics")[1]
            assert "tradewind_controller_leading 0.0" in page and "tradewind_controller_queue_depth" in page
            first.kill()
            for number in range(20):
                await until_said(cluster, namespace, f"b{number}", "Ready", "True")
            await until_gone(cluster, namespace, "made")
            lease = LEASES.format(system)
            await until(lambda: cluster.api.get(lease)["spec"]["holderIdentity"] != holder, "that the second leads")
            await until_settled(cluster, second.user)
            log = KafkaLog(kafka, client_id="test", patience=10.0)
            names = [f"knative-broker-{namespace}-b{number}" for number in range(20)]
            topics = await log.topics([*names, f"knative-broker-{namespace}-made"])
            assert sorted(topics) == sorted(names)
            await log.close()
            assert second.kill(signal.SIGTERM) == 0
            assert cluster.api.get(LEASES.format(system))["spec"]["holderIdentity"] == ""
