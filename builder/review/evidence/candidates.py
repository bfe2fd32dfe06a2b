"""Read a candidate from Git: what may be read of it, checked, and compared with the last release.

What no limit allows is not read: its size is asked for first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from builder.content_rules.content import read_problems
from builder.content_rules.rule_problems import error
from builder.diff import compare, previous_version
from builder.review.evidence.model import Candidate, ReviewedLibrary
from builder.review.evidence.treediff import changed_files
from registry.checks.policy_demands import with_demands
from registry.checks.release import CheckedRelease, check_release
from registry.errors import LimitError
from registry.formats.model import Policy
from registry.git.repository import GitRepository
from registry.git.trees import TreeEntry
from registry.limits import Limits
from registry.names import ObjectId
from registry.problems import Problem
from registry.snapshots.release_reader import read_content
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadCandidate:
    """A candidate and what is wrong with its files, by paths of the registry."""

    candidate: Candidate
    problems: tuple[Problem, ...]


def read_candidate(
    repository: GitRepository,
    change: ReviewedLibrary,
    version: Version,
    tree: ObjectId,
    limits: Limits,
    policy: Policy,
) -> ReadCandidate:
    """One version that a change brings, held to the policy; never raises for bad input."""
    path = f"{change.path}/{version}"
    try:
        entries = tree_entries(repository, tree, limits)
    except LimitError as refused:
        nothing = Candidate(library=change.name, version=version, entries={}, contents={})
        problem = error("limit-release-size", path, refused.message, refused.next_step)
        return ReadCandidate(candidate=nothing, problems=(problem,))
    contents, too_large = _contents(repository, entries, path, limits)
    checked = check_release(
        contents, name=change.name, version=str(version), strict=True, limits=limits
    )
    unread = {problem.file for problem in too_large}

    def rule(
        files: Mapping[str, bytes], checked: CheckedRelease, policy: Policy
    ) -> Iterator[Problem]:
        return read_problems(entries, files, checked, policy)

    demanded = with_demands(checked, contents, policy, rule)
    placed = (replace(p, file=f"{path}/{p.file}") for p in demanded)
    problems = (*too_large, *(p for p in placed if p.file not in unread))
    candidate = Candidate(
        library=change.name,
        version=version,
        entries=entries,
        contents=contents,
        content=checked.content,
    )
    return ReadCandidate(
        candidate=_compared(repository, change, candidate, limits), problems=problems
    )


def tree_entries(
    repository: GitRepository, tree: ObjectId, limits: Limits
) -> Mapping[str, TreeEntry]:
    """Everything below a tree except directories; raises LimitError."""
    found = changed_files(repository, None, tree, limit=limits.release_files)
    return {file.path: file.after for file in found if file.after is not None}


def _contents(
    repository: GitRepository, entries: Mapping[str, TreeEntry], path: str, limits: Limits
) -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    wanted = {name: entry.object_id for name, entry in entries.items() if entry.is_file}
    sizes = object_sizes(repository, list(wanted.values()))
    problems = []
    total = 0
    for name, object_id in list(wanted.items()):
        size = sizes.get(object_id, 0)
        if size > limits.file_bytes:
            del wanted[name]
            problems.append(
                error(
                    "limit-file-size",
                    f"{path}/{name}",
                    f"the file has {size:,} bytes",
                    f"keep to at most {limits.file_bytes:,} bytes",
                )
            )
            continue
        total += size
    if total > limits.release_bytes:
        message, expected = (
            f"the release has {total:,} bytes",
            f"keep to at most {limits.release_bytes:,}",
        )
        problems.append(error("limit-release-size", path, message, expected))
        wanted.clear()
    found = repository.objects(list(wanted.values()))
    read = zip(wanted, found, strict=True)
    return {name: blob.content for name, blob in read if blob is not None}, tuple(problems)


def object_sizes(repository: GitRepository, objects: Sequence[ObjectId]) -> dict[ObjectId, int]:
    """Return the sizes of objects, without reading them."""
    if not objects:
        return {}
    stdin = "".join(f"{object_id}\n" for object_id in objects).encode()
    out = repository.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=stdin)
    rows = (line.split(" ") for line in out.decode().splitlines())
    return {ObjectId(row[0]): int(row[1]) for row in rows if row[-1].isdigit()}


def _compared(
    repository: GitRepository, change: ReviewedLibrary, candidate: Candidate, limits: Limits
) -> Candidate:
    """The candidate with the difference from the greatest lower stable release that is in use."""
    facts = change.now.facts if change.now.exists else change.before.facts
    trees = {**change.before.versions(), **change.now.versions()}
    usable = [
        version
        for version in change.ledger
        if version in trees and str(version) not in facts.yanked
    ]
    previous = previous_version(usable, candidate.version)
    if previous is None or candidate.content is None:
        return candidate
    content, _ = read_content(repository, trees[previous], limits)
    return replace(
        candidate,
        previous=previous,
        previous_content=content,
        diff=compare(content, candidate.content) if content is not None else None,
    )
