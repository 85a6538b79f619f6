"""GitLab, by the CloudEvents adapter document (adapters/gitlab.md of the specification's 1.0): a row for each section.

It asks for a random id; where GitLab sends an `Idempotency-Key`, which a repetition shares, or the UUID of the event,
that is the id.  A job's payload has `build_` where the document has `job_`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tradewind.sources.webhook.reading import text, time
from tradewind.sources.webhook.request import Request

EVENT = "x-gitlab-event"

_HOME = ("repository.homepage", "project.homepage", "project.web_url")
_PROJECT = ("project.web_url", "project.homepage", "repository.homepage")
_OBJECT = "object_attributes"


class Row(NamedTuple):
    """A section of the document; paths are those of the payload, the first that holds something counts."""

    suffix: tuple[str, ...] = ()
    source: tuple[str, ...] = _HOME
    subject: tuple[str, ...] = (f"{_OBJECT}.id",)
    time: tuple[str, ...] = ()
    name: str = ""
    """In the type, where it is not the event's own."""


_NOTE = Row(source=(f"{_OBJECT}.url",), time=(f"{_OBJECT}.created_at",))

ROWS: Mapping[str, Row] = {
    "push": Row(subject=("checkout_sha",)),
    "tag_push": Row(subject=("ref",)),
    "issue": Row((f"{_OBJECT}.state",), subject=(f"{_OBJECT}.iid",)),
    "note.commit": _NOTE._replace(source=("commit.url",)),
    "note.merge_request": _NOTE,
    "note.issue": _NOTE,
    "note.snippet": _NOTE,
    "merge_request": Row((f"{_OBJECT}.action",), subject=(f"{_OBJECT}.iid",), time=(f"{_OBJECT}.created_at",)),
    "wiki_page": Row((f"{_OBJECT}.action",), _PROJECT, (f"{_OBJECT}.slug",)),
    "pipeline": Row((f"{_OBJECT}.status",), _PROJECT),
    "build": Row(("job_status", "build_status"), subject=("job_id", "build_id"), name="job"),
}

_NOTEABLE = {"Commit": "commit", "MergeRequest": "merge_request", "Issue": "issue", "Snippet": "snippet"}

HOOKS = {
    "Push Hook": "push_events",
    "Tag Push Hook": "tag_push_events",
    "Issue Hook": "issues_events",
    "Confidential Issue Hook": "confidential_issues_events",
    "Note Hook": "note_events",
    "Confidential Note Hook": "confidential_note_events",
    "Merge Request Hook": "merge_requests_events",
    "Job Hook": "job_events",
    "Pipeline Hook": "pipeline_events",
    "Wiki Page Hook": "wiki_page_events",
    "Deployment Hook": "deployment_events",
    "Release Hook": "releases_events",
}
"""`X-Gitlab-Event`, and its name among `eventTypes`."""


def attributes(request: Request, payload: object) -> dict[str, str]:
    """What GitLab says of its event; empty where it does not say."""
    kind = text(payload, "object_kind", "event_name")
    if kind == "note":
        kind = f"note.{_NOTEABLE.get(text(payload, f'{_OBJECT}.noteable_type'), 'other')}"
    row = ROWS.get(kind) or Row((f"{_OBJECT}.action", "action"), _PROJECT)
    said = text(payload, *row.suffix)
    source = text(payload, *row.source)
    return {
        "id": request.identity("idempotency-key") or request.identity("x-gitlab-event-uuid"),
        "type": ".".join(["com.gitlab", row.name or kind, *([said] if said else [])]) if kind else "",
        "source": source.partition("#note_")[0] if kind.startswith("note.") else source,
        "subject": text(payload, *row.subject),
        "time": time(payload, *row.time),
    }


def wanted(request: Request) -> str:
    """Its name among `eventTypes`; of what has none, GitLab's own."""
    event = request.identity(EVENT)
    return HOOKS.get(event, event)
