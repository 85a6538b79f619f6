"""Which API server, and as whom: in a Pod that of its cluster by the service account, else a kubeconfig's current one.

A service account's token is renewed about every hour; the package reads its file again each minute.  When the API
server does not know us any more, it is read at once, and so is a kubeconfig, whose token a plugin may have to fetch.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, kube_config, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME, InClusterConfigLoader

from tradewind.adapters.kube.link import DEADLINE, Link
from tradewind.adapters.kube.pace import Pace
from tradewind.adapters.kube.server import KubeApiServer
from tradewind.config import Settings
from tradewind.errors import StartFailed
from tradewind.observe.logs import Log

KUBECONFIG = "KUBECONFIG"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a Pod finds its service account: `token`, `ca.crt` and `namespace`."""
SYSTEM = "tradewind-system"
"""The installation's namespace where nothing says another."""
RENEWAL = 30.0
"""Seconds at least between two readings after the first: a kubeconfig's plugin is a process, and may ask a person."""

log = Log("kube")


async def connect(
    *,
    environment: Mapping[str, str] = os.environ,
    account: Path = ACCOUNT,
    pace: Pace | None = None,
    deadline: float = DEADLINE,
) -> KubeApiServer:
    """The API server that this process belongs to.  It need not answer yet.  Raises StartFailed."""
    configuration = Configuration()
    configuration.disable_strict_ssl_verification = True  # as Go: clusters' CAs may lack what Python 3.13 asks for
    in_pod = SERVICE_HOST_ENV_NAME in environment
    path = environment.get(KUBECONFIG) or str(Path.home() / ".kube" / "config")

    async def load() -> None:
        if in_pod:
            files = str(account / "token"), str(account / "ca.crt")
            loader = InClusterConfigLoader(*files, environ=environment)  # type: ignore[no-untyped-call]
            loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        else:
            await load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]

    try:
        await load()
        client = ApiClient(configuration)
    except Exception as error:  # the package lets through whatever YAML, base64, ssl and files raise
        raise _failed(in_pod, path, error) from error
    finally:
        _forget_files()
    return KubeApiServer(Link(client, _renewal(load), deadline=deadline), pace=pace)


def _renewal(load: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[bool]]:
    last: float | None = None

    async def renew() -> bool:
        nonlocal last
        now = asyncio.get_running_loop().time()
        if last is not None and now - last < RENEWAL:
            return False
        last = now
        try:
            await load()
        except Exception as error:  # as above; what was read before may be good again
            log.warning("credentials cannot be read again", why=error)
            return False
        finally:
            _forget_files()
        return True

    return renew


def _forget_files() -> None:
    """Remove certificates and keys that the package wrote out for `ssl`, which has read them by now."""
    kube_config._cleanup_temp_files()  # type: ignore[no-untyped-call]


def _failed(in_pod: bool, path: str, error: Exception) -> StartFailed:
    why = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, (ConfigException, OSError)):
        why = f"it is not what it should be ({why})"
    if in_pod:
        return StartFailed(
            f"the Pod's service account cannot be used: {why}",
            "let the Pod have one (`automountServiceAccountToken: true`)",
        )
    return StartFailed(
        f"no Kubernetes API server is known: this is no Pod, and the kubeconfig {path} cannot be used: {why}",
        f"let {KUBECONFIG} name a kubeconfig with which `kubectl get brokers` works, or leave out --kubernetes",
    )


def namespace_of(settings: Settings, *, account: Path = ACCOUNT) -> str:
    """The installation's namespace: as set, else the Pod's own, else `tradewind-system`."""
    if settings.system_namespace:
        return settings.system_namespace
    try:
        return (account / "namespace").read_text().strip() or SYSTEM
    except OSError:
        return SYSTEM
