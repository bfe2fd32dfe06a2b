"""Hold a release against what was served of it: an alarm changes nothing of what is answered.

The decisions here are pure, as those in `registry.library.release_state`, which see only what is
there now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from registry.formats.model import UNINSTALLED, LibraryFacts
from registry.library.release_state import ReleaseRecord, ReleaseState, TagFacts
from registry.names import Digest, LibraryName, ObjectId
from registry.served.memory import MISSED, RememberedLibrary, RememberedRelease
from registry.terminal.pasting import git_line
from registry.versions import Version

ACCEPT = "opsteps trust HEAD --accept"
"""The command that makes what is there now the truth."""


def putting_back(tag: str, object_id: str, *, commit: str | None, is_on_history: bool) -> str:
    """Give the one command that puts back the release tag that was served.

    ``commit`` is what the one that was served is on; None where that is not in the repository. On
    a commit that the history does not have, it would only be another thing that is wrong.
    """
    if commit is None:
        return f"fetch the one that was served, {object_id[:12]}, from another clone"
    command = f"'{git_line('tag', '-f', tag, object_id)}'"
    if is_on_history:
        return f"{command} puts that back, or fetch it"
    merge = f"'{git_line('merge', commit)}'"
    return f"{merge} brings its commit back, and then {command} puts that back"


def held_to(
    record: ReleaseRecord,
    known: RememberedRelease | None,
    *,
    facts: LibraryFacts,
    of: LibraryName,
    was: TagFacts | None = None,
) -> ReleaseRecord:
    """The record, or an alarm where it is not any more what was served.

    The bytes that were served are then served on, unless the release was removed on purpose.
    ``was`` is the tag that was served, as far as it is still in the repository; it is not asked for
    where it is the one that is there.
    """
    if known is None:
        return record
    is_removed = facts.state == UNINSTALLED or known.version in facts.removed
    changed = _changed(record, known, was, is_removed=is_removed, of=of)
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
    record: ReleaseRecord,
    known: RememberedRelease,
    was: TagFacts | None,
    *,
    is_removed: bool,
    of: LibraryName,
) -> str:
    """Say what differs from what was served; empty when nothing does."""
    back = putting_back(
        f"{of}/v{known.version}",
        known.tag,
        commit=was.commit if was is not None else None,
        is_on_history=was is not None and was.is_ancestor,
    )
    if record.tag is None:
        return f"it was served, and its tag is gone: {back}"
    if record.tag != known.tag and not _is_made_anew(record, known, was):
        return f"its tag is not the one that was served: {back}"
    if record.digest is None:
        return "it was served, and its ledger entry is gone"
    if record.digest != known.digest:
        return "its digest in the ledger is not the one that was served"
    if record.tree is None and known.gone == MISSED and not is_removed:
        return "it was served, and its directory is gone, and nothing says that it was removed"
    return ""


def _is_made_anew(record: ReleaseRecord, known: RememberedRelease, was: TagFacts | None) -> bool:
    """True if the same was released once more, upon a history without the first release's commit.

    A head without that commit is served only where a person said that it was meant; what the tag
    releases there is what was served. While the commit is there, another tag is another's work.
    """
    return (
        was is not None
        and was.commit is not None
        and not was.is_ancestor
        and record.state is not ReleaseState.ALARM
        and record.digest == known.digest
        and record.stated == known.tree
    )


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
    """Sort the served releases of a library by version."""
    return {one.version: one for one in known.releases} if known is not None else {}
