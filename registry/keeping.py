"""Hold a release against what was served of it: an alarm changes nothing of what is answered.

The decisions here are pure, as those in `registry.library`, which see only what is there now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from registry.library import ReleaseRecord, ReleaseState
from registry.model import LibraryFacts
from registry.names import Digest, LibraryName, ObjectId
from registry.remembered import MISSED, RememberedLibrary, RememberedRelease
from registry.versions import Version

ACCEPT = "opsteps trust HEAD --accept"
"""The command that makes what is there now the truth."""
UNINSTALLED = "uninstalled"


def held_to(
    record: ReleaseRecord, known: RememberedRelease | None, *, facts: LibraryFacts, of: LibraryName
) -> ReleaseRecord:
    """The record, or an alarm where it is not any more what was served.

    The bytes that were served are then served on, unless the release was removed on purpose.
    """
    if known is None:
        return record
    is_removed = facts.state == UNINSTALLED or known.version in facts.removed
    changed = _changed(record, known, is_removed=is_removed, of=of)
    if not changed and record.state is not ReleaseState.ALARM:
        return record
    mend = f"; where that was meant: '{ACCEPT}'" if changed else ""
    return replace(
        record,
        state=ReleaseState.ALARM,
        alarm=f"{changed or record.alarm}{mend}",
        tree=ObjectId(known.tree),
        digest=Digest(known.digest),
        is_kept=not is_removed,
    )


def _changed(
    record: ReleaseRecord, known: RememberedRelease, *, is_removed: bool, of: LibraryName
) -> str:
    """What is not as it was served; empty when all is."""
    tag = f"{of}/v{known.version}"
    if record.tag is None:
        return (
            f"it was served, and its tag is gone: 'git tag {tag} {known.tag}' puts it back,"
            " or fetch it"
        )
    if record.tag != known.tag:
        return (
            f"its tag is not the one that was served: 'git tag -f {tag} {known.tag}' puts that back"
        )
    if record.digest is None:
        return "it was served, and its ledger entry is gone"
    if record.digest != known.digest:
        return "its digest in the ledger is not the one that was served"
    if record.tree is None and known.gone == MISSED and not is_removed:
        return "it was served, and its directory is gone, and nothing says that it was removed"
    return ""


def withholding(
    records: Iterable[ReleaseRecord],
    active: ReleaseRecord | None,
    known: RememberedLibrary | None,
) -> ReleaseRecord | None:
    """The release in alarm that would be active, and that nothing older may stand in for.

    It is one that the ledger names, and that is not known well enough to be served on. What was
    answered with before goes on being answered with: then nothing steps down.
    """
    if active is None or (known is not None and known.active == str(active.version)):
        return None
    in_question = [
        record
        for record in records
        if record.state is ReleaseState.ALARM
        and not record.is_kept
        and record.yank is None
        and record.date is not None
        and _is_before(active, record.version)
    ]
    return max(in_question, key=lambda record: record.version, default=None)


def _is_before(active: ReleaseRecord, version: Version) -> bool:
    if version.is_stable is not active.version.is_stable:
        return version.is_stable
    return active.version < version


def by_version(known: RememberedLibrary | None) -> dict[str, RememberedRelease]:
    """What was served of a library, by version."""
    return {one.version: one for one in known.releases} if known is not None else {}
