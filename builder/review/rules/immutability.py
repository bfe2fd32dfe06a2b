"""Check that nothing released changes: directories, ledger entries and tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from builder.content_rules.rule_problems import error, warning
from builder.review.evidence.model import ReviewedLibrary
from builder.review.evidence.other_branches import Elsewhere
from builder.review.evidence.rights import Rights
from registry.formats.model import LedgerEntry
from registry.library.release_state import TagFacts
from registry.names import ObjectId
from registry.problems import Problem
from registry.versions import Version, version_or_none

_SHOWN_FILES = 20


def release_problems(change: ReviewedLibrary) -> Iterator[Problem]:
    """Released directories that the change edits, deletes or brings back with other content."""
    before, now, after = (side.versions() for side in (change.before, change.now, change.after))
    for version in sorted(change.taken):
        old, new = before.get(version), after.get(version)
        if new in {old, now.get(version)} or _is_restored(change, version, new):
            continue
        where = f"{change.path}/{version}"
        if new is None:
            yield error(
                "release-deleted",
                where,
                f"{change.name} {version} is released, and the change deletes it",
                "leave it; 'opsteps yank' withdraws a release",
            )
        elif old is None:
            yield from _returned(change, version, new)
        else:
            yield from _edited(change, version)


def _is_restored(change: ReviewedLibrary, version: Version, tree: ObjectId | None) -> bool:
    """True if the change brings an altered directory back to what ledger and tag say."""
    tag, entry = (change.tags or {}).get(version), change.ledger.get(version)
    if tag is None or entry is None or tree is None or tag.tree != tree:
        return False
    return tag.is_ancestor and not _moved(tag, entry, tree)


def _edited(change: ReviewedLibrary, version: Version) -> Iterator[Problem]:
    files = change.edited.get(version, ())
    for file in files[:_SHOWN_FILES] or ("",):
        yield error(
            "release-edited",
            f"{change.path}/{version}/{file}".rstrip("/"),
            f"{change.name} {version} is released and never changes"
            + (f" ({len(files):,} files differ)" if len(files) > _SHOWN_FILES else ""),
            "put it back, and give the new content a new version",
        )


def _returned(change: ReviewedLibrary, version: Version, tree: ObjectId) -> Iterator[Problem]:
    tag = (change.tags or {}).get(version)
    if tag is None or tag.tree != tree:
        yield error(
            "version-reused",
            f"{change.path}/{version}",
            f"the number {version} was released with other content",
            "take a number that was never used; a removed release can only come back as it was",
        )


def ledger_problems(
    change: ReviewedLibrary, elsewhere: Mapping[Version, Elsewhere]
) -> Iterator[Problem]:
    """Ledger entries that the change adds, alters or removes: none of it is a pull request's.

    Those of releases that are sound ``elsewhere`` are named with their tags.
    """
    before, now, after = (s.facts.ledger for s in (change.before, change.now, change.after))
    file = f"{change.path}/library.yaml"
    if not (change.after.has_facts and change.after.readable):
        return
    for text, entry in before.items():
        pointer = f"/ledger/{text}"
        if text not in after:
            yield error(
                "ledger-removed",
                file,
                f"the entry of {text} is gone from the ledger",
                "put it back; a ledger forgets nothing",
                pointer="/ledger",
            )
        elif after[text] not in {entry, now.get(text)}:
            yield error(
                "ledger-changed",
                file,
                f"the entry of {text} in the ledger was altered",
                f"put the digest {entry.digest[:12]}… and the date {entry.date} back",
                pointer=pointer,
            )
    for text, entry in after.items():
        if version_or_none(text) in elsewhere:
            continue
        if text not in before and now.get(text) != entry:
            yield error(
                "ledger-added",
                file,
                f"{text} was written into the ledger by hand",
                "take it out; 'opsteps release' enters it after the merge",
                pointer=f"/ledger/{text}",
            )


def removal_problems(change: ReviewedLibrary) -> Iterator[Problem]:
    """A library with a history whose facts the change removes."""
    facts_gone = change.before.has_facts and not change.after.has_facts
    if facts_gone and (change.taken or change.after.exists):
        yield error(
            "library-removed",
            f"{change.path}/library.yaml",
            "it remembers owners and releases, and the change removes it",
            "put it back; 'opsteps deprecate' advises against a library",
        )


def tag_problems(
    change: ReviewedLibrary, elsewhere: Mapping[Version, Elsewhere]
) -> Iterator[Problem]:
    """Release tags that do not say what the base's ledger says.

    ``elsewhere`` are the releases that the base does not have, and another branch does.
    """
    if change.tags is None:
        if change.ledger:
            yield error(
                "release-tag-missing",
                change.path,
                "this clone has no release tags, so they cannot be compared with the ledger",
                "fetch them with 'git fetch --tags'; in a workflow, fetch the whole history",
            )
        return
    trees, after = change.now.versions(), change.after.versions()
    for version, entry in sorted(change.ledger.items()):
        if str(version) in change.now.facts.ledger:
            is_restored = _is_restored(change, version, after.get(version))
            tree = (after if is_restored else trees).get(version)
            yield from _tag(change, version, entry, tree)
    for version in sorted(change.tags.keys() - change.ledger.keys()):
        message = f"there is a tag {change.name}/v{version} and no entry in the ledger"
        expected = "find out who made the tag, and delete it"
        if version in elsewhere:
            message = f"{change.name} {version} is released {elsewhere[version].place}"
            expected = elsewhere[version].expected
        yield error("release-tag-unledgered", f"{change.path}/{version}", message, expected)


def _tag(
    change: ReviewedLibrary, version: Version, entry: LedgerEntry, tree: ObjectId | None
) -> Iterator[Problem]:
    tag = (change.tags or {}).get(version)
    where, name = f"{change.path}/{version}", f"{change.name}/v{version}"
    if tag is None:
        yield error(
            "release-tag-missing",
            where,
            f"the ledger has {version}, and there is no tag {name}",
            "fetch the tags; if it was deleted, restore it from another clone",
        )
        return
    wrong = _moved(tag, entry, tree)
    if wrong:
        restore = "restore the tag from another clone"
        yield error("release-tag-moved", where, f"the tag {name} {wrong}", restore)
    elif not tag.is_ancestor:
        yield error(
            "release-tag-detached",
            where,
            f"the commit of the tag {name} is not an ancestor of the base",
            "restore the history, or the tag, from another clone",
        )


def _moved(tag: TagFacts, entry: LedgerEntry, tree: ObjectId | None) -> str:
    if tag.commit is None or tag.digest is None:
        return "is not an annotated release tag"
    if tag.digest != entry.digest:
        return "states another digest than the ledger"
    if tree is not None and tag.tree != tree:
        return "states another tree than the directory has"
    return ""


def yank_problems(change: ReviewedLibrary, rights: Rights) -> Iterator[Problem]:
    """Yanks of what was never released, and yanks that somebody but an operator changes."""
    file = f"{change.path}/library.yaml"
    if not (change.after.has_facts and change.after.readable):
        return
    before, after = change.before.facts.yanked, change.after.facts.yanked
    report = error if rights.is_known and not rights.is_operator else warning
    for text, yank in after.items():
        pointer = f"/yanked/{text}"
        if before.get(text) == yank:
            continue
        if text in before:
            message = f"what the yank of {text} says was rewritten"
            expected = f"'opsteps unyank {change.name} {text}', and 'opsteps yank' again"
            yield report("yank-rewritten", file, message, expected, pointer=pointer)
        if version_or_none(text) not in change.taken:
            message, expected = f"{text} was never released", "a version of the ledger"
            yield error("yank-unknown", file, message, expected, pointer=pointer)
        replacement = yank.replacement
        if replacement is not None and (
            version_or_none(replacement) not in change.ledger or replacement in after
        ):
            yield _unknown_replacement(file, replacement, f"{pointer}/replacement")
    for text in sorted(before.keys() - after.keys()):
        yield report(
            "unyanked",
            file,
            f"the yank of {text} was taken back",
            f"an operator's 'opsteps unyank {change.name} {text}'",
            pointer="/yanked",
        )


def _unknown_replacement(file: str, replacement: str, pointer: str) -> Problem:
    return warning(
        "replacement-unknown",
        file,
        f"the replacement {replacement[:40]!r} is not a release that can be used",
        "name a release that is not yanked",
        pointer=pointer,
    )
