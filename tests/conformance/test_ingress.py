"""Every row of the tables, posted by a raw socket to a running ingress, over both ways."""

import json

import pytest

from tests.conformance import (
    batches,
    characters,
    core_attributes,
    header_values,
    json_data,
    json_text,
    json_values,
    modes,
    names,
    requests,
    times,
)
from tests.conformance.cases import OURS, Case, Expected
from tests.conformance.posting import in_order, posted
from tests.shell.ingress_running import Answer, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = {
    "batches": batches.CASES,
    "characters": characters.CASES,
    "core_attributes": core_attributes.CASES,
    "header_values": header_values.CASES,
    "json_data": json_data.CASES,
    "json_text": json_text.CASES,
    "json_values": json_values.CASES,
    "modes": modes.CASES,
    "names": names.CASES,
    "requests": requests.CASES,
    "times": times.CASES,
}
ROWS = [
    pytest.param(case, id=f"{table}-{place}") for table, cases in TABLES.items() for place, case in enumerate(cases)
]


@pytest.mark.parametrize("case", ROWS)
async def test_row(case: Case, ingress: Running) -> None:
    answer, stored = await posted(ingress, case.request.octets())
    assert answer.status == case.expected.status, f"{case}: {answer.body!r}"
    assert stored == in_order(case.expected.events), case
    assert case.expected.headers.items() <= answer.headers.items(), case
    if answer.status < 400:
        assert answer.body == b"", case
    else:
        check_problem(case, answer, case.expected)


def check_problem(case: Case, answer: Answer, expected: Expected) -> None:
    """The answer is a problem document, with these faults and no other, each with all that a sender needs."""
    assert answer.headers["content-type"] == "application/problem+json", case
    document = json.loads(answer.body)
    assert (document["type"], document["title"]) == ("about:blank", answer.reason), case
    assert document["status"] == answer.status and document["detail"], case
    faults = document.get("faults", [])
    assert sorted(fault["path"] for fault in faults) == sorted(expected.faults), f"{case}: {faults}"
    for fault in faults:
        assert fault["found"] and fault["expected"], f"{case}: {fault}"
        assert fault.get("rule") or case.rule.startswith(OURS), f"{case}: {fault}"
