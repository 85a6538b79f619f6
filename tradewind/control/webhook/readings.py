"""The webhook's metrics, read when somebody asks."""

from collections.abc import AsyncIterator

from tradewind.control.webhook.answering import Webhook
from tradewind.control.webhook.keeper import Keeper
from tradewind.observe import metrics as m

DAY = 86400.0


async def page(webhook: Webhook, keeper: Keeper, now: float) -> bytes:
    """As they are now, in text form; `now` is the time of day."""
    return await m.page(_readings(webhook, keeper, now))


async def _readings(webhook: Webhook, keeper: Keeper, now: float) -> AsyncIterator[m.Reading]:
    for (kind, outcome), count in webhook.outcomes.items():
        yield m.Reading(m.REVIEWS, (kind, outcome), count)
    if keeper.served:
        yield m.Reading(m.CERTIFICATE, (), (keeper.served.ends - now) / DAY)
