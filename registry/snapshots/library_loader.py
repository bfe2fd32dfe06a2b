"""Read libraries from Git in waves: all trees, then all files they name, then all files those name.

Each wave is one pipelined request, so that ten thousand libraries cost a handful of round trips.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.formats.model import InstanceFacts, LibraryFacts, Manifest, ReleaseContent
from registry.formats.parsing import parse_instance_facts, parse_library_facts
from registry.git.repository import GitObject, GitRepository, Wave
from registry.git.trees import TreeEntry, parse_tree
from registry.library.release_state import (
    Library,
    ReleaseRecord,
    ReleaseState,
    TagFacts,
    choose_active,
    decide_release,
)
from registry.limits import Limits
from registry.names import CommitId, LibraryName, ObjectId, library_id
from registry.problems import Problem, Severity, errors_of
from registry.served.held_releases import ACCEPT, by_version, held_to, withholding
from registry.served.memory import RememberedLibrary
from registry.snapshots.release_reader import read_contents
from registry.snapshots.tag_reader import tag_facts
from registry.versions import Version, version_or_none
from registry.words.spelling import mended_version

# Releases that are tried in the place of one that cannot be read.
_FALLBACKS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LibrarySource:
    """The objects of one library in Git. ``tags`` maps version texts to tag objects.

    ``known`` is what was served of it here. Of one that was served and is gone there is no tree.
    """

    name: LibraryName
    tree: ObjectId | None
    instance: ObjectId | None
    tags: Mapping[str, ObjectId]
    ancestors: Container[CommitId | None]
    known: RememberedLibrary | None = None


@dataclass(kw_only=True, slots=True)
class _Draft:
    """A library while it is being read."""

    source: LibrarySource
    entries: dict[str, TreeEntry] = field(default_factory=dict)
    facts: LibraryFacts = field(default_factory=LibraryFacts)
    instance: InstanceFacts = field(default_factory=InstanceFacts)
    tags: dict[Version, TagFacts] = field(default_factory=dict)
    were: dict[str, TagFacts] = field(default_factory=dict)
    """The tags that were served, by version, where another one or none is there now."""
    problems: list[Problem] = field(default_factory=list)
    releases: tuple[ReleaseRecord, ...] = ()
    active: ReleaseRecord | None = None
    content: ReleaseContent | None = None
    chosen: ReleaseRecord | None = None
    """The release that should be active, where it could not be read."""
    broken: set[Version] = field(default_factory=set)
    facts_are_read: bool = True
    facts_id: ObjectId | None = None
    are_recalled: bool = False
    """``library.yaml`` is gone or cannot be read: the facts are those that were served by."""
    is_withheld: bool = False


def load_libraries(
    repository: GitRepository, sources: Sequence[LibrarySource], limits: Limits
) -> Iterator[Library]:
    """The libraries of these sources, in their order."""
    drafts = [_Draft(source=source) for source in sources]
    _read_names(repository, drafts)
    _read_facts(repository, drafts)
    _recall_facts(repository, drafts)
    for draft in drafts:
        _decide(draft)
        draft.facts_are_read = not _errors(draft)
    _read_content(repository, drafts, limits)
    for draft in drafts:
        yield _finish(draft)


def _errors(draft: _Draft) -> tuple[Problem, ...]:
    """Return the problems that keep a library from being served at all."""
    found = errors_of(tuple(draft.problems))
    return tuple(p for p in found if not (draft.are_recalled and p.file == "library.yaml"))


def _read_content(repository: GitRepository, drafts: Sequence[_Draft], limits: Limits) -> None:
    """The active release of each; where it cannot be read the one before it goes on being served.

    What an operator has pinned is served or not, and never another.
    """
    pending = [draft for draft in drafts if draft.active is not None]
    for _ in range(_FALLBACKS + 1):
        trees = [draft.active.tree if draft.active is not None else None for draft in pending]
        contents = read_contents(repository, trees, limits)
        broken = [
            draft
            for draft, outcome in zip(pending, contents, strict=True)
            if not _is_taken(draft, *outcome)
        ]
        pending = [draft for draft in broken if _fall_back(draft)]
        if not pending:
            return
    for draft in pending:
        draft.active = draft.chosen


def _is_taken(draft: _Draft, content: ReleaseContent | None, problems: tuple[Problem, ...]) -> bool:
    if draft.active is None:
        return True
    found = list(problems)
    if content is not None:
        found += _identity_problems(draft.source.name, draft.active, content.manifest)
    draft.problems.extend(found)
    if content is None or errors_of(tuple(found)):
        draft.broken.add(draft.active.version)
        return False
    draft.content = content
    return True


def _fall_back(draft: _Draft) -> bool:
    """Choose another release; the first choice again, and False, where there is none."""
    left = tuple(record for record in draft.releases if record.version not in draft.broken)
    other = None if draft.instance.active is not None else choose_active(left, None)
    known = by_version(draft.source.known)
    if draft.active is not None and str(draft.active.version) in known:
        # It was served, and is damaged now: what is older is not what was answered.
        other, draft.is_withheld = None, True
    if draft.chosen is None:
        draft.chosen = draft.active
    draft.active = other or draft.chosen
    return other is not None


def _finish(draft: _Draft) -> Library:
    source, content = draft.source, draft.content
    if content is not None and draft.chosen is not None and draft.active is not None:
        draft.problems.append(_fallen_back(draft.chosen.version, draft.active.version))
    is_known = draft.facts_are_read
    return Library(
        name=source.name,
        library_id=library_id(source.name),
        facts=draft.facts,
        instance=draft.instance,
        releases=draft.releases,
        active=draft.active,
        content=content if is_known else None,
        problems=tuple(draft.problems),
        facts_id=draft.facts_id,
        is_withheld=draft.is_withheld,
    )


def _fallen_back(chosen: Version, served: Version) -> Problem:
    return Problem(
        rule="release-unreadable",
        file=f"{chosen}/manifest.json",
        message=f"{chosen} cannot be served, and {served} is in its place",
        expected=f"withdraw it with 'opsteps yank', or pin the library to {served}",
    )


def _identity_problems(
    name: LibraryName, active: ReleaseRecord, manifest: Manifest
) -> Iterator[Problem]:
    for field_name, said, is_ in (
        ("name", manifest.name, str(name)),
        ("version", manifest.version, str(active.version)),
    ):
        if said != is_:
            yield Problem(
                rule=f"{field_name}-mismatch",
                file=f"{active.version}/manifest.json",
                pointer=f"/{field_name}",
                message=f"the manifest says {said!r}, the directory {is_!r}",
                expected=f"write {is_!r}",
            )


def _read_names(repository: GitRepository, drafts: Sequence[_Draft]) -> None:
    wave = Wave(repository)
    for draft in drafts:
        if draft.source.tree is not None:
            wave.want(draft.source.tree)
    found = wave.fetch()
    for draft in drafts:
        if draft.source.tree is None:
            draft.problems.append(_gone(f"the directory of {draft.source.name}"))
            continue
        tree = found.get(draft.source.tree)
        if tree is None or tree.type != "tree":
            draft.problems.append(_missing(f"the tree of {draft.source.name}"))
        else:
            draft.entries = {entry.name: entry for entry in parse_tree(tree.content)}


def _gone(what: str) -> Problem:
    return Problem(
        rule="library-gone",
        file="library.yaml",
        message=f"{what} is gone, and nothing says that it was uninstalled: what was served of it"
        " goes on being served",
        expected=f"there as it was: bring it back, or accept it with '{ACCEPT}'",
    )


def _missing(what: str, file: str = ".") -> Problem:
    return Problem(
        rule="git-object-missing",
        file=file,
        message=f"{what} is missing from the repository",
        expected="put in a directory, with all its objects: restore them from another clone",
    )


def _read_facts(repository: GitRepository, drafts: Sequence[_Draft]) -> None:
    wave = Wave(repository)
    for draft in drafts:
        facts = draft.entries.get("library.yaml")
        if facts is not None and facts.is_file:
            wave.want(facts.object_id)
        if draft.source.instance is not None:
            wave.want(draft.source.instance)
        for tag in (*draft.source.tags.values(), *_replaced(draft.source).values()):
            wave.want(tag)
    found = wave.fetch()
    for draft in drafts:
        _parse_facts(draft, found)


def _parse_facts(draft: _Draft, found: Mapping[ObjectId, GitObject]) -> None:
    source = draft.source
    entry = draft.entries.get("library.yaml")
    if entry is not None:
        blob = found.get(entry.object_id) if entry.is_file else None
        if blob is None:
            draft.problems.append(_missing("library.yaml", "library.yaml"))
        else:
            parsed = parse_library_facts(blob.content)
            draft.problems.extend(errors_of(parsed.problems))
            draft.facts = parsed.value or LibraryFacts()
            draft.facts_id = entry.object_id if parsed.value is not None else None
    if source.instance is not None:
        _parse_instance(draft, found.get(source.instance))
    for text, object_id in source.tags.items():
        version = version_or_none(text)
        if version is not None:
            draft.tags[version] = tag_facts(object_id, found.get(object_id), source.ancestors)
    draft.were = {
        text: tag_facts(object_id, found.get(object_id), source.ancestors)
        for text, object_id in _replaced(source).items()
    }


def _replaced(source: LibrarySource) -> dict[str, ObjectId]:
    """The tags that were served and are not there any more, by version."""
    known = source.known.releases if source.known is not None else ()
    return {
        one.version: ObjectId(one.tag) for one in known if source.tags.get(one.version) != one.tag
    }


def _recall_facts(repository: GitRepository, drafts: Sequence[_Draft]) -> None:
    """Recall the facts that it was served by, where ``library.yaml`` is gone or damaged."""
    wave = Wave(repository)
    lost = [
        draft
        for draft in drafts
        if draft.facts_id is None and draft.source.known is not None and draft.source.known.releases
    ]
    for draft in lost:
        if draft.source.known is not None and draft.source.known.facts:
            wave.want(ObjectId(draft.source.known.facts))
    found = wave.fetch() if lost else {}
    for draft in lost:
        blob = found.get(ObjectId(draft.source.known.facts if draft.source.known else ""))
        parsed = parse_library_facts(blob.content) if blob is not None else None
        if parsed is None or parsed.value is None:
            continue
        draft.facts, draft.are_recalled = parsed.value, True
        if draft.source.tree is not None and "library.yaml" not in draft.entries:
            draft.problems.append(_gone(f"library.yaml of {draft.source.name}"))


def _parse_instance(draft: _Draft, blob: GitObject | None) -> None:
    file = f"instances/{draft.source.name}.yaml"
    if blob is None:
        draft.problems.append(_missing(file, file))
        return
    parsed = parse_instance_facts(blob.content, file=file)
    draft.problems.extend(errors_of(parsed.problems))
    draft.instance = parsed.value or InstanceFacts()


def _decide(draft: _Draft) -> None:
    directories: dict[Version, ObjectId] = {}
    for name, entry in draft.entries.items():
        version = version_or_none(name)
        if version is not None and entry.is_tree:
            directories[version] = entry.object_id
        elif name != "library.yaml":
            draft.problems.append(_stray(name))
    ledger = {v for v in map(version_or_none, draft.facts.ledger) if v is not None}
    known = by_version(draft.source.known)
    remembered = {v for v in map(version_or_none, known) if v is not None}
    versions = sorted({*directories, *ledger, *draft.tags, *remembered}, reverse=True)
    draft.releases = tuple(
        held_to(
            decide_release(
                version,
                tree=directories.get(version),
                facts=draft.facts,
                tag=draft.tags.get(version),
            ),
            known.get(str(version)),
            facts=draft.facts,
            of=draft.source.name,
            was=draft.were.get(str(version)),
        )
        for version in versions
    )
    pin = version_or_none(draft.instance.active) if draft.instance.active else None
    draft.active = choose_active(draft.releases, pin)
    if pin is not None and draft.active is None:
        draft.problems.append(_missing_pin(draft.source.name, pin))
        draft.is_withheld = any(
            record.version == pin and record.state is ReleaseState.ALARM
            for record in draft.releases
        )
    withheld = None
    if pin is None:
        withheld = withholding(draft.releases, draft.active, draft.source.known)
    if withheld is not None and draft.active is not None:
        draft.problems.append(_withheld(draft.source.name, withheld, draft.active))
        draft.active, draft.is_withheld = None, True


def _withheld(name: LibraryName, record: ReleaseRecord, older: ReleaseRecord) -> Problem:
    """Somebody who deletes a tag must not bring back what an older version still had."""
    return Problem(
        rule="release-withheld",
        file=f"{record.version}/manifest.json",
        message=f"{record.version} is released and cannot be trusted ({record.alarm}), and nothing"
        " older is served in its place",
        expected=f"bring it back, yank it, or pin with 'opsteps pin {name} {older.version}'",
    )


def _missing_pin(name: LibraryName, pin: Version) -> Problem:
    return Problem(
        rule="pin-missing",
        file=f"instances/{name}.yaml",
        pointer="/active",
        message=f"it is pinned to {pin}, which is not a release that is served",
        expected="pin a version that is released and there, or none",
    )


def _stray(name: str) -> Problem:
    return Problem(
        rule="stray-file",
        file=name.encode(errors="backslashreplace").decode(),
        message="this does not belong in a library's directory",
        expected=f"rename it to {meant}"
        if (meant := mended_version(name))
        else "only library.yaml and directories named by a version",
        severity=Severity.WARNING,
    )
