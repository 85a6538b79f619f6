"""What goes with a Broker that is deleted, and when it is let go though it could not be done.

    its own deletion asked for? ── its kind is being deleted ───────────────► everything stays, claims and topics
       │ external, or another's, or never claimed ───────────────────────► no topic goes
       ▼
    the topics that are claimed by this very Broker ── deleted, then released ──► finalizers go, and the Broker, too
       └── Kafka or its credentials away ── tried again for a while ──► let go: the topic is orphaned, and named

The dead-letter topic never goes.
"""

from datetime import datetime

from tradewind.api_server import Object
from tradewind.control.broker_status import external, mark
from tradewind.control.claims import Claims, Owner
from tradewind.resources import names, stamps
from tradewind.resources.model import NamespacedName


def kind_goes(definition: Object | None) -> bool:
    """Whether the CustomResourceDefinition of Brokers is being deleted, or is gone: nobody asked for a Broker's own
    deletion then."""
    return definition is None or bool(definition["metadata"].get("deletionTimestamp"))


def doomed(broker: Object, name: NamespacedName, claims: Claims, installation: str) -> tuple[str, ...]:
    """The topics that go: those that this very Broker owns, and made."""
    if external(broker, name):
        return ()
    ours = Owner(installation, name, broker["metadata"]["uid"])
    return tuple(topic for topic in claims.claimed_by(installation, ours.uid) if claims.owner(topic) == ours)


def orphaned(broker: Object, name: NamespacedName) -> str:
    """The topic that stays behind where nothing could be asked of Kafka; empty where it is the user's own anyway."""
    return "" if external(broker, name) else mark(broker, stamps.TOPIC) or names.broker_topic(name)


def overdue(broker: Object, seen: float, now: float, patience: float) -> bool:
    """Whether it is let go: so many seconds after its deletion was asked for, and was seen here, which may be later."""
    return now >= max(_asked(broker), seen) + patience


def _asked(broker: Object) -> float:
    try:
        return datetime.fromisoformat(broker["metadata"]["deletionTimestamp"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return 0.0
