"""Claims on topics, read and written: `claims` says what they mean.

Each look goes to the end of the topic as it is then, so that what another installation wrote before is known.
"""

import asyncio
from collections.abc import Collection

from tradewind.control.claims import Act, Claims, Owner, record, to_write
from tradewind.errors import LogUnavailable, PositionGone
from tradewind.ports import EventLog, Reader, TopicPartition
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
        self._made = False
        self._reader: Reader | None = None
        self._claims = Claims()

    async def look(self) -> Claims:
        """All claims as they are now.  Raises LogUnavailable, LogRefused."""
        async with self._lock:
            return await self._read()

    async def found(self) -> Claims:
        """As `look`, for one who only asks: without the topic there are none, and it is not made."""
        self._made = CLAIMS_TOPIC in await self._log.topics([CLAIMS_TOPIC])
        return await self.look() if self._made else Claims()

    async def claim(self, topic: str, wanted: Owner, *, there: Collection[str]) -> Owner:
        """Claim this topic where nobody has it; whose it is then.  Raises LogUnavailable, LogRefused.

        `there` are the uids of this installation's Brokers.
        """
        async with self._lock:
            claims = await self._read()
            for one in to_write(claims, topic, wanted, there=there):
                await self._log.append(one)
                claims = await self._read()
            return claims.owner(topic) or wanted

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
        if not self._made:
            await self._log.ensure_topics([claims_spec()])
            self._made = True
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._read_on()
        except TimeoutError:
            raise LogUnavailable(f"topic {CLAIMS_TOPIC} could not be read to its end in {PATIENCE:g} s") from None
        except PositionGone:  # somebody made it again: what it held is forgotten
            await self.close()
            self._made = False
            raise LogUnavailable(f"topic {CLAIMS_TOPIC} was made again, it is read anew") from None
        except LogUnavailable:  # it may be gone
            self._made = False
            raise

    async def _read_on(self) -> Claims:
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
