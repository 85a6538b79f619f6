"""A WebhookSource runs: its requests are taken at the port, and wait at its desk until they are stored."""

import importlib.util

from tradewind.errors import StartFailed
from tradewind.filters import cel
from tradewind.filters.cel.attribute import attribute
from tradewind.plan import SourcePlan
from tradewind.resources.model import WebhookSource
from tradewind.resources.webhooks import Sns, Webhook
from tradewind.sources.counts import resource_group
from tradewind.sources.emission import Emissions, Given
from tradewind.sources.webhook.port import Port
from tradewind.sources.webhook.verify import usable


async def run(plan: SourcePlan, source: WebhookSource, given: Given, port: Port) -> Emissions:
    """An event for each request, or several.  Raises StartFailed where requests cannot be taken."""
    port.expect(source.metadata.name)
    secrets = _secrets(source.webhook, plan)
    _extras(source.webhook)
    served = port.open(plan, source.webhook, secrets, uri_of(source))
    try:
        given.tell.connected()
        while True:
            yield await served.desk.take()
    finally:
        port.close(served)


def uri_of(source: WebhookSource) -> str:
    """The source's own URI, as Knative names its sources."""
    name = source.metadata.name
    thing, _, group = resource_group(type(source).__name__).partition(".")
    return f"/apis/{group}/v1alpha1/namespaces/{name.namespace}/{thing}/{name.name}"


def _secrets(webhook: Webhook, plan: SourcePlan) -> tuple[bytes, ...]:
    """Those that are there: while one is replaced, the other is enough.  With none of them nobody is let in."""
    found = tuple(secret for held in plan.secrets.values() if (secret := usable(held)))
    if webhook.check is None or isinstance(webhook.check, Sns) or found:
        return found
    missing = ", ".join(f"{ref}" for ref in webhook.secrets)
    raise StartFailed(f"there is no {missing}", "Apply the Secret; until then nothing is taken.")


def _extras(webhook: Webhook) -> None:
    """Raise StartFailed where a library is missing; compile what will be asked of each request."""
    if isinstance(webhook.check, Sns) and importlib.util.find_spec("cryptography") is None:
        raise StartFailed("the preset sns needs `cryptography`", "Install it: pip install 'tradewind[sns]'.")
    if webhook.attributes and not cel.installed():
        raise StartFailed("`spec.ce` needs the library of CEL", "Install it: pip install 'tradewind[cel]'.")
    for expression in webhook.attributes.values():
        attribute(expression)
