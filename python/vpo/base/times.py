"""Times as text (UTC, ISO 8601 with `Z`) and as nanoseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_RELATIVE = re.compile(r"(\d{1,6})([smhdw])")


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(timezone.utc)


def to_text(moment: datetime) -> str:
    """A time with milliseconds, for jobs: `2026-01-31T12:00:00.123Z`."""
    return _in_utc(moment, "milliseconds")


def to_seconds_text(moment: datetime) -> str:
    """A time in whole seconds, rounded down, for records: `2026-01-31T12:00:00Z`."""
    return _in_utc(moment, "seconds")


def _in_utc(moment: datetime, precision: str) -> str:
    utc = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec=precision) + "Z"


def from_text(text: str) -> datetime:
    """Reads an ISO 8601 time. A time without a zone is in UTC.

    Raises ValueError if the text is not such a time.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def with_z(text: str | None) -> str | None:
    """A time from the catalogue with a final `Z`. Version 6 wrote `+00:00` instead."""
    if text is None or text.endswith("Z"):
        return text
    try:
        return to_seconds_text(from_text(text))
    except (ValueError, OverflowError):
        return text


def to_local_text(text: str | None) -> str:
    """A time from the catalogue for people: `2026-01-31 13:00` in the local zone, or `-`."""
    if text is None:
        return "-"
    try:
        return f"{from_text(text).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return text


def seconds_between(started: str | None, ended: str | None) -> float | None:
    """Seconds between two times from the catalogue; None if one is missing."""
    if started is None or ended is None:
        return None
    try:
        return (from_text(ended) - from_text(started)).total_seconds()
    except ValueError:
        return None


def text_to_ns(text: str) -> int:
    """An ISO 8601 time (which has at most microseconds) as nanoseconds since 1970."""
    since = from_text(text) - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def ns_to_text(nanoseconds: int) -> str:
    """A file's mtime as ISO 8601 with `Z`, to the microsecond."""
    return _in_utc(EPOCH + timedelta(microseconds=nanoseconds // 1000), "microseconds")


def parse_duration(text: str) -> timedelta:
    """Reads a duration such as `90s`, `30m`, `12h`, `1d` or `1w`.

    Raises ValueError if the text is not a duration.
    """
    match = _RELATIVE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text} is not a duration")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def parse_when(text: str, *, at: datetime | None = None) -> datetime:
    """Reads a point in time: a date, or an age such as `30m`, `12h`, `1d` or `1w`.

    A date without a zone is in the local zone.

    Raises ValueError if the text is neither.
    """
    try:
        if _RELATIVE.fullmatch(text.strip()):
            return (at or now()) - parse_duration(text)
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error
