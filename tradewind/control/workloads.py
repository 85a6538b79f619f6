"""The workloads that SinkBindings are about: watched as long as a subject asks for them, and changed one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tradewind.api_server import ApiServer, GroupVersionResource, Object
from tradewind.control import sink_bindings
from tradewind.control.addresses import Lack, Why
from tradewind.control.doors import Enqueue
from tradewind.control.queue import Key
from tradewind.control.referents import ALL, Referents
from tradewind.control.subjects import Claim
from tradewind.errors import ApiConflict, ApiDenied, ApiFailed, ApiRefused
from tradewind.observe.logs import Log
from tradewind.resources.containers import Subject
from tradewind.resources.model import KReference, NamespacedName
from tradewind.resources.untyped import name_of

log = Log("controller")


class Workloads:
    """Those of all SinkBindings.  Somebody runs the Referents, which are for workloads alone."""

    def __init__(self, api: ApiServer, referents: Referents) -> None:
        self._api = api
        self._referents = referents

    def listen(self, resource: GroupVersionResource, enqueue: Enqueue) -> None:
        """Have an owner of this resource reconciled when a workload changes that it asked for."""
        self._referents.listen(resource, enqueue)

    def of(self, owner: Key, subject: Subject) -> list[Object] | Lack:
        """The one that a subject names, if it is there, or all of its kind and namespace; from now on its owner is told
        of their changes."""
        ref = KReference(subject.api_version, subject.kind, subject.name or ALL, subject.namespace)
        self._referents.refer(owner, [ref])
        if not subject.name:
            return self._referents.all(ref)
        found = self._referents.find(ref)
        if isinstance(found, Lack):
            return [] if found.why is Why.NOT_FOUND else found
        return [found]

    def forget(self, owner: Key) -> None:
        """This owner is gone."""
        self._referents.refer(owner, ())

    async def change(self, subject: Subject, patches: Mapping[NamespacedName, Object]) -> dict[NamespacedName, str]:
        """Patch workloads of this kind; those that cannot be, and why.

        Raises ApiUnavailable, and ApiConflict where one is another by now, once it has tried them all.
        """
        failed: dict[NamespacedName, str] = {}
        again: ApiFailed | None = None
        for name, patch in patches.items():
            try:
                await self._patch(subject, name, patch)
            except ApiDenied as denied:
                failed[name] = (
                    f"the controller may not change it ({denied}): grant it patch by a ClusterRole with the label "
                    'duck.knative.dev/podspecable: "true"'
                )
            except ApiRefused as refused:
                failed[name] = str(refused)
            except ApiFailed as error:
                again = error
        if again is not None:
            raise again
        return failed

    async def _patch(self, subject: Subject, name: NamespacedName, patch: Object) -> None:
        resource = await self._api.resource_of(subject.api_version, subject.kind)
        if resource is not None:
            await self._api.patch(resource, name, patch)

    async def undo(self, references: Iterable[KReference], others: Iterable[Claim], binding: NamespacedName) -> None:
        """Take our variables out of these, as far as they are there, and unless one of `others` binds them.

        Where that is forbidden, or refused, they stay, as in Knative: a SinkBinding must be able to go.  Raises
        ApiUnavailable and ApiConflict, once it has tried them all.
        """
        again: ApiFailed | None = None
        there: dict[KReference, Mapping[NamespacedName, Object]] = {}
        for one in sorted(references, key=str):
            kind = replace(one, name=ALL)
            try:
                if kind not in there:
                    there[kind] = await self._listed(kind)
                await self._undo(one, there[kind].get(NamespacedName(one.namespace, one.name)), tuple(others))
            except (ApiDenied, ApiRefused) as why:
                log.warning("workload keeps its sink", binding=binding, kind=one.kind, workload=one.name, why=why)
            except ApiFailed as failed:
                again = failed
        if again is not None:
            raise again

    async def _listed(self, kind: KReference) -> Mapping[NamespacedName, Object]:
        """Those of a kind and namespace as they are now.  As in Knative's roles, who may list them and change them need
        not be allowed to get one."""
        resource = await self._api.resource_of(kind.api_version, kind.kind)
        found = [] if resource is None else await self._api.list(resource, namespace=kind.namespace)
        return {name_of(one): one for one in found}

    async def _undo(self, one: KReference, found: Object | None, others: tuple[Claim, ...]) -> None:
        name = NamespacedName(one.namespace, one.name)
        resource = await self._api.resource_of(one.api_version, one.kind)
        if resource is None or found is None or (patch := sink_bindings.undoing(one, found, others)) is None:
            return
        after = await self._api.patch(resource, name, patch)
        if after is not None and sink_bindings.undoing(one, after, others) is not None:
            raise ApiConflict(f"{one.kind} {name} was bound again: a webhook has not heard yet that it is no longer")
