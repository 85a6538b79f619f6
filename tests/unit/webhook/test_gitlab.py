"""GitLab's events, row by row of the CloudEvents adapter document (adapters/gitlab.md)."""

from typing import Any, NamedTuple

import pytest

from tests.unit.webhook.requests import CHANCE, STAMP, URI, event, outcome, request, signed, unsigned
from tradewind.resources.webhooks import Preset
from tradewind.sources.webhook.outcomes import Accepted, Refused, Told
from tradewind.sources.webhook.senders.gitlab import ROWS

HOME, WEB = "http://example.com/mike/diaspora", "http://example.com/gitlabhq/gitlab-test"
NOTE = {"id": 1243, "url": f"{WEB}/issues/17#note_1243", "created_at": "2015-05-17 18:08:09 UTC"}


class Case(NamedTuple):
    payload: dict[str, Any]
    type: str
    source: str
    subject: str
    time: str


CASES = [
    Case({"object_kind": "push", "checkout_sha": "da1560886d4f"}, "push", HOME, "da1560886d4f", STAMP),
    Case({"object_kind": "tag_push", "ref": "refs/tags/v1.0.0"}, "tag_push", HOME, "refs/tags/v1.0.0", STAMP),
    Case({"object_kind": "issue", "object_attributes": {"iid": 23, "state": "opened"}},
         "issue.opened", HOME, "23", STAMP),
    Case({"object_kind": "note", "object_attributes": {**NOTE, "noteable_type": "Commit"},
         "commit": {"url": f"{WEB}/commit/cfe32cf6"}}, "note.commit", f"{WEB}/commit/cfe32cf6", "1243",
         "2015-05-17T18:08:09Z"),
    Case({"object_kind": "note", "object_attributes": {**NOTE, "noteable_type": "MergeRequest"}},
         "note.merge_request", f"{WEB}/issues/17", "1243", "2015-05-17T18:08:09Z"),
    Case({"object_kind": "note", "object_attributes": {**NOTE, "noteable_type": "Issue"}},
         "note.issue", f"{WEB}/issues/17", "1243", "2015-05-17T18:08:09Z"),
    Case({"object_kind": "note", "object_attributes": {**NOTE, "noteable_type": "Snippet"}},
         "note.snippet", f"{WEB}/issues/17", "1243", "2015-05-17T18:08:09Z"),
    Case({"object_kind": "merge_request", "object_attributes": {"iid": 1, "action": "open",
         "created_at": "2013-12-03T17:23:34Z"}}, "merge_request.open", HOME, "1", "2013-12-03T17:23:34Z"),
    Case({"object_kind": "wiki_page", "object_attributes": {"slug": "awesome", "action": "create"}},
         "wiki_page.create", WEB, "awesome", STAMP),
    Case({"object_kind": "pipeline", "object_attributes": {"id": 31, "status": "success"}},
         "pipeline.success", WEB, "31", STAMP),
    Case({"object_kind": "build", "build_id": 1977, "build_status": "created"}, "job.created", HOME, "1977", STAMP),
    # what the document does not name follows the pattern of what it does
    Case({"object_kind": "release", "action": "create", "object_attributes": {"id": 1}},
         "release.create", WEB, "1", STAMP),
    Case({"event_name": "project_create", "object_attributes": {"id": 1}}, "project_create", WEB, "1", STAMP),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_a_row_of_the_document(case: Case) -> None:
    made = request({"repository": {"homepage": HOME}, "project": {"web_url": WEB}, **case.payload})
    assert event(made, unsigned(Preset.GITLAB)).attributes == {
        "specversion": "1.0",
        "id": CHANCE,
        "type": f"com.gitlab.{case.type}",
        "source": case.source,
        "subject": case.subject,
        "time": case.time,
        "datacontenttype": "application/json",
    }


def test_every_row_is_tried() -> None:
    assert {case.type for case in CASES} >= {name for name in ROWS if name.startswith("note.")}
    assert {case.payload.get("object_kind") for case in CASES} >= {name for name in ROWS if "." not in name}


def test_a_repetition_has_the_id_of_the_first() -> None:
    body, webhook = {"object_kind": "push"}, unsigned(Preset.GITLAB)
    assert event(request(body, idempotency_key="k", x_gitlab_event_uuid="u"), webhook).id == "k"
    assert event(request(body, x_gitlab_event_uuid="u"), webhook).id == "u"


def test_without_a_repository_it_is_of_the_source() -> None:
    assert event(request({"object_kind": "push"}), unsigned(Preset.GITLAB)).source == URI


def test_a_note_on_what_the_document_does_not_name_is_another() -> None:
    made = event(
        request({"object_kind": "note", "object_attributes": {"noteable_type": "Epic"}}), unsigned(Preset.GITLAB)
    )
    assert made.type == "com.gitlab.note.other"


def test_the_secret_word_lets_in() -> None:
    webhook = signed(Preset.GITLAB)
    assert isinstance(outcome(request({"object_kind": "push"}, x_gitlab_token="s"), webhook, b"s"), Accepted)
    for wrong in ("S", "", b"\xff", "s, s"):
        assert isinstance(outcome(request({"object_kind": "push"}, x_gitlab_token=wrong), webhook, b"s"), Refused)
    assert isinstance(outcome(request({"object_kind": "push"}), webhook, b"s"), Refused)


def test_only_the_event_types_that_are_asked_for_become_events() -> None:
    webhook = unsigned(Preset.GITLAB, event_types=("push_events", "Emoji Hook"))
    payload = {"object_kind": "push"}
    assert isinstance(outcome(request(payload, x_gitlab_event="Push Hook"), webhook), Accepted)
    assert isinstance(outcome(request(payload, x_gitlab_event="Emoji Hook"), webhook), Accepted)
    assert isinstance(outcome(request(payload, x_gitlab_event="Issue Hook"), webhook), Told)
