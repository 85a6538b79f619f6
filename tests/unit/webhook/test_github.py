"""GitHub's events, row by row of the CloudEvents adapter document (cloudevents/adapters/github.md).

What the table expects is written from the document, not from our table; `STAMP` stands for "Current time".
"""

import hmac
from typing import Any, NamedTuple

import pytest

from tests.unit.webhook.requests import SECRET, STAMP, event, outcome, request, signed, unsigned
from tradewind.resources.webhooks import Preset
from tradewind.sources.webhook.outcomes import Accepted, Kept, Refused, Told
from tradewind.sources.webhook.senders.github import ROWS

REPO = "https://api.github.com/repos/o/r"
OWNER = "https://api.github.com/users/o"
USER = "https://api.github.com/users/u"
THEN, LATER = "2019-05-15T15:20:33Z", "2019-05-15T15:21:00Z"
REPOSITORY = {"url": REPO, "name": "r", "updated_at": THEN, "owner": {"url": OWNER}}


class Case(NamedTuple):
    event: str
    payload: dict[str, Any]
    type: str
    source: str
    subject: str | None
    time: str


CASES = [
    Case("check_run", {"action": "created", "check_run": {"id": 128620228, "completed_at": None, "started_at": THEN}},
         "check_run.created", REPO, "128620228", THEN),
    Case("check_run", {"action": "completed", "check_run": {"id": 1, "completed_at": LATER, "started_at": THEN}},
         "check_run.completed", REPO, "1", LATER),
    Case("check_suite", {"action": "completed", "check_suite": {"id": 118578147, "updated_at": THEN}},
         "check_suite.completed", REPO, "118578147", THEN),
    Case("commit_comment", {"action": "created", "comment": {"id": 3, "url": f"{REPO}/comments/3", "commit_id": "6113",
         "updated_at": THEN}}, "commit_comment.created", f"{REPO}/comments/3/6113", "3", THEN),
    Case("content_reference", {"action": "created", "content_reference": {"id": 17}},
         "content_reference.created", REPO, "17", STAMP),
    Case("create", {"ref": "simple-tag", "ref_type": "tag"}, "create.tag", REPO, "simple-tag", STAMP),
    Case("delete", {"ref": "simple-tag", "ref_type": "tag"}, "delete.tag", REPO, "simple-tag", STAMP),
    Case("deploy_key", {"action": "created", "key": {"id": 100, "created_at": THEN}},
         "deploy_key.created", REPO, "100", THEN),
    Case("deploy_key", {"action": "deleted", "key": {"id": 100, "created_at": THEN, "deleted_at": LATER}},
         "deploy_key.deleted", REPO, "100", LATER),
    Case("deployment", {"action": "created", "deployment": {"id": 145988746, "updated_at": THEN}},
         "deployment", REPO, "145988746", THEN),
    Case("deployment_status", {"action": "created", "deployment": {"url": f"{REPO}/deployments/1"},
         "deployment_status": {"state": "success", "url": f"{REPO}/deployments/1/statuses/2", "updated_at": THEN}},
         "deployment_status.success", f"{REPO}/deployments/1", f"{REPO}/deployments/1/statuses/2", THEN),
    Case("fork", {"forkee": {"url": "https://api.github.com/repos/f/r", "created_at": THEN}},
         "fork", REPO, "https://api.github.com/repos/f/r", THEN),
    Case("github_app_authorization", {"action": "revoked"}, "github_app_authorization", USER, None, STAMP),
    Case("gollum", {"pages": []}, "gollum", REPO, None, STAMP),
    Case("installation", {"action": "deleted", "installation": {"id": 2, "account": {"url": OWNER},
         "updated_at": 1557933591}}, "installation.deleted", OWNER, "2", "2019-05-15T15:19:51Z"),
    Case("installation_repositories", {"action": "added", "installation": {"id": 957387, "account": {"url": OWNER},
         "updated_at": 1557933591}}, "installation_repository.added", OWNER, "957387", "2019-05-15T15:19:51Z"),
    Case("issue_comment", {"action": "created", "issue": {"url": f"{REPO}/issues/1"}, "comment": {"id": 492700400,
         "updated_at": THEN}}, "issue_comment.created", f"{REPO}/issues/1", "492700400", THEN),
    Case("issues", {"action": "edited", "issue": {"number": 1, "updated_at": THEN}}, "issue.edited", REPO, "1", THEN),
    Case("label", {"action": "deleted", "label": {"name": ":bug: Bugfix"}},
         "label.deleted", REPO, ":bug: Bugfix", STAMP),
    Case("marketplace_purchase", {"action": "purchased", "effective_date": "2017-10-25T00:00:00+00:00",
         "marketplace_purchase": {"account": {"login": "a"}}}, "marketplace_purchase.purchased",
         "https://api.github.com/users", "a", "2017-10-25T00:00:00+00:00"),
    Case("member", {"action": "added", "member": {"login": "m"}}, "member.added", REPO, "m", STAMP),
    Case("membership", {"action": "removed", "scope": "team", "member": {"login": "m"}, "team": {"url": f"{OWNER}/t"}},
         "membership.team.removed", f"{OWNER}/t", "m", STAMP),
    Case("meta", {"action": "deleted", "hook_id": 109948940, "hook": {"updated_at": THEN}},
         "meta.deleted", REPO, "109948940", THEN),
    Case("milestone", {"action": "created", "milestone": {"number": 1, "updated_at": THEN}},
         "milestone.created", REPO, "1", THEN),
    Case("organization", {"action": "member_added", "organization": {"url": OWNER},
         "membership": {"user": {"login": "m"}}}, "organization.member_added", OWNER, "m", STAMP),
    Case("org_block", {"action": "blocked", "organization": {"url": OWNER}, "blocked_user": {"login": "b"}},
         "org_block.blocked", OWNER, "b", STAMP),
    Case("page_build", {"build": {"url": f"{REPO}/pages/builds/1"}, "pusher": {"updated_at": THEN}},
         "page_build", REPO, f"{REPO}/pages/builds/1", THEN),
    Case("project_card", {"action": "created", "project_card": {"id": 21567303, "updated_at": THEN}},
         "project_card.created", REPO, "21567303", THEN),
    Case("project_column", {"action": "created", "project_column": {"id": 5368157, "updated_at": THEN}},
         "project_column.created", REPO, "5368157", THEN),
    Case("project", {"action": "created", "project": {"id": 2640902, "updated_at": THEN}},
         "project.created", REPO, "2640902", THEN),
    Case("public", {}, "public", OWNER, "r", THEN),
    Case("pull_request", {"action": "opened", "number": 2, "pull_request": {"updated_at": THEN}},
         "pull_request.opened", REPO, "2", THEN),
    Case("pull_request_review", {"action": "submitted", "review": {"id": 237895671, "submitted_at": THEN},
         "pull_request": {"url": f"{REPO}/pulls/2"}}, "pull_request_review.submitted", f"{REPO}/pulls/2", "237895671",
         THEN),
    Case("pull_request_review_comment", {"action": "created", "comment": {"id": 284312630},
         "pull_request": {"url": f"{REPO}/pulls/2", "updated_at": THEN}}, "pull_request_review_comment.created",
         f"{REPO}/pulls/2", "284312630", THEN),
    Case("push", {"ref": "refs/tags/simple-tag", "commits": []}, "push", REPO, "refs/tags/simple-tag", STAMP),
    Case("registry_package", {"action": "published", "registry_package": {"html_url": "https://github.com/o/r/p/1",
         "updated_at": THEN}}, "registry_package.published", REPO, "https://github.com/o/r/p/1", THEN),
    Case("release", {"action": "published", "release": {"id": 17372790, "created_at": THEN, "published_at": LATER}},
         "release.published", REPO, "17372790", LATER),
    Case("release", {"action": "created", "release": {"id": 17372790, "created_at": THEN, "published_at": LATER}},
         "release.created", REPO, "17372790", THEN),
    Case("repository", {"action": "publicized"}, "repository.publicized", OWNER, "r", THEN),
    Case("repository_import", {"status": "success"}, "repository_import", OWNER, "r", THEN),
    Case("repository_vulnerability_alert", {"action": "create", "alert": {"id": 91095730}},
         "repository_vulnerability_alert.create", REPO, "91095730", STAMP),
    Case("security_advisory", {"action": "published", "security_advisory": {"ghsa_id": "GHSA-rf4j",
         "updated_at": THEN}}, "security_advisory.published", "github.com", "GHSA-rf4j", THEN),
    Case("star", {"action": "created", "starred_at": THEN}, "star.created", REPO, None, THEN),
    Case("star", {"action": "deleted", "starred_at": None}, "star.deleted", REPO, None, STAMP),
    Case("status", {"sha": "6113728f27ae", "state": "success", "updated_at": THEN},
         "status.success", REPO, "6113728f27ae", THEN),
    Case("team", {"action": "added_to_repository", "team": {"id": 3253328}, "updated_at": THEN},
         "team.added_to_repository", REPO, "3253328", THEN),
    Case("team_add", {"team": {"id": 3253328}}, "team_add", REPO, "3253328", STAMP),
    Case("watch", {"action": "started"}, "watch.started", REPO, None, STAMP),
    # what the document does not name follows the pattern of what it does
    Case("workflow_run", {"action": "completed", "workflow_run": {"id": 30433642, "updated_at": THEN}},
         "workflow_run.completed", REPO, "30433642", THEN),
    Case("ping", {"zen": "Design for failure.", "hook_id": 1}, "ping", REPO, None, STAMP),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_a_row_of_the_document(case: Case) -> None:
    payload = {"repository": REPOSITORY, "sender": {"url": USER}, **case.payload}
    made = request(payload, x_github_event=case.event, x_github_delivery="72d3162e", content_type="application/json")
    expected = {
        "specversion": "1.0",
        "id": "72d3162e",
        "type": f"com.github.{case.type}",
        "source": case.source,
        "time": case.time,
        "datacontenttype": "application/json",
    }
    found = event(made, unsigned(Preset.GITHUB))
    assert found.attributes == expected | ({} if case.subject is None else {"subject": case.subject})
    assert found.data == made.body


def test_every_row_is_tried() -> None:
    assert {case.event for case in CASES} >= ROWS.keys()


def test_a_comment_without_its_commit_is_of_the_repository() -> None:
    made = request({"comment": {"id": 1}, "repository": REPOSITORY}, x_github_event="commit_comment")
    assert event(made, unsigned(Preset.GITHUB)).source == REPO
    made = request({"comment": {"id": 1, "url": "u"}, "repository": REPOSITORY}, x_github_event="commit_comment")
    assert event(made, unsigned(Preset.GITHUB)).source == REPO


# GitHub's documentation, "Validating webhook deliveries"
BODY, SIGNATURE = b"Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_own_example_is_signed_right() -> None:
    found = outcome(request(BODY, x_hub_signature_256=SIGNATURE), signed(Preset.GITHUB))
    assert isinstance(found, Kept), "the signature is right, and the body no JSON"
    for wrong in (SIGNATURE[:-1] + "8", SIGNATURE.removeprefix("sha256="), "", b"sha256=\xff\xfe"):
        refused = outcome(request(BODY, x_hub_signature_256=wrong), signed(Preset.GITHUB))
        assert isinstance(refused, Refused), wrong
        assert refused.status == 401
    assert isinstance(outcome(request(BODY, x_hub_signature_256=SIGNATURE), signed(Preset.GITHUB), b"other"), Refused)


def test_a_form_holds_its_payload_in_a_field() -> None:
    body = b"payload=%7B%22repository%22%3A%7B%22url%22%3A%22https%3A%2F%2Fa%22%7D%7D"
    form = "application/x-www-form-urlencoded"
    made = event(request(body, content_type=form, x_github_event="push"), unsigned(Preset.GITHUB))
    assert (made.source, made.data, made.attributes["datacontenttype"]) == ("https://a", body, form)


def test_only_the_event_types_that_are_asked_for_become_events() -> None:
    webhook = unsigned(Preset.GITHUB, event_types=("push",))
    assert isinstance(outcome(request({}, x_github_event="push"), webhook), Accepted)
    told = outcome(request({}, x_github_event="fork"), webhook)
    assert isinstance(told, Told)
    assert told.status == 202


def test_a_delivery_without_its_name_is_kept() -> None:
    signature = "sha256=" + hmac.digest(SECRET, b"{}", "sha256").hex()
    kept = outcome(request(b"{}", x_hub_signature_256=signature), signed(Preset.GITHUB))
    assert isinstance(kept, Kept)
    assert "ce.type: found nothing" in kept.reason
    refused = outcome(request(b"{}"), unsigned(Preset.GITHUB))
    assert isinstance(refused, Refused), "from anybody it is refused"
    assert refused.status == 400
