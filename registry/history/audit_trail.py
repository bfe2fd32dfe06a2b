"""The audit trail: each commit as who did what, when and why, newest first.

A commit's message is whatever its writer typed. Its trailers count only where they are its last
paragraph, and they are attested only where a key of the instance or of CI signed the commit. One
``git rev-list`` names the commits as they are asked for; their bytes are read here, so that no
encoding, setting or display program of Git's stands between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from registry.errors import GitError, RegistryError
from registry.formats.parsing import parse_registry_facts
from registry.formats.timestamps import format_seconds, format_time
from registry.git.commit_message import (
    PLAIN_COMMIT,
    Message,
    author_of,
    read_message,
    split_signature,
)
from registry.git.commits import commit_time
from registry.git.repository import GitRepository
from registry.names import CommitId, LibraryName, is_library_name, parse_library_name
from registry.problems import printable
from registry.snapshots.registry import Registry
from registry.versions import Version, version_or_none

if TYPE_CHECKING:  # cryptography takes its time to load, and few registries attest
    from registry.signing.keys import PublicKey

__all__ = ["PLAIN_COMMIT", "AuditEntry", "Walk", "read_audit_trail", "read_part", "walk_commits"]

# Commits that are read together: the first few at once, then enough to keep Git's pipe full.
_FIRST_BATCH = 50
_BATCH = 500
_COMMIT_HEADER = re.compile(r"[0-9a-f]{40}\Z")
_LIBRARIES = "libraries"
_INSTANCES = "instances"


Walk = Callable[[GitRepository, str, Sequence[str]], Iterator[CommitId]]
"""Names the commits of a range that changed one of some paths, the newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One commit of the history. All its texts are fit for a terminal, and none for HTML as is.

    ``libraries`` are those whose files it changed, against its first parent; ``versions`` are the
    versions whose directories it changed. ``time`` is when it was committed, RFC 3339, UTC.
    """

    commit: CommitId
    time: str
    operation: str
    """As its trailer says; ``commit`` for one without trailers, which a person made with Git."""
    actor: str
    """As its trailer says, else the author that Git recorded: neither is proven by itself."""
    request: str
    libraries: tuple[LibraryName, ...] = ()
    versions: Mapping[LibraryName, tuple[Version, ...]] = field(default_factory=dict)
    summary: str
    reason: str
    attested: bool
    """True if a key of the instance or of CI signed it, so that operation and actor are proven."""


def read_audit_trail(  # noqa: PLR0913 - one for each filter
    registry: Registry,
    *,
    head: CommitId | None = None,
    after: CommitId | None = None,
    limit: int | None = None,
    library: LibraryName | None = None,
    actor: str | None = None,
    operation: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    walk: Walk | None = None,
) -> Iterator[AuditEntry]:
    """The entries up to a head (HEAD when None) that match all that is given, newest first.

    At most ``limit``, and no more is read than they need. With ``after`` only what that commit
    does not have. ``since`` and ``until`` (both included)
    carry a time zone. ``walk`` names the commits, `walk_commits` when left out. Raises
    InvalidNameError for no library's name.
    """
    at = head or registry.head()
    ids = (walk or walk_commits)(registry.repository, _range(at, after), _paths(library))
    wanted = _filter(actor=actor, operation=operation, since=since, until=until)
    keys = _instance_keys(registry, at)
    repository = registry.repository
    left = limit
    for batch in _batches(ids, limit):
        drafts = [draft for draft in _drafts(repository, batch) if wanted(draft)]
        chosen = drafts if left is None else drafts[: max(left, 0)]
        touched = _touched(repository, [draft.commit for draft in chosen])
        for draft in chosen:
            yield _entry(draft, touched[draft.commit], keys)
        if left is not None:
            left -= len(chosen)
            if left <= 0:
                return


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """A commit whose changes were not looked up yet."""

    commit: CommitId
    time: str
    raw: bytes
    message: Message

    @property
    def actor(self) -> str:
        return self.message.actor or author_of(self.raw)


def _filter(
    *, actor: str | None, operation: str | None, since: datetime | None, until: datetime | None
) -> Callable[[_Draft], bool]:
    """Return the test that picks the commits that are asked for."""
    first = format_time(since) if since is not None else None
    last = format_time(until) if until is not None else None
    name = printable(actor) if actor is not None else None

    def matches(draft: _Draft) -> bool:
        return (
            (operation is None or draft.message.operation == operation)
            and (name is None or draft.actor == name)
            and (first is None or draft.time >= first)
            and (last is None or draft.time <= last)
        )

    return matches


def walk_commits(
    repository: GitRepository, commits: str, paths: Sequence[str]
) -> Iterator[CommitId]:
    """The commits of a range; with paths, those that changed one of them, on any branch."""
    walked = ("--full-history", "--show-pulls", commits, "--", *paths)
    return map(CommitId, repository.lines("rev-list", *walked))


def _range(head: CommitId, after: CommitId | None) -> str:
    return head if after is None else f"{after}..{head}"


def _paths(library: LibraryName | None) -> tuple[str, ...]:
    if library is None:
        return ()
    name = parse_library_name(library)
    return f":(top){_LIBRARIES}/{name}", f":(top,glob){_INSTANCES}/*/{name}.yaml"


def read_part(  # noqa: PLR0913 - one for each filter
    registry: Registry,
    head: CommitId,
    start: int,
    *,
    limit: int,
    walk: int,
    library: LibraryName | None = None,
    actor: str | None = None,
    operation: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[AuditEntry], int | None]:
    """As `read_history`, from the ``start``-th ancestor of a head on, within ``walk`` commits.

    Returns the entries, which may be fewer than ``limit`` though there are more, and where to go
    on; None at the end of the history. With a library, the commits that changed it against their
    first parent. What it costs does not depend on how many match.
    """
    wanted = _filter(actor=actor, operation=operation, since=since, until=until)
    keys = _instance_keys(registry, head)
    repository = registry.repository
    lines = repository.lines("rev-list", f"--skip={start}", f"--max-count={walk + 1}", head, "--")
    ids = list(map(CommitId, lines))
    entries: list[AuditEntry] = []
    at = start
    for batch in _batches(iter(ids[:walk]), limit):
        drafts = list(_drafts(repository, batch))
        chosen = [draft for draft in drafts if wanted(draft)]
        touched = _touched(repository, [draft.commit for draft in chosen])
        for draft in drafts:
            at += 1
            if draft.commit not in touched or (library and library not in touched[draft.commit]):
                continue
            entries.append(_entry(draft, touched[draft.commit], keys))
            if len(entries) == limit:
                return entries, at if at - start < len(ids) else None
    return entries, at if len(ids) > walk else None


def _batches(ids: Iterator[CommitId], limit: int | None) -> Iterator[list[CommitId]]:
    """A first batch that a screen needs, then larger ones."""
    if limit is not None and limit <= 0:
        return
    size = _FIRST_BATCH if limit is None else min(limit, _BATCH)
    while batch := list(islice(ids, size)):
        yield batch
        size = _BATCH


def _drafts(repository: GitRepository, ids: Sequence[CommitId]) -> Iterator[_Draft]:
    for commit, found in zip(ids, list(repository.objects(ids)), strict=True):
        if found is None:
            raise GitError(f"commit {commit} is missing", where=str(repository.git_dir))
        yield _Draft(
            commit=commit,
            time=_time(found.content),
            raw=found.content,
            message=read_message(found.content),
        )


def _time(raw: bytes) -> str:
    """Return the time of a commit; the beginning of time for one that does not say it."""
    try:
        return commit_time(raw)
    except GitError:
        return format_seconds(0)


def _entry(draft: _Draft, paths: _Touched, keys: Sequence[PublicKey]) -> AuditEntry:
    return AuditEntry(
        commit=draft.commit,
        time=draft.time,
        operation=draft.message.operation,
        actor=draft.actor,
        request=draft.message.request,
        libraries=tuple(sorted(paths)),
        versions={name: tuple(sorted(paths[name])) for name in sorted(paths) if paths[name]},
        summary=draft.message.summary,
        reason=draft.message.reason,
        attested=_is_attested(draft.raw, keys),
    )


# Library → the versions whose directories were changed.
_Touched = Mapping[LibraryName, Iterable[Version]]


def _touched(repository: GitRepository, ids: Sequence[CommitId]) -> dict[CommitId, _Touched]:
    """Return the changes of each commit against its first parent."""
    touched: dict[CommitId, dict[LibraryName, set[Version]]] = {commit: {} for commit in ids}
    if not ids:
        return dict(touched)
    out = repository.run(
        "diff-tree", "--stdin", "-z", "-r", "--root", "--name-only", "--no-renames",
        "--diff-merges=first-parent", "--", _LIBRARIES, _INSTANCES,
        stdin="".join(f"{commit}\n" for commit in ids).encode(),
    )  # fmt: skip
    current: dict[LibraryName, set[Version]] = {}
    for record in out.decode(errors="surrogateescape").split("\0"):
        # Each path below the two directories has a slash; a commit's own line has none.
        if _COMMIT_HEADER.match(record):
            current = touched[CommitId(record)]
            continue
        name, version = _place(record)
        if name is not None:
            versions = current.setdefault(name, set())
            if version is not None:
                versions.add(version)
    return dict(touched)


def _place(path: str) -> tuple[LibraryName | None, Version | None]:
    """The library, and the version, that a path belongs to."""
    top, _, rest = path.partition("/")
    first, _, below = rest.partition("/")
    if top == _INSTANCES:
        return _name_or_none(below.removesuffix(".yaml")), None
    second, slash, _ = below.partition("/")
    return _name_or_none(first), version_or_none(second) if slash else None


@lru_cache(maxsize=4096)
def _name_or_none(text: str) -> LibraryName | None:
    return LibraryName(text) if is_library_name(text) else None


@lru_cache(maxsize=4096)
def _instance_keys(registry: Registry, head: CommitId) -> tuple[PublicKey, ...]:
    """The keys that attest, by ``registry.yaml`` at the head; a broken one does not count."""
    found = registry.repository.object(f"{head}:registry.yaml")
    facts = parse_registry_facts(found.content).value if found is not None else None
    lines = facts.policy.instance_keys if facts is not None else ()
    if not lines:
        return ()
    from registry.signing.keys import parse_public_key

    keys: list[PublicKey] = []
    for line in lines:
        try:
            keys.append(parse_public_key(line))
        except RegistryError:
            continue
    return tuple(keys)


def _is_attested(raw: bytes, keys: Sequence[PublicKey]) -> bool:
    signed = split_signature(raw) if keys else None
    if signed is None:
        return False
    from registry.signing.errors import SigningError
    from registry.signing.sshsig import verify
    from registry.signing.statements import Namespace

    payload, signature = signed
    try:
        verify(payload, signature, namespace=Namespace.COMMIT, keys=keys)
    except SigningError:
        return False
    return True
