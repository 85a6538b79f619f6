"""AdmissionReviews: what is read of one, and how it is answered."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reviewing
from tests.reviewing import answered, broker, review, trigger
from tradewind.control.webhook import reviews
from tradewind.control.webhook.reviews import SHOWN, WARNINGS, Objection, Request, Verdict
from tradewind.errors import Rejected


def read(value: Any) -> Request:
    return reviews.read(json.dumps(value).encode())


def refused(body: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        reviews.read(body)
    assert caught.value.status == 400
    return "\n".join([caught.value.why, *map(str, caught.value.faults)])


@pytest.mark.parametrize(
    "asked",
    [
        reviewing.request(broker()),
        reviewing.request(broker(), broker()),
        reviewing.request(None, trigger(), operation="DELETE"),
        reviewing.request(trigger(), trigger(), subresource="status"),
        reviewing.request(trigger(), name=""),
    ],
)
def test_a_request_is_read_as_it_was_asked(asked: Request) -> None:
    assert read(review(asked)) == asked


@pytest.mark.parametrize("kind", [{"group": "apps", "version": "v1", "kind": "Broker"}, {"kind": None}, {}])
def test_another_groups_kind_is_none_of_ours(kind: object) -> None:
    whole = review(reviewing.request(broker()))
    whole["request"]["kind"] = kind
    assert read(whole).kind == ""


def test_every_fault_of_what_is_no_review_is_told() -> None:
    told = refused(
        json.dumps(
            {"apiVersion": "admission.k8s.io/v1beta1", "kind": 3, "request": {"operation": "PATCH", "object": []}}
        ).encode()
    )
    assert told.splitlines()[1:] == [
        'AdmissionReview: apiVersion: found "admission.k8s.io/v1beta1", expected one of admission.k8s.io/v1',
        "AdmissionReview: kind: found 3 (a number), expected a string: put it in quotes",
        'AdmissionReview: request.operation: found "PATCH", expected one of CREATE, UPDATE, DELETE, CONNECT',
        "AdmissionReview: request.object: found an empty list, expected a mapping",
        "AdmissionReview: request.uid: found nothing, expected a string: it is required",
        "AdmissionReview: request.kind: found nothing, expected a mapping: it is required",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"\xff{}", "not UTF-8 (byte 0)"),
        (b"[]", "found an empty list"),
        (b"null", "found nothing"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "more than 100 levels"),
        (b'{"kind": "\\ud800"}', "half of a surrogate pair"),
        (b'{"kind": 1, "kind": 2}', "twice in one object"),
        (b'{"kind": NaN}', "no JSON"),
        (b'{"kind": 1e9' + b"9" * 5000 + b"}", "AdmissionReview"),
        (b"1" * 5000, "no JSON"),
    ],
)
def test_hostile_bodies_are_a_clear_400(body: bytes, said: str) -> None:
    assert said in refused(body)


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda one: json.dumps(one).encode())
)
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    refused(body)


def test_what_is_allowed_says_so_and_no_more() -> None:
    asked = reviewing.request(broker())
    assert answered(asked, Verdict()) == {"uid": "u", "allowed": True}
    assert Verdict().outcome == "allowed"


def test_a_patch_travels_in_base64() -> None:
    patch = ({"op": "add", "path": "/spec", "value": {"ü": 1}},)
    said = answered(reviewing.request(broker()), Verdict(patch=patch))
    assert said == {"uid": "u", "allowed": True, "patchType": "JSONPatch", "patch": list(patch)}
    assert Verdict(patch=patch).outcome == "patched"


def test_a_refusal_names_every_objection_in_the_message_and_as_a_cause() -> None:
    verdict = Verdict((Objection("spec.a", "found 1, expected 2"), Objection("spec.b", "found 3, expected 4")))
    said = answered(reviewing.request(trigger("t")), verdict)
    assert said == {
        "uid": "u",
        "allowed": False,
        "status": {
            "status": "Failure",
            "code": 422,
            "reason": "Invalid",
            "message": "spec.a: found 1, expected 2; spec.b: found 3, expected 4",
            "details": {
                "group": "eventing.knative.dev",
                "kind": "Trigger",
                "name": "t",
                "causes": [
                    {"reason": "FieldValueInvalid", "field": "spec.a", "message": "found 1, expected 2"},
                    {"reason": "FieldValueInvalid", "field": "spec.b", "message": "found 3, expected 4"},
                ],
            },
        },
    }
    assert verdict.outcome == "refused"


def test_thousands_of_objections_are_counted_rather_than_told() -> None:
    many = Verdict(tuple(Objection(f"spec.f{n}", "wrong") for n in range(SHOWN + 7)), warnings=("w",) * (WARNINGS + 1))
    said = answered(reviewing.request(trigger()), many)
    assert said["status"]["message"].endswith("and 7 more faults")
    assert len(said["status"]["details"]["causes"]) == SHOWN
    assert len(said["warnings"]) == WARNINGS
