"""Which API server a process belongs to, and what is said where that cannot be known."""

import base64
import json
from pathlib import Path

import pytest

from tradewind.adapters.kube import connect, namespace_of
from tradewind.config import Settings
from tradewind.errors import StartFailed

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}
POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def failure(path: Path) -> StartFailed:
    with pytest.raises(StartFailed) as raised:
        await connect(environment={"KUBECONFIG": str(path)})
    return raised.value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is not what it should be"),
        ("- a\n", "it is not what it should be"),
        ("a: [", "it is not what it should be"),
        (json.dumps(KUBECONFIG | {"current-context": "gone"}), "gone"),
        (json.dumps(KUBECONFIG | {"clusters": []}), "Expected object with name c"),
        (
            json.dumps(
                KUBECONFIG
                | {
                    "clusters": [
                        {"name": "c", "cluster": {"server": "https://a", "certificate-authority-data": encoded("no")}}
                    ]
                }
            ),
            "",
        ),
        (
            json.dumps(
                KUBECONFIG
                | {"clusters": [{"name": "c", "cluster": {"server": "https://a", "certificate-authority": "gone.crt"}}]}
            ),
            "gone.crt",
        ),
    ],
)
async def test_a_broken_kubeconfig_is_named_with_why(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    failed = await failure(path)
    assert str(path) in failed.cause and why in failed.cause
    assert "kubectl get brokers" in failed.remedy


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "gone") in (await failure(tmp_path / "gone")).cause


async def test_without_a_variable_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StartFailed, match=str(tmp_path / ".kube" / "config")):
        await connect(environment={})
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(json.dumps(KUBECONFIG))
    await (await connect(environment={})).close()


async def test_an_api_server_need_not_answer_yet(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(KUBECONFIG))
    await (await connect(environment={"KUBECONFIG": str(tmp_path / "config")})).close()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "Service token file does not exist"),
        ({"token": ""}, "Token file exists but empty"),
        ({"token": "t"}, "certification file does not exist"),
        ({"token": "t", "ca.crt": "no certificate"}, ""),
    ],
)
async def test_a_pod_without_a_service_account_says_so(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(StartFailed) as raised:
        await connect(environment=POD, account=tmp_path)
    assert raised.value.cause.startswith("the Pod's service account cannot be used: ")
    assert why in raised.value.cause
    assert "automountServiceAccountToken" in raised.value.remedy


def test_the_installations_namespace(tmp_path: Path) -> None:
    assert namespace_of(Settings(), account=tmp_path) == "tradewind-system"
    (tmp_path / "namespace").write_text("events\n")
    assert namespace_of(Settings(), account=tmp_path) == "events"
    assert namespace_of(Settings(system_namespace="set"), account=tmp_path) == "set"
