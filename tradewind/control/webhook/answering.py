"""Answers what the API server posts: decided in `admission` and `binding`, over the objects that are known.

Reflectors know them; a Broker that they lack, made a moment ago by the same `kubectl apply`, is asked for.  The webhook
advises, and the controller judges again: what it cannot know it lets pass with a warning, and a fault of its own stops
nobody.
"""

import asyncio
from collections import ChainMap, Counter
from collections.abc import Callable

from tradewind.api_server import BROKERS, SINK_BINDINGS, TRIGGERS, ApiServer, Change, Object
from tradewind.control.webhook import admission, binding, reviews
from tradewind.control.webhook.admission import Known, Rules
from tradewind.control.webhook.reviews import Request, Verdict
from tradewind.errors import ApiFailed
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.resources.model import NamespacedName

SYNCED = "brokers, triggers and sinkbindings"
"""What must be there before it is ready; of SinkBindings, whose kind may not be installed, that they were asked for."""
LOOK_UP = 2.0
"""Seconds a Broker may be asked for: the API server waits for the answer meanwhile."""
SPEAKING = 1.0
"""Seconds a Job waits for a SinkBinding that nobody has spoken of: half of `configurations.BINDING_DEADLINE`."""
SYNCING = 0.1
"""Seconds between two looks whether all has been read, at the start."""

FAILED = "Tradewind could not look at this (its webhook's log says why); if something is wrong, the status will say it"

Decide = Callable[[Request, Known, Rules], Verdict]

log = Log("webhook")


class Webhook:
    """Answers reviews."""

    def __init__(self, api: ApiServer, rules: Rules, health: Health) -> None:
        self._api = api
        self._rules = rules
        self._health = health
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """Reviews by kind and what was said."""
        self._brokers, self._triggers, self._bindings = (
            api.reflector(resource, _unheard) for resource in (BROKERS, TRIGGERS, SINK_BINDINGS)
        )

    async def run(self) -> None:
        """Keep what is known as it is, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._brokers.run())
            tasks.create_task(self._triggers.run())
            tasks.create_task(self._bindings.run())
            while not (self._synced and (self._bindings.synced or self._bindings.failure)):  # noqa: ASYNC110  # a Reflector has no event for it
                await asyncio.sleep(SYNCING)
            self._health.reached(SYNCED)

    @property
    def _synced(self) -> bool:
        return self._brokers.synced and self._triggers.synced

    async def review(self, body: bytes, decide: Decide) -> bytes:
        """The answer to a review.  Raises Rejected where the body is none."""
        request = reviews.read(body)
        try:
            await self._spoken(request)
            verdict = decide(request, await self._known(request), self._rules)
            outcome = verdict.outcome
        except Exception:  # the top of this review: see above
            log.exception("review failed", kind=request.kind, namespace=request.namespace, name=request.name)
            verdict, outcome = Verdict(warnings=(FAILED,)), "failed"
        self.outcomes[request.kind if request.kind in admission.KINDS else "other", outcome] += 1
        return reviews.answer(request, verdict)

    async def _spoken(self, request: Request) -> None:
        """Give the controller a moment to say where the sink of a SinkBinding is that was made just before a Job."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SPEAKING
        while loop.time() < until and binding.awaits(request, self._bindings.objects):  # noqa: ASYNC110  # as above
            await asyncio.sleep(SYNCING)

    async def _known(self, request: Request) -> Known:
        brokers, complete = self._brokers.objects, self._synced
        found: dict[NamespacedName, Object] = {}
        try:
            async with asyncio.timeout(LOOK_UP):
                for name in admission.brokers_of(request) - brokers.keys():
                    if one := await self._api.get(BROKERS, name):
                        found[name] = one
        except (ApiFailed, TimeoutError):
            complete = False
        held = ChainMap(found, dict(brokers)) if found else brokers
        bindings = self._bindings.objects
        return Known(brokers=held, triggers=self._triggers.objects, bindings=bindings, complete=complete)


def _unheard(_change: Change) -> None:
    """Objects are looked at when somebody asks."""
