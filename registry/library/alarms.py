"""Alarms: the reasons to distrust a release, each with the command that mends it, or says how.

Whoever meets an alarm reads it in a list, on a page or in ``/health``, far from any manual: so the
command stands in the alarm itself. A test obeys each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Alarm(StrEnum):
    """The ways in which directory, ledger entry and tag of a version can disagree."""

    NO_TAG = "it has a ledger entry and no tag"
    NO_ENTRY = "it has a tag and no ledger entry"
    NO_RELEASE_TAG = "its tag is not an annotated release tag"
    OTHER_DIGEST = "the digests in its tag and in the ledger differ"
    ASIDE = "its tag is not on an ancestor of the head"
    OTHER_FILES = "its files differ from those that were tagged"
    REMOVED_AND_THERE = "library.yaml says that it was removed, and its directory is there"


_REPAIR = "'opsteps repair' puts it right, or says what to do"
_VERIFY = "'opsteps verify' says how it comes back"
MENDS: Mapping[Alarm, str] = {
    Alarm.NO_TAG: _REPAIR,
    Alarm.NO_ENTRY: _REPAIR,
    Alarm.NO_RELEASE_TAG: _REPAIR,
    Alarm.OTHER_DIGEST: _VERIFY,
    Alarm.ASIDE: _REPAIR,
    Alarm.OTHER_FILES: _VERIFY,
    Alarm.REMOVED_AND_THERE: _VERIFY,
}
"""The advice on each."""


def alarm_text(alarm: Alarm, *details: str) -> str:
    """Say what is wrong, what more is known of it, and what to do."""
    known = "; ".join(filter(None, details))
    more = f", {known}" if known else ""
    return f"{alarm}{more} ({MENDS[alarm]})"
