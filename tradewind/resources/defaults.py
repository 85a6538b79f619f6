"""What a manifest leaves out (knative-eventing §1.3, "Defaulting").

Defaults of `delivery` are not here: they come after the merge of a Trigger's over its Broker's (`tradewind.plan`).
"""

from collections.abc import Mapping

NAMESPACE = "default"
"""Where an object without a namespace lies, as for kubectl without another context."""

BROKER_CLASS = "Tradewind"
"""Class of a Broker that names none."""

SCHEDULE = "* * * * *"
"""PingSource's: each minute."""

BROKER_LABEL = "eventing.knative.dev/broker"
"""Label of a Trigger that names its Broker, so that `kubectl get triggers -l` finds them."""


def trigger_labels(labels: Mapping[str, str], broker: str) -> Mapping[str, str]:
    """A Trigger's labels with that of its Broker, which cannot say anything else."""
    return {**labels, BROKER_LABEL: broker}


def broker_annotations(annotations: Mapping[str, str], name: str) -> Mapping[str, str]:
    """A Broker's annotations, its class (under `name`) among them."""
    return {name: BROKER_CLASS, **annotations}
