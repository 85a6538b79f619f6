"""The definitions that a cluster lacks, in the moments in which the API server does not serve them yet."""

from typing import cast

from tests.fake_time import run
from tradewind.api_server import ApiServer, GroupVersionResource, Object
from tradewind.control.crds import install
from tradewind.resources.crds import ON_CLUSTERS
from tradewind.resources.model import NamespacedName


class Hesitant:
    """An API server that has no conditions at first, then others, then serves a definition."""

    def __init__(self) -> None:
        self.definitions: dict[NamespacedName, Object] = {}
        self.looks: dict[NamespacedName, int] = {}

    async def create(self, _: GroupVersionResource, made: Object) -> Object:
        self.definitions[NamespacedName("", made["metadata"]["name"])] = made
        return made

    async def get(self, _: GroupVersionResource, name: NamespacedName) -> Object | None:
        if name not in self.definitions:
            return None
        looks = self.looks[name] = self.looks.get(name, 0) + 1
        told = ["", "NamesAccepted", "Established"][min(looks, 3) - 1]
        conditions = [{"type": told, "status": "True"}] if told else None
        return {**self.definitions[name], "status": {"conditions": conditions}}


def test_what_has_no_conditions_yet_is_waited_for() -> None:
    async def scenario() -> None:
        api = Hesitant()
        lines = await install(cast(ApiServer, api))
        assert [line.split()[1] for line in lines] == ["created"] * len(ON_CLUSTERS)
        assert set(api.looks.values()) == {3}

    run(scenario)
