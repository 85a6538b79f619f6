"""Claims on topics, read and written: `claims` says what they mean.

Each look goes to the end of the topic as it is then, so that what another installation wrote before is known.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from tradewind.control.claims import Act, Claims, Owner, record, to_write
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, NewRecord, Reader, TopicPartition
from tradewind.topics import CLAIMS_TOPIC, claims_spec

BATCH = 2000
TAKE = 1.0
"""Seconds that one take waits for records that are known to be there."""
PATIENCE = 10.0
"""Seconds to read the topic to its end: some bytes for each Broker that ever was."""
AT = TopicPartition(CLAIMS_TOPIC, 0)


class Owners:
    """The claims of the installation's Kafka."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lock = asyncio.Lock()
        self._id = ""
        """Of the topic that is read."""
        self._reader: Reader | None = None
        self._claims = Claims()

    async def look(self) -> Claims:
        """All claims as they are now.  Raises LogUnavailable, LogRefused."""
        async with self._lock:
            return await self._read()

    async def found(self) -> Claims:
        """As `look`, for one who only asks: without the topic there are none, and it is not made."""
        there = await self._log.topics([CLAIMS_TOPIC])
        return await self.look() if there else Claims()

    async def claim(
        self, wanted: Mapping[str, Owner], *, there: Collection[str], confirm: Callable[[], Awaitable[None]]
    ) -> Mapping[str, Owner]:
        """Claim these topics where nobody has them; whose each is then.  Raises LogUnavailable, LogRefused.

        One that is another's is the last that is looked at: whoever cannot have all needs none of those behind it.
        `there` are the uids of this installation's Brokers.  `confirm` is awaited before anything is written, and
        raises where the Broker is none that lives.
        """
        async with self._lock:
            claims = await self._read()
            found: dict[str, Owner] = {}
            for topic, owner in wanted.items():
                if not to_write(claims, topic, owner, there=there):
                    writes: Sequence[NewRecord] = ()
                else:
                    exists = topic in await self._log.topics([topic])
                    writes = to_write(claims, topic, owner, there=there, exists=exists)
                for one in writes:
                    await confirm()
                    await self._log.append(one)
                    claims = await self._read()
                found[topic] = claims.owner(topic) or owner
                if found[topic] != owner:
                    break
            return found

    async def release(self, topic: str, owner: Owner) -> None:
        """Let go of this topic; whoever claimed it next has it then."""
        async with self._lock:
            if owner in (await self._read()).by_topic.get(topic, []):
                await self._log.append(record(Act.RELEASE, topic, owner))

    async def close(self) -> None:
        """Let go of the reader."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _read(self) -> Claims:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._read_on()
        except TimeoutError:
            raise LogUnavailable(f"topic {CLAIMS_TOPIC} could not be read to its end in {PATIENCE:g} s") from None
        except PositionGone:
            await self.close()
            raise LogUnavailable(f"topic {CLAIMS_TOPIC} was made again, it is read anew") from None
        except LogUnavailable:  # it may be gone
            self._made = False
            raise

    async def _read_on(self) -> Claims:
        made = await self._log.ensure_topics([claims_spec()])
        if made[CLAIMS_TOPIC].id != self._id:  # somebody made it again: what it held is forgotten
            await self.close()
            self._id = made[CLAIMS_TOPIC].id
        bounds = (await self._log.bounds([AT]))[AT]
        if self._reader is None:
            self._claims = Claims()
            self._reader = self._log.reader()
            await self._reader.assign({AT: bounds.start})
        if self._reader.position(AT) > bounds.end:
            raise PositionGone(AT.topic, AT.partition, self._reader.position(AT))
        while self._reader.position(AT) < bounds.end:
            for one in await self._reader.take(BATCH, TAKE):
                self._claims.take(one)
        return self._claims
