"""Prometheus' Alertmanager: one event for each alert of a notification, its bytes as they came.

`io.prometheus.alert.firing` and `.resolved`.  The id is made of what identifies the alert and this state of it
(fingerprint, status, start, end where it has ended), so that a repeated notification brings the same one.
"""

import msgspec

from tradewind.sources.webhook.reading import text, time

MAX_ALERTS = 1000
"""Alerts of one notification, as events of a batch at the ingress."""


class _Notification(msgspec.Struct):
    alerts: list[msgspec.Raw] = []


class Alert(msgspec.Struct, frozen=True):
    """One alert."""

    attributes: dict[str, str]
    data: bytes


def alerts(body: bytes, payload: object) -> list[Alert] | None:
    """Each alert of a notification whose JSON is known to be right; None where it is no notification."""
    try:
        found = msgspec.json.decode(body, type=_Notification).alerts
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return [_alert(bytes(raw), payload) for raw in found]


def _alert(raw: bytes, notification: object) -> Alert:
    alert: object = msgspec.json.decode(raw)
    status, ended = text(alert, "status"), text(alert, "endsAt")
    resolved = status == "resolved"
    parts = (text(alert, "fingerprint"), status, text(alert, "startsAt"), ended if resolved else "")
    said = {
        "id": "/".join(part for part in parts if part) if parts[0] else "",
        "type": f"io.prometheus.alert.{status}" if status else "",
        "source": text(notification, "externalURL"),
        "subject": text(alert, "labels.alertname"),
        "time": time(alert, "endsAt" if resolved else "startsAt"),
        "receiver": text(notification, "receiver"),
        "groupkey": text(notification, "groupKey"),
    }
    return Alert(said, raw)
