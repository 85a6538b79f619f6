"""What every EventLog must do.  One suite, several back ends: each subclasses it and provides a Cluster."""

import time
from itertools import count

import pytest

from tests.contracts.appending import Appending
from tests.contracts.driving import Cluster
from tests.contracts.members import Members
from tests.contracts.readers import Readers
from tests.contracts.topics import Topics
from tradewind.ports import (
    EventLog,
    TopicPartition,
    TopicSpec,
)


class EventLogContract(Appending, Topics, Readers, Members):
    """The suite.  Subclasses provide the fixture `cluster`."""

    numbers = count()

    @pytest.fixture
    def log(self, cluster: Cluster) -> EventLog:
        return cluster.client()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        """A name that no other test uses, for topics and groups; long names would hide the difference."""
        return f"t{next(self.numbers)}-{time.time_ns() % 10**9}-{request.node.name[5:40]}"

    @pytest.fixture
    async def topic(self, log: EventLog, name: str) -> str:
        """A topic of one partition."""
        await log.ensure_topics([TopicSpec(name, 1, None, {})])
        return name

    @pytest.fixture
    async def wide(self, log: EventLog, name: str) -> list[TopicPartition]:
        """A topic of four partitions."""
        await log.ensure_topics([TopicSpec(f"{name}-wide", 4, None, {})])
        return [TopicPartition(f"{name}-wide", index) for index in range(4)]
