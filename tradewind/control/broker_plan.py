"""A Broker's topics as they are to be made: by the ConfigMap that decides, under the name that it got once."""

from dataclasses import replace

from tradewind.api_server import Object
from tradewind.control import broker_config
from tradewind.control.broker_config import BrokerConfig
from tradewind.control.broker_status import external, mark
from tradewind.plan import BrokerPlan, compute, stamped
from tradewind.resources import stamps
from tradewind.resources.model import Broker, Resource


def planned(broker: Broker, held: Object, config: BrokerConfig) -> BrokerPlan:
    """What is asked for; also of a topic that was made, as it may be gone."""
    found = config.config_map
    name = broker.metadata.name
    asked = replace(
        broker,
        config=None if found is None else broker_config.reference(found.metadata.name),
        topic="",
        waits="",
    )
    resources: tuple[Resource, ...] = (asked,) if found is None else (asked, found)
    plan = compute(resources, resolve=stamped).brokers[name]
    topic = replace(plan.topic, name=mark(held, stamps.TOPIC) or plan.topic.name, external=external(held, name))
    return replace(plan, topic=topic)
