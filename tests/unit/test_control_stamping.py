"""What is stamped of an object's Destinations, and what its status says of them."""

import pytest

from tests import api_objects
from tests.api_objects import DISPLAY, Object
from tradewind.control import stamping
from tradewind.control.addresses import Address
from tradewind.control.conditions import Condition, Status
from tradewind.resources import stamps
from tradewind.resources.model import Destination
from tradewind.resources.stamps import Stamp

OLD, NEW = "http://old", "http://new"
KEY = stamps.digest(DISPLAY)
GONE = Address(None, "NotFound", "it does not exist")
UNSEEN = Address(None, "Forbidden", "it may not be read", settled=False)
PLAIN = Destination(uri="http://plain")


@pytest.mark.parametrize(
    ("before", "found", "addresses"),
    [
        (api_objects.trigger(), Address(NEW), {KEY: NEW}),
        (api_objects.trigger(), GONE, {}),
        (api_objects.trigger(), UNSEEN, {}),
        (api_objects.stamped(api_objects.trigger(), {DISPLAY: OLD}), Address(NEW), {KEY: NEW}),
        (api_objects.stamped(api_objects.trigger(), {DISPLAY: OLD}), GONE, {}),
        (api_objects.stamped(api_objects.trigger(), {DISPLAY: OLD}), UNSEEN, {KEY: OLD}),
        (api_objects.stamped(api_objects.trigger(), {PLAIN: OLD}), UNSEEN, {}),
        (api_objects.stamped(api_objects.trigger(), {DISPLAY: OLD}, uid="before"), UNSEEN, {}),
    ],
)
def test_the_stamp(before: Object, found: Address, addresses: dict[str, str]) -> None:
    assert stamping.stamp(before, {DISPLAY: found, PLAIN: Address("http://plain")}) == Stamp("t", 1, addresses)


@pytest.mark.parametrize("status", [None, "text", {}, {"annotations": None}, {"annotations": {"a": 1}}])
def test_an_annotation_that_is_not_there(status: object) -> None:
    assert stamping.annotation({"status": status}, "a") is None


def test_an_annotation_that_is_there() -> None:
    assert stamping.annotation({"status": {"annotations": {"a": "b"}}}, "a") == "b"


def test_a_plain_uri_is_its_own_url() -> None:
    stamp = Stamp("t", 1, {KEY: OLD})
    assert stamping.url(PLAIN, Address("http://plain"), stamp) == "http://plain"
    assert stamping.url(DISPLAY, UNSEEN, stamp) == OLD
    assert stamping.url(DISPLAY, GONE, Stamp("t", 1)) is None


@pytest.mark.parametrize(
    ("address", "url", "condition"),
    [
        (Address(NEW), NEW, Condition("T", Status.TRUE)),
        (GONE, None, Condition("T", Status.FALSE, "NotFound", "it does not exist")),
        (UNSEEN, None, Condition("T", Status.UNKNOWN, "Forbidden", "it may not be read")),
        (
            UNSEEN,
            OLD,
            Condition("T", Status.TRUE, "Forbidden", "it may not be read.  The address found before stays in use"),
        ),
    ],
)
def test_the_condition(address: Address, url: str | None, condition: Condition) -> None:
    assert stamping.condition("T", address, url) == condition
