"""A Broker's topics in Kafka: claimed, then made; deleted, then released.

own topic        claimed by this very Broker ──► made ─ ─ ─ ─ ─ ─ ► deleted ──► released
dead letters'    claimed for all Brokers of that name ──► made, and stays
external topic   nobody's: looked at
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from tradewind.api_server import Object
from tradewind.config import Settings
from tradewind.control import deletion
from tradewind.control.broker_plan import planned
from tradewind.control.broker_status import SAFE_COPIES, Away, NotThere, Others, Refused, There, Topic, mark
from tradewind.control.claims import Owner
from tradewind.control.configs import Configured
from tradewind.control.kafkas import Kafkas
from tradewind.control.owners import Owners
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.plan import BrokerPlan
from tradewind.ports import EventLog
from tradewind.resources import stamps
from tradewind.resources.model import Broker, NamespacedName
from tradewind.topics import topic_specs

DELETING = 5.0
"""Seconds that one deletion may take: below what a leader is sure of after each renewal."""

Confirm = Callable[[], Awaitable[None]]
"""Raises ApiConflict where a Broker is gone, or is being deleted, by the API server's own word."""

log = Log("controller")


class BrokerTopics:
    """Topics of an installation's Brokers."""

    def __init__(self, kafkas: Kafkas, owners: Owners, settings: Settings, *, installation: str) -> None:
        self._kafkas = kafkas
        self._owners = owners
        self._settings = settings
        self._installation = installation

    async def made(
        self, broker: Broker, held: Object, configured: Configured, *, there: Collection[str], confirm: Confirm
    ) -> Topic:
        """What is found of a Broker's topics once those that are missing are made.  `there`: uids of all Brokers.

        `confirm` is awaited before anything is made: it may have been deleted, topic and all, by one who led before.
        """
        plan = planned(broker, held, configured.config)
        try:
            taken = await self._claimed(plan, held["metadata"]["uid"], there, confirm)
            return taken or await self._there(plan, held, self._kafkas.of(configured.auth), confirm)
        except LogRefused as refused:
            return Refused(plan.topic.name, str(refused))
        except LogUnavailable as unavailable:
            return Away(str(unavailable))

    async def removed(
        self, held: Object, name: NamespacedName, configured: Configured, *, sure: Callable[[float], bool]
    ) -> bool:
        """Delete what this Broker owns, and release what it claimed; False where it is not sure that we lead.

        Raises LogUnavailable, LogRefused.
        """
        uid = held["metadata"]["uid"]
        claims = await self._owners.look()
        claimed = claims.claimed_by(self._installation, uid)
        doomed = deletion.doomed(held, name, claims, self._installation)
        if doomed:
            if not sure(DELETING):
                return False
            try:
                async with asyncio.timeout(DELETING):
                    await self._kafkas.of(configured.auth).delete_topics(doomed)
            except TimeoutError:
                raise LogUnavailable(f"topics {', '.join(doomed)}: not deleted within {DELETING:g} s") from None
            log.info("topics deleted", broker=name, topics=", ".join(doomed))
        for topic in claimed:
            await self._owners.release(topic, Owner(self._installation, name, uid))
        return True

    async def _claimed(self, plan: BrokerPlan, uid: str, there: Collection[str], confirm: Confirm) -> Others | None:
        """Claim what is to be this Broker's; whose it is, where it is another's."""
        topic = plan.topic.name
        wanted = {plan.dead_letter_topic: Owner(self._installation, plan.name)}
        if plan.topic.external:
            owner = (await self._owners.look()).owner(topic)
            if owner is not None and owner.installation != self._installation:
                return Others(topic, owner)
        else:
            wanted = {topic: Owner(self._installation, plan.name, uid), **wanted}
        found = await self._owners.claim(wanted, there=there, confirm=confirm)
        return next((Others(name, owner) for name, owner in found.items() if owner != wanted[name]), None)

    async def _there(self, plan: BrokerPlan, held: Object, kafka: EventLog, confirm: Confirm) -> Topic:
        topic, specs = plan.topic, topic_specs(plan, self._settings)
        wanted = {spec.name for spec in specs}
        found = await kafka.topics(wanted | {topic.name})
        if not wanted <= found.keys():
            await confirm()
            if mark(held, stamps.TOPIC):  # dead letters among them: what lay there is lost, and nobody else tells
                log.error(
                    "topics are gone, made again", broker=plan.name, topics=", ".join(sorted(wanted - found.keys()))
                )
            found = {**found, **await kafka.ensure_topics(specs)}
        info = found.get(topic.name)
        if info is None:
            return NotThere(topic.name)
        safe = info.replication < SAFE_COPIES
        least = None if safe else (await kafka.min_insync_replicas([topic.name])).get(topic.name)
        return There(info, topic.external, None if topic.external else topic.partitions, least)
