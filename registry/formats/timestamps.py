"""Times as this project writes and reads them: RFC 3339, section 5.6, in UTC, with a Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,19})?Z", re.ASCII
)


def parse_time(text: str) -> datetime:
    """The moment, in UTC; raises ValueError. Fractions beyond microseconds are cut off.

    >>> parse_time("2025-01-31T12:00:00.5Z").isoformat()
    '2025-01-31T12:00:00.500000+00:00'
    >>> parse_time("2025-01-31T12:00:00+01:00")
    Traceback (most recent call last):
    ValueError: '2025-01-31T12:00:00+01:00' is not a time such as 2025-01-31T12:00:00Z
    """
    if _TIME.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not a time such as 2025-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a valid time") from error


def format_time(moment: datetime, timespec: str = "seconds") -> str:
    """As RFC 3339 writes it; what is less than ``timespec`` (as `datetime` has it) is cut off.

    >>> format_time(parse_time("2025-01-31T12:00:00.5Z"))
    '2025-01-31T12:00:00Z'
    >>> format_time(parse_time("2025-01-31T12:00:00.5Z"), "milliseconds")
    '2025-01-31T12:00:00.500Z'
    """
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{naive.isoformat(timespec=timespec)}Z"


def format_seconds(seconds: int) -> str:
    """As `format_time`, of seconds since 1970."""
    return format_time(datetime.fromtimestamp(seconds, UTC))


def time_now(timespec: str = "seconds") -> str:
    """The time, as `format_time` writes it."""
    return format_time(datetime.now(UTC), timespec)
