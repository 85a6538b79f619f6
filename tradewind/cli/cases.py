"""Cases of `tradewind test`: an event, and the Triggers that shall get it.  Pure.

    cases:
    - name: a greeting is greeted
      event: {type: com.example.greeting, source: /tests}   # the JSON format, in YAML; without id it is 1
      expect: [greetings]                                   # these Triggers and no others; NAME or NAMESPACE/NAME
      broker: default                                       # where it is POSTed; may be left out where there is one

A file may hold several documents, and every fault of all of them is named.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.errors import Fault, InvalidEvent, InvalidManifest
from tradewind.events import json_format
from tradewind.events.attributes import shown
from tradewind.events.model import SPEC_VERSION, Event
from tradewind.filters.cel import Activation
from tradewind.filters.explain import Explained, explain
from tradewind.plan import Plan
from tradewind.resources import documents
from tradewind.resources.checking import check, describe
from tradewind.resources.defaults import NAMESPACE
from tradewind.resources.model import NamespacedName
from tradewind.resources.schema import Schema, Type, anything, listing, obj, text

_CASE = obj(
    "",
    {"name": text(""), "event": anything(""), "expect": listing("", Schema(Type.STRING)), "broker": text("")},
    required=("event", "expect"),
)
_FILE = obj("", {"cases": Schema(Type.ARRAY)}, required=("cases",))


@dataclass(frozen=True, slots=True)
class Case:
    """One case."""

    name: str
    place: str
    """Where it stands: `cases.yaml: cases[0]`."""
    event: Event
    broker: NamespacedName
    expected: frozenset[NamespacedName]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A Trigger that a case did not expect to do what it did, and why it did."""

    trigger: NamespacedName
    matched: bool
    why: Explained


def read(name: str, content: str, plan: Plan) -> list[Case]:
    """The cases of a file.  Raises InvalidManifest with every fault."""
    parsed = documents.parse(name, content)
    faults, cases = list(parsed.faults), list[Case]()
    for origin, value in parsed.documents:
        path = f"{origin}: "
        if not isinstance(value, dict):
            faults.append(Fault(origin, describe(value), "a mapping with `cases`"))
        elif found := check(_FILE, value, path):
            faults += found
        else:
            for at, fields in enumerate(value["cases"]):
                cases += _case(fields, f"{path}cases[{at}]", plan, faults)
    if not cases and not faults:
        faults.append(Fault(name, "no case", "at least one"))
    if faults:
        raise InvalidManifest(faults)
    return cases


def _case(fields: Any, place: str, plan: Plan, faults: list[Fault]) -> Iterable[Case]:  # whatever YAML holds
    before = len(faults)
    if found := check(_CASE, fields, place):
        faults += found
        return []
    broker = _broker(fields.get("broker"), f"{place}.broker", plan, faults)
    expected = frozenset(named(one) for one in fields["expect"])
    there = {name for name, one in plan.triggers.items() if broker is None or one.broker == broker}
    for name in sorted(expected - there):
        on = f" of Broker {broker}" if broker else ""
        listed = ", ".join(map(str, sorted(there))) or "none"
        faults.append(Fault(f"{place}.expect", f"{name}", f"a Trigger{on} in the manifests ({listed})"))
    event = _event(fields["event"], f"{place}.event", faults)
    if event is None or broker is None or len(faults) > before:
        return []
    return [Case(fields.get("name") or place, place, event, broker, expected)]


def named(text: str) -> NamespacedName:
    """`name` in the namespace `default`, or `namespace/name`."""
    namespace, slash, name = text.partition("/")
    return NamespacedName(namespace, name) if slash else NamespacedName(NAMESPACE, text)


def _broker(given: str | None, path: str, plan: Plan, faults: list[Fault]) -> NamespacedName | None:
    listed = ", ".join(map(str, sorted(plan.brokers))) or "none"
    if given is not None and named(given) in plan.brokers:
        return named(given)
    if given is None and len(plan.brokers) == 1:
        return next(iter(plan.brokers))
    faults.append(Fault(path, shown(given) if given is not None else "nothing", f"one of the Brokers ({listed})"))
    return None


def _event(fields: Mapping[str, Any], path: str, faults: list[Fault]) -> Event | None:  # as above
    whole = {"specversion": SPEC_VERSION, "id": "1", **fields}
    try:
        return json_format.read(json.dumps(whole, ensure_ascii=False, default=str).encode())
    except InvalidEvent as invalid:
        faults += [Fault(f"{path}.{one.path}", one.found, one.expected, one.rule) for one in invalid.faults]
        return None


def wrong(case: Case, plan: Plan, *, max_data_bytes: int) -> list[Wrong]:
    """The Triggers of the case's Broker that do other than it expects."""
    found, event = [], case.event
    activation = Activation(event.attributes, event.data, max_data_bytes=max_data_bytes)
    for name, trigger in sorted(plan.triggers.items()):
        if trigger.broker == case.broker:
            why = explain(trigger.filter, event.attributes, activation)
            if bool(why.verdict) is not (name in case.expected):
                found.append(Wrong(name, bool(why.verdict), why))
    return found
