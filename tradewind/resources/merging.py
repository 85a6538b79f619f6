"""The `delivery` in force for a Trigger: its own over its Broker's, field by field, then the defaults.

    Trigger's field, else the Broker's, else `delivery.schedule.Delivery`'s (retry 10, exponential, PT0.2S)

Knative's Java data plane replaces the Broker's whole instead, so that a Trigger that sets only `timeout` loses its
retries and its dead-letter sink (knative-eventing §2.2).
"""

from dataclasses import fields

from tradewind.delivery.schedule import Delivery
from tradewind.resources.model import BackoffPolicy, DeliverySpec


def merged(trigger: DeliverySpec, broker: DeliverySpec) -> DeliverySpec:
    """What is written, the Trigger's before the Broker's."""
    values = {one.name: getattr(trigger, one.name) for one in fields(DeliverySpec)}
    return DeliverySpec(**{name: getattr(broker, name) if value is None else value for name, value in values.items()})


def in_force(spec: DeliverySpec) -> Delivery:
    """What is written, and the default where nothing is."""
    default = Delivery()
    policy = spec.backoff_policy
    return Delivery(
        retry=default.retry if spec.retry is None else spec.retry,
        exponential=default.exponential if policy is None else policy is BackoffPolicy.EXPONENTIAL,
        delay=default.delay if spec.backoff_delay is None else spec.backoff_delay,
        timeout=default.timeout if spec.timeout is None else spec.timeout,
        retry_after_max=spec.retry_after_max,
        structured=spec.format == "json",
    )
