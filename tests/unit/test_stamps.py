"""Stamps: an address counts for the very object and the very Destination it was resolved for."""

import pytest

from tradewind.resources.model import Destination, KReference
from tradewind.resources.stamps import Stamp, addressed, decode, digest, encode, may_serve

SERVICE = Destination(KReference("v1", "Service", "display", "default"))
OTHER = Destination(KReference("v1", "Service", "other", "default"))
WITH_PATH = Destination(SERVICE.ref, "/path")
STAMP = Stamp("one", 3, {digest(SERVICE): "http://display.default.svc"})


def test_a_stamp_survives_its_annotation() -> None:
    assert decode(encode(STAMP)) == STAMP


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        "[]",
        "{}",
        '{"uid":1,"generation":1,"addresses":{}}',
        '{"uid":"u","generation":"1","addresses":{}}',
        '{"uid":"u","generation":1,"addresses":[]}',
        '{"uid":"u","generation":1,"addresses":{"a":1}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_stamp_is_none(text: str | None) -> None:
    assert decode(text) is None


def test_an_address_counts_for_its_object_and_its_destination() -> None:
    assert addressed(SERVICE, STAMP, "one") == Destination(uri="http://display.default.svc")
    for destination in (OTHER, WITH_PATH):
        assert addressed(destination, STAMP, "one") is destination
    assert addressed(SERVICE, STAMP, "made again") is SERVICE
    assert addressed(SERVICE, None, "one") is SERVICE
    plain = Destination(uri="http://elsewhere")
    assert addressed(plain, STAMP, "one") is plain


@pytest.mark.parametrize(("taken", "may"), [("", True), ("here", True), ("elsewhere", False)])
def test_what_another_installation_took_is_its_own(taken: str, may: bool) -> None:
    assert may_serve(taken, "here") is may
