"""Walk commits by their own bytes: what grafts, replacements or a commit-graph say is not asked.

Breadth first from the head, in waves: one read for all commits whose children were read before.
Then they are sorted parents first, in the postorder of a depth-first search: a topological order,
so that each is judged when all that came before it is known. A commit-graph, `git replace` and a
list of shallow commits can each make `git rev-list` pass over commits; here every parent that a
commit names must be there.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from registry.errors import GitError
from registry.git.commits import commit_parents, commit_tree
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId
from registry.trust.errors import IncompleteHistoryError
from registry.trust.evidence import Commit
from registry.trust.hashed_objects import read_objects

_COMMITTER = re.compile(rb"^committer .* (-?\d{1,19}) [+-]\d+$", re.MULTILINE)


def read_commits(repository: GitRepository, head: CommitId) -> dict[CommitId, Commit]:
    """The head and all its ancestors, parents first; raises IncompleteHistoryError."""
    raw: dict[CommitId, bytes] = {}
    wanted: list[CommitId] = _expected(repository, head)
    while wanted:
        for object_id, found in read_objects(repository, map(ObjectId, wanted)):
            if found is None or found.type != "commit":
                raise _incomplete(repository, CommitId(object_id))
            raw[CommitId(object_id)] = found.content
        parents = (parent for commit in wanted for parent in commit_parents(raw[commit]))
        wanted = [parent for parent in dict.fromkeys(parents) if parent not in raw]
    commits: dict[CommitId, Commit] = {}
    for commit_id in _parents_first(head, {at: commit_parents(raw[at]) for at in raw}):
        commits[commit_id] = _commit(commit_id, raw[commit_id], commits)
    return commits


def read_commits_since(
    repository: GitRepository, head: CommitId, since: CommitId
) -> tuple[dict[CommitId, Commit], frozenset[CommitId]]:
    """The commits of a head that another one does not have, with the edge below them; and the edge.

    The edge are that other one and the parents of the new commits: they stand there without
    parents. Costs the commits in between. Raises IncompleteHistoryError.
    """
    rows = repository.run(
        "-c", "core.commitGraph=false", "rev-list", "--boundary", head, f"^{since}"
    )
    listed = rows.decode().split()
    edge = frozenset(CommitId(row[1:]) for row in listed if row.startswith("-")) | {since}
    new = [CommitId(row) for row in listed if not row.startswith("-")]
    if not new:  # the head is the other one, or older
        edge |= {head}
    raw: dict[CommitId, bytes] = {}
    for object_id, found in read_objects(repository, map(ObjectId, [*new, *sorted(edge)])):
        if found is None or found.type != "commit":
            raise _incomplete(repository, CommitId(object_id))
        raw[CommitId(object_id)] = found.content
    parents = {commit: commit_parents(raw[commit]) for commit in new}
    # What Git was made to pass over, as by a list of shallow commits, is in neither.
    lost = [parent for listed in parents.values() for parent in listed if parent not in raw]
    if lost:
        raise _incomplete(repository, lost[0])
    commits: dict[CommitId, Commit] = {}
    for commit in sorted(edge):
        commits[commit] = replace(_commit(commit, raw[commit], None), parents=())
    for commit in _parents_first(head, parents | {commit: [] for commit in edge}):
        if commit not in commits:
            commits[commit] = _commit(commit, raw[commit], commits)
    return commits, edge


def _expected(repository: GitRepository, head: CommitId) -> list[CommitId]:
    """Return the history by Git's own list: read in one go, then compared with what is there."""
    try:
        out = repository.run("-c", "core.commitGraph=false", "rev-list", head)
    except GitError:
        return [head]
    return list(dict.fromkeys([head, *map(CommitId, out.decode().split())]))


def _commit(commit_id: CommitId, raw: bytes, known: Mapping[CommitId, Commit] | None) -> Commit:
    header, _, message = raw.partition(b"\n\n")
    time = _COMMITTER.search(header)
    parents = tuple(commit_parents(raw))
    seconds = int(time[1]) if time else 0
    return Commit(
        commit_id=commit_id,
        tree=commit_tree(raw),
        parents=parents,
        seen=max([seconds, *(known[parent].seen for parent in parents if known)]),
        message=message,
    )


def _parents_first(
    head: CommitId, parents: Mapping[CommitId, list[CommitId]]
) -> Iterable[CommitId]:
    done: dict[CommitId, None] = {}
    pending = [head]
    while pending:
        commit = pending[-1]
        missing = [parent for parent in parents[commit] if parent not in done]
        if missing:
            pending.extend(missing)
            continue
        pending.pop()
        done[commit] = None
    return done


def descends(repository: GitRepository, head: CommitId, ancestor: CommitId) -> bool:
    """True if a commit is another one or comes after it; costs the commits between them.

    Only where it does not, all of its history is walked. Commits that are missing have no parents.
    """
    pending, seen = deque([head]), {head}
    while pending:
        if ancestor in seen:
            return True
        wave = list(pending)
        pending.clear()
        for _, found in read_objects(repository, map(ObjectId, wave)):
            if found is None or found.type != "commit":
                continue
            for parent in commit_parents(found.content):
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
    return ancestor in seen


def edge_below(
    repository: GitRepository, head: CommitId, tips: Collection[CommitId]
) -> frozenset[CommitId]:
    """Return the commits where the history of the tips meets the history of a head."""
    if not tips:
        return frozenset({head})
    out = repository.run(
        *("-c", "core.commitGraph=false", "rev-list", "--boundary", "--ignore-missing", "--stdin"),
        stdin="".join(f"{commit}\n" for commit in (*sorted(tips), f"^{head}")).encode(),
    )
    rows = out.decode().split()
    return frozenset(CommitId(row[1:]) for row in rows if row.startswith("-")) | {head}


def commits_ahead(
    repository: GitRepository, head: CommitId, known: Collection[CommitId], tips: set[CommitId]
) -> frozenset[CommitId]:
    """Those of ``tips`` that come after a head; ``known`` is its history."""
    parents: dict[CommitId, list[CommitId]] = {}
    before = set(known)
    wanted = sorted(tips - before)
    while wanted:
        for object_id, found in read_objects(repository, map(ObjectId, wanted)):
            is_commit = found is not None and found.type == "commit"
            content = found.content if found is not None and is_commit else b""
            parents[CommitId(object_id)] = commit_parents(content)
        above = {parent for commit in wanted for parent in parents[commit]}
        wanted = sorted(above - parents.keys() - before)
    children: dict[CommitId, list[CommitId]] = {}
    for commit, listed in parents.items():
        for parent in listed:
            children.setdefault(parent, []).append(commit)
    after, pending = set[CommitId](), [head]
    while pending:
        new = [child for child in children.get(pending.pop(), ()) if child not in after]
        after.update(new)
        pending.extend(new)
    return frozenset(after & tips)


def _incomplete(repository: GitRepository, commit: CommitId) -> IncompleteHistoryError:
    shallow = (repository.common_dir / "shallow").exists()
    return IncompleteHistoryError(
        f"the history is not complete: the commit {commit} is missing",
        where=str(repository.git_dir),
        next_step=(
            "Fetch the rest with 'git fetch --unshallow --tags' (in a workflow: fetch-depth: 0)"
            if shallow
            else "Restore it from another clone"
        ),
    )
