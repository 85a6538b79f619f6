"""What the producer finds out of a Kafka, over one that a test answers for: brokers, leaders, topics, an identity."""

import asyncio

import pytest

from tests.shell.ingress_running import until
from tests.shell.kafka_stand_in import INIT_PRODUCER_ID, METADATA, PRODUCE, Kafka, Turn
from tests.shell.producing import LONG, producing, record, stored, turns, warm
from tradewind.adapters.embedded_kafka import free_ports
from tradewind.adapters.kafka_log.produce import cluster, pace
from tradewind.adapters.kafka_log.produce import producer as module
from tradewind.errors import LogUnavailable, TopicMissing
from tradewind.ports import NewRecord, Position


class TestBootstrap:
    async def test_an_address_where_nothing_listens(self, stand_in: Kafka) -> None:
        dead = f"127.0.0.1:{free_ports(1)[0]}"
        async with producing(stand_in, f"{dead},{stand_in.brokers[0].address}") as producer:
            assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]

    @pytest.mark.parametrize("name", ["no..name", "a" * 64])
    async def test_one_that_can_be_none(self, name: str, stand_in: Kafka) -> None:
        async with producing(stand_in, f"{name}:9092,{stand_in.brokers[0].address}") as producer:
            assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]

    @pytest.mark.parametrize("api", [18, METADATA, INIT_PRODUCER_ID])
    async def test_one_that_answers_nothing(self, api: int, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cluster, "ANSWER", 0.05)
        stand_in.next(api, Turn(until=asyncio.Event()))
        async with producing(stand_in, ",".join(each.address for each in stand_in.brokers)) as producer:
            assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]

    async def test_one_whose_answer_waits_behind_slow_ones(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Kafka answers a connection in order: that it is slow to store says nothing against the connection."""
        async with warm(stand_in) as producer:
            monkeypatch.setattr(cluster, "ANSWER", 0.05)
            broker, before = stand_in.brokers[0], stand_in.brokers[0].connected
            stand_in.next(PRODUCE, slow := Turn(until=asyncio.Event()))
            future = producer.append(record(b"a"))
            await until(lambda: bool(broker.produced))
            turn = producer._cluster._turn
            producer._cluster.want("orders")
            await until(lambda: producer._cluster._turn > turn)
            assert slow.until is not None
            slow.until.set()
            assert await stored(future) == [Position(0, 0)]
            assert broker.connected == before

    @pytest.mark.parametrize("versions", [{}, {PRODUCE: (0, 6)}, {PRODUCE: (8, 11)}], ids=["none", "older", "newer"])
    async def test_one_that_speaks_no_version_of_ours(
        self, versions: dict[int, tuple[int, int]], stand_in: Kafka, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = stand_in.brokers
        first.speaks = {**first.speaks, **versions} if versions else {}
        stand_in.make("there", 1)
        async with producing(stand_in, f"{first.address},{second.address}") as producer:
            assert await stored(producer.append(record(b"a", topic="there"))) == [Position(0, 0)]
        assert [each.__dict__["fields"]["why"] for each in caplog.records] == ["speaks no version of ours"]

    async def test_a_kafka_that_comes_up_later(self, stand_in: Kafka) -> None:
        broker = stand_in.brokers[0]
        broker.stop()
        async with producing(stand_in) as producer:
            future = producer.append(record(b"a"))
            await until(lambda: any(each.away for each in producer._cluster._brokers.values()))
            await broker.start()
            assert await stored(future) == [Position(0, 0)]

    async def test_one_that_hangs_up_whenever_it_is_asked_is_not_asked_all_the_time(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where nothing is wanted of it, either."""
        broker = stand_in.brokers[0]
        stand_in.listed = [broker]
        async with warm(stand_in) as producer:
            monkeypatch.setattr(cluster, "AGAIN", LONG)
            before = broker.came.count(METADATA)
            stand_in.next(METADATA, *(Turn(drop=True) for _ in range(20)))
            broker.drop()
            await until(lambda: broker.came.count(METADATA) > before)
            for _ in range(5):
                await until(lambda: not broker.open)
                await stored(producer.append(record(b"a")))
                broker.drop()
            assert broker.came.count(METADATA) == before + 1


class TestIdentity:
    async def test_it_is_asked_for_again_where_there_is_none_now(self, stand_in: Kafka) -> None:
        stand_in.next(INIT_PRODUCER_ID, Turn(error=15), Turn(error=14), Turn(drop=True, undone=True))
        async with producing(stand_in) as producer:
            assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]
        assert stand_in.identities == 1

    async def test_records_time_out_where_none_ever_comes(self, stand_in: Kafka) -> None:
        stand_in.next(INIT_PRODUCER_ID, Turn(until=asyncio.Event()))
        async with producing(stand_in, patience=0.1) as producer:
            future = producer.append(record(b"a"))
            assert await producer.close() == 1
            assert isinstance(future.exception(), LogUnavailable)

    async def test_another_one_where_it_serves_no_more(self, stand_in: Kafka) -> None:
        async with warm(stand_in, 0) as producer:
            for error in (45, 47, 59):
                stand_in.next(PRODUCE, Turn(error=error))
                await stored(producer.append(record(b"a", partition=0)))
            await stored(producer.append(record(b"b", partition=1)))
            assert stand_in.values("orders") == [b"a"] * 3
            assert set(stand_in.topics["orders"][0].producers) == {1, 2, 3, 4}
            assert set(stand_in.topics["orders"][1].producers) == {1}


class TestTopics:
    async def test_one_that_is_not_there_is_named(self, stand_in: Kafka) -> None:
        async with producing(stand_in, patience=0.2) as producer:
            with pytest.raises(TopicMissing, match="topic nowhere"):
                await stored(producer.append(record(b"a", topic="nowhere")))
            producer._patience = 10.0
            assert await stored(producer.append(record(b"a"))) == [Position(0, 0)]

    async def test_one_that_nobody_wants_is_forgotten(self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cluster, "REFRESH", 0.02)
        async with producing(stand_in, patience=0.1) as producer:
            with pytest.raises(TopicMissing):
                await stored(producer.append(record(b"a", topic="nowhere")))
            await until(lambda: "nowhere" not in producer._cluster.topics)

    @pytest.mark.parametrize("leaders", [1, 2])
    async def test_one_that_is_there_all_the_same(self, leaders: int, stand_in: Kafka) -> None:
        """A broker that lags says that a topic, or a partition of it, is not there.  When it is, Kafka still knows the
        sequences from before: from 0 under the same identity it would take records for those and drop them."""
        last = leaders - 1
        async with warm(stand_in, *[0] * last) as producer:
            there = stand_in.topics["orders"]
            stand_in.topics["orders"] = there[:last]
            topics, before = producer._cluster.topics, producer._cluster.topics["orders"].partitions[last]
            if not last:
                del stand_in.topics["orders"]
            producer._cluster.want("orders")
            await until(lambda: "orders" not in topics or before not in topics["orders"].partitions)
            stand_in.topics["orders"] = there
            for value in (b"a", b"b", b"c"):  # each alone, as what was stored before
                await stored(producer.append(record(value, partition=last)))
            assert stand_in.values("orders", last) == [b"a", b"b", b"c"]

    async def test_one_that_is_made_anew_with_fewer_partitions(self, stand_in: Kafka) -> None:
        async with warm(stand_in, 0, 0, 0) as producer:
            del stand_in.topics["orders"][1:]
            producer._cluster.want("orders")
            await until(lambda: len(producer._cluster.topics["orders"].partitions) == 1)
            keys = [NewRecord("orders", b"a", key=b"%d" % number) for number in range(20)]
            assert {where.partition for where in await stored(*map(producer.append, keys))} == {0}

    async def test_one_that_comes_in_time_is_used(self, stand_in: Kafka) -> None:
        async with producing(stand_in) as producer:
            futures = [producer.append(record(value, topic="late")) for value in (b"a", b"b")]
            await until(lambda: stand_in.brokers[0].came.count(METADATA) > 3)
            stand_in.make("late", 1)
            assert await stored(*futures) == [Position(0, 0), Position(0, 1)]

    async def test_one_that_may_not_be_asked_for_fails_at_once(self, stand_in: Kafka) -> None:
        stand_in.next(METADATA, Turn(error=29), Turn(error=29), Turn(error=29))
        async with producing(stand_in) as producer:
            with pytest.raises(LogUnavailable, match="topic orders"):
                await stored(producer.append(record(b"a")))

    async def test_one_that_goes_and_comes_back(self, stand_in: Kafka) -> None:
        async with warm(stand_in, patience=0.4) as producer:
            gone = stand_in.topics.pop("orders")
            with pytest.raises(TopicMissing, match="topic orders"):
                await stored(producer.append(record(b"a")))
            stand_in.make("orders", 1, 1)
            producer._patience = 10.0
            assert await stored(producer.append(record(b"b", partition=1))) == [Position(1, 0)]
            assert gone[0].values == []

    async def test_a_partition_that_is_not_there_is_missing(self, stand_in: Kafka) -> None:
        async with warm(stand_in, patience=0.2) as producer:
            with pytest.raises(TopicMissing, match="topic orders"):
                await stored(producer.append(record(b"a", partition=1)))

    async def test_one_that_is_added_in_time_is_used(self, stand_in: Kafka) -> None:
        async with warm(stand_in) as producer:
            future = producer.append(record(b"a", partition=2))
            await turns()
            stand_in.make("orders", 1, 1)
            assert await stored(future) == [Position(2, 0)]

    async def test_partitions_are_found_in_time_where_nobody_asks(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster, "REFRESH", 0.02)
        async with warm(stand_in) as producer:
            stand_in.make("orders", 1)
            await until(lambda: len(producer._cluster.topics["orders"].partitions) == 2)


class TestLeaders:
    async def test_none_for_a_while(self, stand_in: Kafka) -> None:
        partition = stand_in.topics["orders"][0]
        partition.leader = -1
        async with producing(stand_in) as producer:
            futures = [producer.append(record(value)) for value in (b"a", b"b")]
            await until(lambda: stand_in.brokers[0].came.count(METADATA) > 3)
            partition.leader = 1
            assert await stored(*futures) == [Position(0, 0), Position(0, 1)]

    async def test_another_one(self, stand_in: Kafka) -> None:
        async with warm(stand_in) as producer:
            partition = stand_in.topics["orders"][0]
            for leader in (1, 0, 1):
                futures = [producer.append(record(b"%d" % leader))]
                partition.leader = leader
                await stored(*futures)
            assert stand_in.values("orders") == [b"1", b"0", b"1"]
            assert stand_in.brokers[1].produced

    async def test_another_one_before_the_old_one_has_answered(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What waited for the answer goes to the new one at once."""
        monkeypatch.setattr(pace, "GATHER", LONG)
        async with warm(stand_in, 1) as producer:
            first, second = stand_in.brokers
            answer = asyncio.Event()
            stand_in.next(PRODUCE, Turn(until=answer), node=1)
            futures = [producer.append(record(b"a", partition=1))]
            await until(lambda: bool(second.produced))
            futures.append(producer.append(record(b"b", partition=1)))
            stand_in.topics["orders"][1].leader = 0
            producer._cluster.want("orders")
            await until(lambda: producer._cluster.topics["orders"].partitions[1].leader == 0)
            answer.set()
            assert await stored(*futures) == [Position(1, 0), Position(1, 1)]
            assert (first.produced, second.produced) == ([{("orders", 1): [b"b"]}], [{("orders", 1): [b"a"]}])

    async def test_another_one_where_the_first_is_gone(self, stand_in: Kafka) -> None:
        async with warm(stand_in, 1) as producer:
            stand_in.brokers[1].stop()
            futures = [producer.append(record(value, partition=1)) for value in (b"a", b"b")]
            await until(lambda: any(each.away for each in producer._cluster._brokers.values()))
            stand_in.topics["orders"][1].leader = 0
            assert await stored(*futures) == [Position(1, 0), Position(1, 1)]

    async def test_one_that_cannot_be_reached_for_a_while(
        self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Everything else is known already, so nothing else gives cause to try again."""
        monkeypatch.setattr(module, "SWEEP", LONG)
        second = stand_in.brokers[1]
        async with warm(stand_in, 1) as producer:
            second.stop()
            future = producer.append(record(b"a", partition=1))
            away = producer._cluster.nodes[1]
            for _ in range(3):
                await until(lambda: away.connecting is not None and not away.connecting.done())
                await until(lambda: away.connecting is not None and away.connecting.done())
            await second.start()
            assert await stored(future) == [Position(1, 0)]

    async def test_a_broker_that_leaves_the_cluster(self, stand_in: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        """What waited for its turn there goes to the next leader, and nothing to it any more."""
        monkeypatch.setattr(pace, "GATHER", LONG)
        async with warm(stand_in, 1, 1) as producer:
            old, before = stand_in.brokers[1], stand_in.brokers[1].connected
            stand_in.next(PRODUCE, Turn(until=asyncio.Event(), undone=True), node=1)
            futures = [producer.append(record(b"a", partition=1))]
            await until(lambda: bool(old.produced))
            futures.append(producer.append(record(b"b", partition=2)))
            stand_in.listed = stand_in.brokers[:1]
            for partition in stand_in.topics["orders"]:
                partition.leader = 0
            producer._cluster.want("orders")
            assert await stored(*futures) == [Position(1, 0), Position(2, 0)]
            assert old.connected == before

    async def test_a_broker_at_another_address(self, stand_in: Kafka) -> None:
        async with warm(stand_in, 1) as producer:
            second = stand_in.brokers[1]
            second.stop()
            second.port = 0
            await second.start()
            assert await stored(producer.append(record(b"a", partition=1))) == [Position(1, 0)]


class TestWithoutKey:
    """Records without a key keep away from a partition that cannot be sent to."""

    @pytest.mark.parametrize("stuck", ["hangs", "away", "no-leader"])
    @pytest.mark.parametrize("keyed", [True, False], ids=["with-others", "alone"])
    async def test_nearly_all_are_stored_in_the_others(self, stuck: str, keyed: bool, stand_in: Kafka) -> None:
        second = stand_in.brokers[1]
        async with warm(stand_in, 0, 1) as producer:
            answer, partition = asyncio.Event(), stand_in.topics["orders"][2]
            if stuck == "hangs":
                stand_in.next(PRODUCE, Turn(until=answer), node=1)
            elif stuck == "away":
                second.stop()
                await until(lambda: producer._cluster.nodes[1].link is None)
            else:
                partition.leader = -1
            futures = [producer.append(record(b"keyed", partition=2))]
            if stuck == "hangs":
                await until(lambda: bool(second.produced))
            for number in range(30):
                futures.append(producer.append(NewRecord("orders", b"")))
                if keyed:
                    await stored(producer.append(record(b"keyed", partition=number % 2)))
                else:
                    await turns(10)
            await until(lambda: sum(future.done() for future in futures) >= 25)
            answer.set()
            partition.leader = 0
            await stored(*futures)
