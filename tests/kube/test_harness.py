"""The control plane that API tests run against, and their means to disturb it."""

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.kube.api import Api, Refused
from tests.kube.assets import HOW, PROGRAMS, VARIABLE, BrokenAssets, assets
from tests.kube.cluster import CRDS, LONG_AGO, Cluster, KubectlFailed
from tests.kube.control_plane import CONTROLLER_MANAGER, listened_on
from tests.kube.proxy import Proxy
from tests.kube.webhooks import called_at
from tests.process.running import runs, until
from tests.process.running import until_gone as until_ended

pytestmark = pytest.mark.process

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
DEADLINE = 15.0
SILENCE = 0.3
"""Seconds in which a frozen connection must not answer; a running API server takes some milliseconds."""
BROKERS = Path(__file__).parents[2] / "crds" / "brokers.eventing.knative.dev.yaml"
BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
spec: {}
"""


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": data}


def one_test(environment: dict[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run one API test of this file, alone, with this variable or without it."""
    kept = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'run'}"),
            f"{__file__}::test_kubectl_speaks_to_it",
        ],
        env=kept | environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def pretended(folder: Path, script: str) -> Path:
    """A folder of programs that all are this script."""
    folder.mkdir()
    for name in PROGRAMS:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return folder


def test_unset_there_is_nothing_to_run() -> None:
    assert assets({}) is None
    assert assets({VARIABLE: ""}) is None


def test_a_folder_that_lacks_programs_is_broken_and_all_are_named(tmp_path: Path) -> None:
    (pretended(tmp_path / "some", "exit 0") / "etcd").chmod(0o644)
    (tmp_path / "some" / "kubectl").unlink()
    with pytest.raises(BrokenAssets, match=r"no etcd, no kubectl that can be run"):
        assets({VARIABLE: str(tmp_path / "some")})


def test_unset_api_tests_skip_and_say_how_to_get_what_they_need(tmp_path: Path) -> None:
    done = one_test({}, tmp_path)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
    assert HOW in " ".join(done.stdout.split())


def test_set_but_missing_api_tests_fail(tmp_path: Path) -> None:
    done = one_test({VARIABLE: str(tmp_path / "nowhere")}, tmp_path)
    assert done.returncode == 1
    assert "1 error" in done.stdout and "skipped" not in done.stdout
    assert "no kube-apiserver" in done.stdout


def test_set_but_not_coming_up_api_tests_fail_and_show_the_log(tmp_path: Path) -> None:
    folder = pretended(tmp_path / "broken", "echo cannot: no such luck; exit 3")
    done = one_test({VARIABLE: str(folder)}, tmp_path)
    assert done.returncode == 1
    assert "1 error" in done.stdout and "skipped" not in done.stdout
    assert "ended (status 3)" in done.stdout
    assert "no such luck" in done.stdout


def test_a_webhook_is_called_at_a_url_instead_of_its_service() -> None:
    configuration = {
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [{"name": "a", "clientConfig": {"service": {"name": "webhook", "path": "/validate"}}}],
    }
    changed = called_at(configuration, "https://127.0.0.1:1/", b"pem")
    assert changed["kind"] == "ValidatingWebhookConfiguration"
    client = {"url": "https://127.0.0.1:1/validate", "caBundle": "cGVt"}
    assert changed["webhooks"] == [{"name": "a", "clientConfig": client}]


def test_kubectl_speaks_to_it(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=BROKER)
    assert cluster.kubectl("get", "brokers", "-n", namespace, "-o", "name").split() == [
        "broker.eventing.knative.dev/default"
    ]
    with pytest.raises(KubectlFailed, match="NotFound"):
        cluster.kubectl("get", "broker", "absent", "-n", namespace)


def test_objects_of_our_kinds_can_be_made_without_delay(cluster: Cluster, namespace: str) -> None:
    definition = cluster.api.get(f"{CRDS}/brokers.eventing.knative.dev")
    established = next(one for one in definition["status"]["conditions"] if one["type"] == "Established")
    assert established["status"] == "True"
    assert established["lastTransitionTime"] == LONG_AGO  # within two seconds, a create would wait that long
    cluster.api.create(f"/apis/eventing.knative.dev/v1/namespaces/{namespace}/brokers", yaml.safe_load(BROKER))


def test_a_namespace_is_emptied_whatever_finalizers_say(cluster: Cluster, namespace: str) -> None:
    path = f"/apis/eventing.knative.dev/v1/namespaces/{namespace}/brokers"
    broker = yaml.safe_load(BROKER)
    for name, finalizers in {"held": ["tests.example.com/nobody"], "free": []}.items():
        cluster.api.create(path, broker | {"metadata": {"name": name, "finalizers": finalizers}})
    cluster.empty(namespace)
    assert cluster.api.get(path)["items"] == []


def test_a_restart_keeps_port_and_objects(cluster: Cluster, namespace: str) -> None:
    cluster.api.create(CONFIG_MAPS.format(namespace), config_map("kept", key="value"))
    before = cluster.plane.api_server.pid
    cluster.restart()
    assert cluster.plane.api_server.pid != before
    assert not runs(before)
    assert cluster.api.get(CONFIG_MAPS.format(namespace) + "/kept")["data"] == {"key": "value"}


def test_a_frozen_api_server_answers_once_it_goes_on(cluster: Cluster) -> None:
    cluster.plane.api_server.freeze()
    until(lambda: not cluster.api.ready(), "its threads' standing still")
    cluster.plane.api_server.go_on()
    until(cluster.api.ready, "an answer")


def test_what_a_test_left_down_is_up_after_it(cluster: Cluster) -> None:
    cluster.plane.api_server.kill()
    assert not cluster.api.ready()
    cluster.plane.restore()
    cluster.plane.api_server.freeze()
    cluster.plane.restore()
    assert cluster.api.ready()


def test_the_proxy_forwards_freezes_goes_on_and_refuses(cluster: Cluster, proxy: Proxy) -> None:
    api = Api(cluster.kubeconfig_for("someone", ["system:masters"], server=proxy.url))
    assert api.ready()
    proxy.freeze()
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(SILENCE)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")  # plain HTTP, which a TLS server answers at once
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(DEADLINE)
        proxy.forward()
        assert client.recv(1)
    proxy.freeze()
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(DEADLINE)
        until(lambda: proxy.accepted == 3, "the connection taken")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    proxy.refuse()
    assert not listened_on(proxy.port)
    proxy.forward()
    assert api.ready()


def test_the_proxy_counts_tries_that_reach_nobody(cluster: Cluster, proxy: Proxy) -> None:
    api = Api(cluster.kubeconfig_for("someone", server=proxy.url))
    cluster.plane.api_server.kill()
    for _ in range(3):
        with pytest.raises((OSError, http.client.HTTPException)):
            api.get("/api")
    assert proxy.accepted == 3


def test_a_user_may_do_what_was_bound_to_it_and_nothing_else(cluster: Cluster, namespace: str) -> None:
    reader = cluster.kubeconfig_for("reader", ["readers"])
    cluster.kubectl("create", "role", "reads", "-n", namespace, "--verb=get,list", "--resource=configmaps")
    with pytest.raises(KubectlFailed, match="forbidden"):
        cluster.kubectl("get", "configmaps", "-n", namespace, kubeconfig=reader)
    cluster.kubectl("create", "rolebinding", "reads", "-n", namespace, "--role=reads", "--group=readers")
    api = Api(reader)
    until(lambda: allowed(api, CONFIG_MAPS.format(namespace)), "the binding in force")
    with pytest.raises(Refused) as refusal:
        api.create(CONFIG_MAPS.format(namespace), config_map("new"))
    assert refusal.value.status == 403


def allowed(api: Api, path: str) -> bool:
    """Whether this may be read."""
    try:
        api.get(path)
    except Refused as refusal:
        assert refusal.status == 403
        return False
    return True


def test_writes_are_counted_by_user_and_resource(cluster: Cluster, namespace: str) -> None:
    api = Api(cluster.kubeconfig_for("writer", ["system:masters"]))
    path = CONFIG_MAPS.format(namespace)
    api.create(path, config_map("one"))
    api.get(f"{path}/one")
    api.patch(f"{path}/one", {"data": {"a": "b"}})
    assert [(one.verb, one.resource, one.namespace) for one in cluster.audit.writes(user="writer")] == [
        ("create", "configmaps", namespace),
        ("patch", "configmaps", namespace),
    ]
    assert [one.verb for one in cluster.audit.requests(user="writer")] == ["create", "get", "patch"]
    assert cluster.audit.writes(user="writer", resource="secrets") == []
    cluster.audit.mark()
    assert cluster.audit.writes(user="writer") == []


def test_a_cluster_of_its_own_knows_only_what_it_was_given(bare_cluster: Cluster) -> None:
    assert bare_cluster.api.get(CRDS)["items"] == []
    assert bare_cluster.apply_crds(BROKERS) == ["brokers.eventing.knative.dev"]
    assert len(bare_cluster.api.get(CRDS)["items"]) == 1


@pytest.mark.usefixtures("controller_manager")
def test_the_controller_manager_deletes_a_namespace_with_what_is_in_it(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=BROKER)
    path = f"/api/v1/namespaces/{namespace}"
    cluster.api.delete(path)
    until(lambda: cluster.api.find(path) is None, "the end of the namespace", 60)
    assert cluster.audit.writes(user=CONTROLLER_MANAGER, resource="brokers")


def test_servers_end_with_whoever_started_them(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.kube.server import Server\n"
        "server = Server(['/bin/sleep', '600'], Path(sys.argv[1]) / 'log')\nserver.start()\n"
        "print(server.pid, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert runs(pid)
        owner.kill()
    until_ended({pid})
