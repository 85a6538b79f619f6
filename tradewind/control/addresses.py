"""Where a Destination leads on a cluster, by what the API server holds (knative-eventing §1.2).

    uri                      itself
    ref to a core Service    http://<name>.<namespace>.svc.<cluster domain>, where there is such a Service
    ref to any other kind    status.address.url of the object, else the first URL of status.addresses
    ref and uri              the URI as it is read from the address of the ref

As in Knative, a Service is asked at the default port of http: which ports it has decides nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from tradewind.api_server import Object
from tradewind.events.attributes import shown
from tradewind.resources import joining
from tradewind.resources.model import Destination, KReference
from tradewind.resources.untyped import fields


class Why(StrEnum):
    """Why an object that is referred to is not known: the reason of a condition."""

    PENDING = "NotLookedUp"
    """It is being looked up, which is told of when it has ended."""
    UNREACHABLE = "ApiServerUnavailable"
    """The API server did not say."""
    DENIED = "Forbidden"
    """The controller may not read objects of this kind."""
    NO_KIND = "KindUnknown"
    """The API server serves no such kind."""
    NOT_FOUND = "NotFound"
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Lack:
    """An object that is not known, and what is said about that besides."""

    why: Why
    detail: str = ""
    """The resource that may not be read, or what the API server said."""


Find = Callable[[KReference], Object | Lack]
"""Finds the object that a reference names; does not wait."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Destination leads: `url`, or None with a reason and a message that say what to do."""

    url: str | None
    reason: str = ""
    message: str = ""
    settled: bool = True
    """Whether the lack of a URL is the object's own: False where nobody could look, and an older answer still counts.
    """

    @property
    def pending(self) -> bool:
        """Whether it is known in a moment."""
        return self.reason == Why.PENDING


NO_ADDRESS = "AddressNotSet"
"""Reason: the object is there and has no address."""
NOT_A_URL = "InvalidAddress"
"""Reason: what is there is no URL that can be POSTed to."""


def address(destination: Destination, find: Find, *, cluster_domain: str) -> Address:
    """Where it leads now."""
    ref, uri = destination.ref, destination.uri or ""
    if ref is None:
        return _usable(uri, "the uri")
    found = find(ref)
    if isinstance(found, Lack):
        return _lacking(ref, found)
    if _is_service(ref):
        base = f"http://{ref.name}.{ref.namespace}.svc.{cluster_domain}"
    elif not (base := _addressable(found)):
        return Address(None, NO_ADDRESS, f"{_name(ref)} has no status.address.url yet{_not_ready(found)}")
    return _usable(joining.joined(base, uri), f"the address of {_name(ref)}{' with the uri' if uri else ''}")


def references(destinations: Iterable[Destination]) -> frozenset[KReference]:
    """The objects that decide where these lead."""
    return frozenset(one.ref for one in destinations if one.ref is not None)


def _is_service(ref: KReference) -> bool:
    return (ref.api_version, ref.kind) == ("v1", "Service")


def _addressable(found: Object) -> str:
    """The URL of an Addressable; empty where it has none."""
    status = fields(found, "status")
    several = status.get("addresses")
    for one in (status.get("address"), *(several if isinstance(several, list) else ())):
        if isinstance(one, dict) and isinstance(one.get("url"), str) and one["url"]:
            return str(one["url"])
    return ""


def _not_ready(found: Object) -> str:
    """What its own status says about that, if anything."""
    conditions = fields(found, "status").get("conditions")
    for one in conditions if isinstance(conditions, list) else ():
        if isinstance(one, dict) and one.get("type") == "Ready" and one.get("status") != "True":
            said = one.get("message") or one.get("reason")
            return f"; it is not ready: {said}" if said else "; it is not ready"
    return ""


def _usable(url: str, what: str) -> Address:
    if joining.is_usable(url):
        return Address(url)
    return Address(None, NOT_A_URL, f"{what} is {shown(url)}, expected an absolute http:// or https:// URL")


def _lacking(ref: KReference, lack: Lack) -> Address:
    match lack.why:
        case Why.NOT_FOUND:
            said = f"{_name(ref)} does not exist: create it, or correct the reference"
        case Why.NO_KIND:
            said = (
                f"the API server serves no {ref.kind} of {ref.api_version}: install what defines it, or correct "
                "apiVersion and kind of the reference"
            )
        case Why.DENIED:
            said = (
                f"the controller may not read {lack.detail}: grant it get, list and watch by a ClusterRole with the "
                'label duck.knative.dev/addressable: "true"'
            )
        case Why.UNREACHABLE:
            said = f"{_name(ref)} could not be looked up: {lack.detail}"
        case _:  # pending
            said = f"{_name(ref)} is being looked up"
    return Address(None, lack.why, said, settled=lack.why in (Why.NOT_FOUND, Why.NO_KIND))


def _name(ref: KReference) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}"
