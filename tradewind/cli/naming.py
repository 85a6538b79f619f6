"""What people name on the command line: Brokers, Triggers, a rate.  Every fault says what was found.  Pure."""

import re
from collections.abc import Iterable
from typing import get_args

from tradewind.errors import Fault, InvalidSettings
from tradewind.plan import BrokerPlan, Plan, TopicPlan
from tradewind.resources import names as names_of
from tradewind.resources import starts
from tradewind.resources.defaults import NAMESPACE
from tradewind.resources.model import AnySource, NamespacedName
from tradewind.sources.positions import SourceKey

_SPAN = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SOURCES = {one.__name__.lower(): one.__name__ for one in get_args(AnySource)}
"""Kinds of sources, as people type them."""
_RATE = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,6})?)/s")


def wrong(where: str, found: str, expected: str) -> InvalidSettings:
    """A fault of usage."""
    return InvalidSettings([Fault(where, found, expected)])


def named(text: str, namespace: str, *, where: str, expected: str = "NAME or NAMESPACE/NAME") -> NamespacedName:
    """`name` in the namespace that was asked for, else in `default`, or `namespace/name`.  Raises InvalidSettings."""
    words = text.split("/")
    if not all(words) or len(words) > 2:
        raise wrong(where, repr(text), expected)
    if len(words) == 2 and namespace and words[0] != namespace:
        raise wrong(where, repr(text), f"one in the namespace {namespace}, which --namespace names")
    return NamespacedName(*words) if len(words) == 2 else NamespacedName(namespace or NAMESPACE, text)


def trigger(text: str, namespace: str) -> NamespacedName:
    """`trigger/name`, kubectl's way, and `trigger/namespace/name`.  Raises InvalidSettings."""
    kind, _, name = text.partition("/")
    expected = "trigger/NAME"
    if kind not in ("trigger", "triggers") or not name:
        raise wrong("TRIGGER", repr(text), expected)
    return named(name, namespace, where="TRIGGER", expected=expected)


def source(text: str, namespace: str) -> SourceKey:
    """`pingsource/name`, kubectl's way, and `pingsource/namespace/name`.  Raises InvalidSettings."""
    kind, _, name = text.partition("/")
    known = _SOURCES.get(kind.lower().removesuffix("s"))
    expected = f"KIND/NAME or KIND/NAMESPACE/NAME, KIND one of {', '.join(sorted(_SOURCES))}"
    if known is None or not name:
        raise wrong("--source", repr(text), expected)
    return SourceKey(known, named(name, namespace, where="--source", expected=expected))


def brokers(plan: Plan, namespace: str, wanted: Iterable[str], *, gone: bool = False) -> list[BrokerPlan]:
    """The Brokers that are meant: those named, else all, of one namespace or of all.  Raises InvalidSettings.

    With `gone` one may be named that the manifests do not hold: its topics may be there still.
    """
    there = {name: one for name, one in sorted(plan.brokers.items()) if namespace in ("", name.namespace)}
    names = [named(text, namespace, where="--broker") for text in wanted]
    faults = [_no_broker(there, name) for name in names if name not in there and not gone]
    if not there and not names:
        where = f" in the namespace {namespace}" if namespace else ""
        faults.append(Fault("--filename", f"no Broker{where}", "manifests that declare one"))
    if faults:
        raise InvalidSettings(faults)
    return [there.get(name) or _gone(name) for name in names] if names else list(there.values())


def still_there(plan: Plan, broker: BrokerPlan) -> BrokerPlan:
    """A Broker of which nothing lies in Kafka: that is nothing new of one of the manifests.  Raises InvalidSettings."""
    if broker.name not in plan.brokers:
        raise InvalidSettings([_no_broker(plan.brokers, broker.name)])
    return broker


def _no_broker(there: Iterable[NamespacedName], name: NamespacedName) -> Fault:
    listed = ", ".join(map(str, sorted(there))) or "none"
    return Fault("--broker", f"{name}", f"a Broker of the manifests ({listed}); -f says where they are")


def _gone(name: NamespacedName) -> BrokerPlan:
    return BrokerPlan(name, TopicPlan(names_of.broker_topic(name)), names_of.dead_letter_topic(name))


def known_trigger(plan: Plan, name: NamespacedName, *, where: str, other: str = "") -> NamespacedName:
    """A Trigger that the manifests hold, or `other`, which it was not.  Raises InvalidSettings."""
    if name not in plan.triggers:
        listed = ", ".join(map(str, sorted(plan.triggers))) or "none"
        raise wrong(where, str(name), f"a Trigger of the manifests ({listed}){other}; -f says where they are")
    return name


def known_source(plan: Plan, key: SourceKey, *, where: str, other: str) -> None:
    """A source that the manifests hold, or `other`, which it was not.  Raises InvalidSettings."""
    if key not in plan.sources:
        listed = ", ".join(sorted(f"{kind.lower()}/{name}" for kind, name in plan.sources)) or "none"
        found = f"{key.kind.lower()}/{key.name}"
        raise wrong(where, found, f"a source of the manifests ({listed}){other}; -f says where they are")


def rate(text: str | None) -> float | None:
    """`10/s`: how many a second; None where nobody asked.  Raises InvalidSettings."""
    if text is None:
        return None
    match = _RATE.fullmatch(text)
    number = float(match["number"]) if match else 0.0
    if number <= 0:
        raise wrong("--rate", repr(text), "a number above zero and /s, such as 10/s")
    return number


def since(text: str, now: float) -> float:
    """`30s`, `10m`, `1h`, `7d` ago, or an RFC 3339 time: the moment, in wall-clock seconds.  Raises InvalidSettings."""
    if match := _SPAN.fullmatch(text):
        return now - int(match["number"]) * _SECONDS[match["unit"]]
    moment = starts.seconds(text) if starts.fault(text) is None else None
    if moment is None:
        raise wrong("--since", repr(text), "how long ago (30s, 10m, 1h, 7d), or an RFC 3339 time")
    return moment


def when(since: str) -> str:
    """The same in a sentence."""
    return f"in the last {since}" if _SPAN.fullmatch(since) else f"since {since}"
