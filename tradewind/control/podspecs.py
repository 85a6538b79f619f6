"""The environment of a workload's containers: what a SinkBinding has in them, and the patch that puts it there.

    Deployment, StatefulSet, Job, a Knative Service, …     spec.template.spec
    CronJob                                                spec.jobTemplate.spec.template.spec
                                                               └► containers, initContainers ──► env

Whatever has a Pod template at one of these places is "PodSpecable", as Knative calls it.  A variable that is there
keeps its place in the list (others may refer to it by `$(NAME)`, which counts only after it); what else an object says
is copied as it stands.
"""

from collections.abc import Mapping
from typing import Any

from tradewind.resources.untyped import Object, fields

CONTAINERS = ("containers", "initContainers")

_CRON_JOB = ("batch", "CronJob")
_JOB = ("batch", "Job")

Lists = dict[str, list[Any]]  # containers, as the API server has them


def pod_path(api_version: str, kind: str) -> tuple[str, ...]:
    """Where objects of this kind have their Pod's `spec`."""
    inner = ("spec", "template", "spec")
    return ("spec", "jobTemplate", *inner) if _kind(api_version, kind) == _CRON_JOB else inner


def is_fixed(api_version: str, kind: str) -> bool:
    """Whether the API server lets nobody change the template of such an object once it is there."""
    return _kind(api_version, kind) == _JOB


def is_pod_specable(workload: Object, path: tuple[str, ...]) -> bool:
    """Whether it has a Pod template with containers there."""
    containers = fields(workload, *path).get("containers")
    return isinstance(containers, list) and any(isinstance(one, dict) for one in containers)


def changed(workload: Object, path: tuple[str, ...], env: Mapping[str, str | None]) -> Lists:
    """The lists of containers that differ once each of them has these variables; None removes one.

    Empty where all is so already.
    """
    found = fields(workload, *path)
    lists: Lists = {}
    for name in CONTAINERS:
        before = found.get(name)
        if isinstance(before, list):
            after = [_container(one, env) for one in before]
            if after != before:
                lists[name] = after
    return lists


def patch(workload: Object, path: tuple[str, ...], lists: Lists) -> Object:
    """The merge patch that puts these lists there, and nothing else; it counts only for the version that was seen."""
    metadata = workload["metadata"]
    inner: Object = dict(lists)
    for name in reversed(path):
        inner = {name: inner}
    return {"metadata": {name: metadata[name] for name in ("uid", "resourceVersion")}, **inner}


def operations(path: tuple[str, ...], lists: Lists) -> tuple[Object, ...]:
    """The same as a JSON patch (RFC 6902), for the object that it was computed of."""
    where = "/" + "/".join(path)
    return tuple({"op": "replace", "path": f"{where}/{name}", "value": value} for name, value in lists.items())


def variables(workload: Object, path: tuple[str, ...], name: str) -> frozenset[str | None]:
    """The values that containers have for this variable; None for each that has none."""
    found = fields(workload, *path)
    lists = (found.get(each) for each in CONTAINERS)
    containers = [one for each in lists if isinstance(each, list) for one in each if isinstance(one, dict)]
    return frozenset(_value(one, name) for one in containers)


def _kind(api_version: str, kind: str) -> tuple[str, str]:
    return api_version.partition("/")[0], kind


def _value(container: Object, name: str) -> str | None:
    env = container.get("env")
    for one in env if isinstance(env, list) else ():
        if _is(one, name):
            value = one.get("value")
            return value if isinstance(value, str) else ""
    return None


def _container(container: Any, env: Mapping[str, str | None]) -> Any:  # whatever stands in the list
    """The container with these variables; the same where it has them already."""
    if not isinstance(container, dict):
        return container
    held = container.get("env")
    before = held if isinstance(held, list) else []
    after = before
    for name, value in env.items():
        after = _with(after, name, value)
    if after == before:
        return container
    rest = {each: value for each, value in container.items() if each != "env"}
    return {**container, "env": after} if after else rest


def _with(env: list[Any], name: str, value: str | None) -> list[Any]:  # as above
    """The list with one variable of this name, where the first of it stood; without it for None."""
    wanted = [] if value is None else [_variable(name, value)]
    places = [number for number, one in enumerate(env) if _is(one, name)]
    if not places:
        return [*env, *wanted]
    if wanted and len(places) == 1 and _same(env[places[0]], value):
        return env
    first, rest = env[: places[0]], env[places[0] + 1 :]
    return [*first, *wanted, *(one for one in rest if not _is(one, name))]


def _variable(name: str, value: str | None) -> Object:
    """As the API server keeps it: an empty value is left out."""
    return {"name": name, "value": value} if value else {"name": name}


def _same(one: Object, value: str | None) -> bool:
    return not one.get("valueFrom") and (one.get("value") or "") == value


def _is(one: Any, name: str) -> bool:  # as above
    return isinstance(one, dict) and one.get("name") == name
