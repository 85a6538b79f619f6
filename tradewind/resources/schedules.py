"""Whether a PingSource's `schedule` and `timezone` can be kept; `tradewind.sources.ping` decides when they fire."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
"""Knative's, without `@every`, which it does not allow either."""

_EXPECTED = f"a cron schedule: five fields, six with seconds first, or one of {', '.join(DESCRIPTORS)}"
_EPOCH = datetime.fromtimestamp(0, UTC)


def schedule_fault(text: str) -> str | None:
    """What was expected where this is no schedule that fires.  A leading `?` counts as `*`, as in Knative."""
    if text.strip().lower() in DESCRIPTORS:
        return None
    if text.startswith(("TZ=", "CRON_TZ=")):
        return "a schedule without a zone; the zone is `spec.timezone`"
    words = ["*" + word[1:] if word.startswith("?") else word for word in text.split()]
    if len(words) not in (5, 6):
        return _EXPECTED
    second = words.pop(0) if len(words) == 6 else "0"
    try:
        CronSim(f"{second} * * * * *", _EPOCH)
        CronSim(" ".join(words), _EPOCH)
    except CronSimError as error:
        return f"{_EXPECTED} ({error})"
    return None


def timezone_fault(text: str) -> str | None:
    """What was expected where the IANA database knows no such zone."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown; a path out of the database; a folder of it
        return "a name of the IANA time zone database such as Europe/Berlin"
    return None
