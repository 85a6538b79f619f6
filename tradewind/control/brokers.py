"""Brokers: their topics made, marked for the data plane, and deleted with them.

    object ──judged──► faults: said in its status
                  └──► finalizer ──► ConfigMap, Secret ──► claims, topics ──► status, marks ──► the Secret held
    deletion asked for ──► topics deleted ──► claims released ──► Secret let go ──► finalizer gone

What is decided is in `broker_config`, `broker_status`, `deletion` and `claims`; a controller that dies between any two
steps is followed by one that finds what was done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tradewind.api_server import BROKERS, CRDS, Change, GroupVersionResource, Object
from tradewind.control import broker_status, deletion, finalizers
from tradewind.control.broker_config import BrokerConfig
from tradewind.control.broker_status import Away, Sink, Told, mark
from tradewind.control.broker_topics import DELETING, BrokerTopics
from tradewind.control.conditions import Condition, Status, status_patch
from tradewind.control.configs import Configs, Configured
from tradewind.control.doors import Doors, Enqueue
from tradewind.control.kafkas import Kafkas
from tradewind.control.owners import Owners
from tradewind.errors import ApiDenied, LogRefused, LogUnavailable
from tradewind.observe.logs import Log
from tradewind.resources import objects, stamps
from tradewind.resources.model import Broker, NamespacedName

LOOK = 30.0
"""Seconds after which a Broker's ConfigMap, Secret and topic are looked at again: nothing tells of them."""
SURE_AGAIN = 1.0
"""Seconds after which it is asked again whether this process is sure to lead: a renewal is under way."""
TIDY = 60.0
"""Seconds between two looks at which logs nobody needs any more."""
DEFINITION = NamespacedName("", "brokers.eventing.knative.dev")

log = Log("controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an installation is."""

    installation: str
    system: str
    """Its namespace."""
    ingress: str
    """Base URL of Brokers' addresses."""


class Sinks:
    """Finds dead-letter sinks of Brokers.  This one finds none that needs looking up."""

    def sink(self, held: Object, broker: Broker) -> Sink | None:
        """What is found of its sink; None where that is known in a moment, and told of then."""
        raise NotImplementedError

    def forget(self, name: NamespacedName) -> None:
        """The Broker is gone."""


class BrokerReconciler:
    """See doors.Reconciler."""

    resource = BROKERS
    watches = (BROKERS,)
