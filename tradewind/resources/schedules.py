"""What a PingSource's `schedule` and `timezone` say; `tradewind.sources.ping.schedule` decides when they fire."""

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Knative's, without `@every`, which it does not allow either."""

_EXPECTED = f"a cron schedule: five fields, six with seconds first, or one of {', '.join(DESCRIPTORS)}"
_EPOCH = datetime.fromtimestamp(0, UTC)


class Fields(NamedTuple):
    """A schedule that can be kept."""

    minutes: str
    """Minute, hour, day of month, month, day of week, as cronsim takes them."""
    seconds: tuple[int, ...]
    """Seconds of each of those minutes, in order."""


def fields(text: str) -> Fields:
    """What a schedule says.  Raises ValueError with what was expected.  A leading `?` counts as `*`, as in Knative."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        raise ValueError("a schedule without a zone; the zone is `spec.timezone`")
    words = DESCRIPTORS.get(text.strip().lower(), text).split()
    if len(words) not in (5, 6):
        raise ValueError(_EXPECTED)
    words = ["*" + word[1:] if word.startswith("?") else word for word in words]
    second = words.pop(0) if len(words) == 6 else "0"
    try:
        seconds = CronSim(f"{second} * * * * *", _EPOCH).seconds
        for alone in (["*", "*", "*", words[3], "*"], [*words[:3], "*", words[4]]):
            CronSim(" ".join(alone), _EPOCH)
    except CronSimError as error:
        raise ValueError(f"{_EXPECTED} ({error})") from None
    if not _fires(" ".join(words)):
        raise ValueError("a schedule that fires: none of its months ever has a day that it asks for")
    return Fields(" ".join(words), tuple(sorted(seconds)))


def _fires(minutes: str) -> bool:
    """Whether these fields, each right by itself, ever come together.  cronsim looks fifty years ahead, within which
    every day of a leap year has been every day of the week; a day that no month has it refuses in the words it has for
    a field that cannot be read."""
    try:
        return next(CronSim(minutes, _EPOCH), None) is not None
    except CronSimError:
        return False


def zone(name: str) -> ZoneInfo:
    """The time zone of this name.  Raises ValueError with what was expected."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path out of the database; a folder of it
        raise ValueError("a name of the IANA time zone database such as Europe/Berlin") from None


def schedule_fault(text: str) -> str | None:
    """What was expected where this is no schedule that can be kept."""
    try:
        fields(text)
    except ValueError as expected:
        return str(expected)
    return None


def timezone_fault(text: str) -> str | None:
    """What was expected where the IANA database knows no such zone."""
    try:
        zone(text)
    except ValueError as expected:
        return str(expected)
    return None
