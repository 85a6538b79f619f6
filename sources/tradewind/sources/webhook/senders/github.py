"""GitHub, by the CloudEvents adapter document (cloudevents/adapters/github.md): one row for each of its sections.

Events that it does not name follow the pattern of those it does: `com.github.<event>[.<action>]`, the repository's URL,
the id of the thing that is named as the event is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tradewind.sources.webhook.reading import text, time
from tradewind.sources.webhook.request import Request

EVENT = "x-github-event"
DELIVERY = "x-github-delivery"

_REPOSITORY = ("repository.url",)
_OWNER = ("repository.owner.url",)
_ORGANIZATION = ("organization.url",)
_ACCOUNT = ("installation.account.url",)
_ANY = ("repository.url", "organization.url", "installation.account.url", "sender.url")


class Row(NamedTuple):
    """A section of the document; paths are those of the payload, the first that holds something counts."""

    suffix: tuple[str, ...] = ("action",)
    """What follows the event's name in the type."""
    source: tuple[str, ...] = _REPOSITORY
    subject: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    """Without it, the time of receipt."""
    name: str = ""
    """In the type, where it is not the event's own."""


ROWS: Mapping[str, Row] = {
    "check_run": Row(subject=("check_run.id",), time=("check_run.completed_at", "check_run.started_at")),
    "check_suite": Row(subject=("check_suite.id",), time=("check_suite.updated_at",)),
    "commit_comment": Row(subject=("comment.id",), time=("comment.updated_at",)),
    "content_reference": Row(subject=("content_reference.id",)),
    "create": Row(("ref_type",), subject=("ref",)),
    "delete": Row(("ref_type",), subject=("ref",)),
    "deploy_key": Row(subject=("key.id",), time=("key.deleted_at", "key.created_at")),
    "deployment": Row((), subject=("deployment.id",), time=("deployment.updated_at",)),
    "deployment_status": Row(
        ("deployment_status.state",),
        ("deployment.url",),
        ("deployment_status.url",),
        ("deployment_status.updated_at",),
    ),
    "fork": Row((), subject=("forkee.url",), time=("forkee.created_at",)),
    "github_app_authorization": Row((), ("sender.url",)),
    "gollum": Row(()),
    "installation": Row(source=_ACCOUNT, subject=("installation.id",), time=("installation.updated_at",)),
    "installation_repositories": Row(
        source=_ACCOUNT,
        subject=("installation.id",),
        time=("installation.updated_at",),
        name="installation_repository",
    ),
    "issue_comment": Row(source=("issue.url",), subject=("comment.id",), time=("comment.updated_at",)),
    "issues": Row(subject=("issue.number",), time=("issue.updated_at",), name="issue"),
    "label": Row(subject=("label.name",)),
    "marketplace_purchase": Row(
        source=("sender.url",), subject=("marketplace_purchase.account.login",), time=("effective_date",)
    ),
    "member": Row(subject=("member.login",)),
    "membership": Row(("scope", "action"), ("team.url",), ("member.login",)),
    "meta": Row(subject=("hook_id",), time=("hook.updated_at",)),
    "milestone": Row(subject=("milestone.number",), time=("milestone.updated_at",)),
    "organization": Row(source=_ORGANIZATION, subject=("membership.user.login",)),
    "org_block": Row(source=_ORGANIZATION, subject=("blocked_user.login",)),
    "page_build": Row((), subject=("build.url",), time=("pusher.updated_at",)),
    "project_card": Row(subject=("project_card.id",), time=("project_card.updated_at",)),
    "project_column": Row(subject=("project_column.id",), time=("project_column.updated_at",)),
    "project": Row(subject=("project.id",), time=("project.updated_at",)),
    "public": Row((), _OWNER, ("repository.name",), ("repository.updated_at",)),
    "pull_request": Row(subject=("number",), time=("pull_request.updated_at",)),
    "pull_request_review": Row(source=("pull_request.url",), subject=("review.id",), time=("review.submitted_at",)),
    "pull_request_review_comment": Row(
        source=("pull_request.url",), subject=("comment.id",), time=("pull_request.updated_at",)
    ),
    "push": Row((), subject=("ref",)),
    "registry_package": Row(subject=("registry_package.html_url",), time=("registry_package.updated_at",)),
    "release": Row(subject=("release.id",)),
    "repository": Row(source=_OWNER, subject=("repository.name",), time=("repository.updated_at",)),
    "repository_import": Row((), _OWNER, ("repository.name",), ("repository.updated_at",)),
    "repository_vulnerability_alert": Row(subject=("alert.id",)),
    "security_advisory": Row(source=(), subject=("security_advisory.ghsa_id",), time=("security_advisory.updated_at",)),
    "star": Row(time=("starred_at",)),
    "status": Row(("state",), subject=("sha",), time=("updated_at",)),
    "team": Row(subject=("team.id",), time=("updated_at",)),
    "team_add": Row((), subject=("team.id",)),
    "watch": Row(),
}


def attributes(request: Request, payload: object) -> dict[str, str]:
    """What GitHub says of its event; empty where it does not say."""
    event = request.identity(EVENT)
    row = ROWS.get(event) or Row(source=_ANY, subject=(f"{event}.id",), time=(f"{event}.updated_at",))
    said = [part for path in row.suffix if (part := text(payload, path))]
    return {
        "id": request.identity(DELIVERY),
        "type": ".".join(["com.github", row.name or event, *said]) if event else "",
        "source": _source(event, row, payload),
        "subject": text(payload, *row.subject),
        "time": time(payload, *_times(event, row, payload)),
    }


def wanted(request: Request) -> str:
    """Its name among `eventTypes`."""
    return request.identity(EVENT)


def _source(event: str, row: Row, payload: object) -> str:
    match event:
        case "security_advisory":
            return "github.com"
        case "commit_comment":  # the comment's URL and its commit
            url, commit = text(payload, "comment.url"), text(payload, "comment.commit_id")
            return f"{url}/{commit}" if url and commit else text(payload, *_ANY)
        case "marketplace_purchase":
            return text(payload, *row.source).rpartition("/")[0]
        case _:
            return text(payload, *row.source, *_ANY)


def _times(event: str, row: Row, payload: object) -> tuple[str, ...]:
    """A release has a time for each of its actions, or for some: `release.published_at`."""
    if event != "release":
        return row.time
    return (f"release.{text(payload, 'action')}_at", "release.published_at", "release.created_at")
