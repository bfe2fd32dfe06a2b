"""Fetch an upstream into the repository that it has here, and trust it only where it goes on.

Invariants of that repository:
- ``refs/heads/main`` and ``refs/tags/`` hold what was judged; ``refs/incoming/`` what was fetched;
- its branch only moves forward, and a release tag never moves: what once was installed from it can
  be compared with it for ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from registry.errors import GitError, LimitError, RegistryError
from registry.formats.parsing import parse_registry_facts
from registry.git.commit_writer import ABSENT, RefUpdate, move_refs
from registry.git.failures import dubious_owner
from registry.git.remote_limits import Reach, RemoteTimeoutError
from registry.git.repository import GitRepository
from registry.limits import Limits
from registry.names import CommitId, ObjectId
from registry.terminal.fetch_bar import FetchWatch
from registry.trust.commit_walk import descends
from registry.upstreams.declaration import Upstream
from registry.upstreams.errors import UnreachableUpstreamError, UntrustedUpstreamError
from registry.upstreams.fetch_limits import FetchLimits, reach_of

_INCOMING = "refs/incoming"
_MAIN = "refs/heads/main"
_RELEASE_TAG = re.compile(r"[a-z][a-z0-9-]*/v[0-9][0-9a-z.-]*\Z")
_REDIRECTED = re.compile(r"returned error: 30\d|redirect")
_SHOWN = 400


def fetch(
    repository: GitRepository,
    upstream: Upstream,
    limits: Limits,
    costs: FetchLimits,
    *,
    watch: FetchWatch | None = None,
) -> CommitId:
    """Bring the repository up to where the upstream is; returns its head.

    ``watch`` is told how far the download is.

    Raises AddressError, UnreachableUpstreamError, UntrustedUpstreamError and LimitError; then
    nothing that was trusted has changed.
    """
    _download(repository, upstream, reach_of(upstream, costs), watch)
    head = repository.resolve_commit(f"{_INCOMING}/head")
    _refuse_large(repository, upstream, limits)
    _refuse_no_registry(repository, upstream, head)
    known = _refs(repository, "refs/heads/", 2).get("main")
    _refuse_other_history(repository, upstream, head, CommitId(known) if known else None)
    tags = _refs(repository, "refs/tags/", 2)
    fetched = _refs(repository, f"{_INCOMING}/tags/", 3)
    _refuse_moved_tags(upstream, tags, fetched)
    new = [
        RefUpdate(ref=f"refs/tags/{name}", new=object_id)
        for name, object_id in fetched.items()
        if name not in tags and _RELEASE_TAG.match(name)
    ]
    if known != str(head):
        new.append(RefUpdate(ref=_MAIN, new=head, old=known or ABSENT))
    if new:
        move_refs(repository, new)
    return head


def forget_trust(repository: GitRepository) -> None:
    """Begin again with what is fetched next: somebody said so."""
    refs = [*(f"refs/tags/{name}" for name in _refs(repository, "refs/tags/", 2)), _MAIN]
    lines = "".join(f"delete {ref}\n" for ref in refs)
    repository.run("update-ref", "--stdin", stdin=lines.encode())


def _download(
    repository: GitRepository, upstream: Upstream, reach: Reach, watch: FetchWatch | None
) -> None:
    arguments = (
        "--no-tags", "--prune", "--no-recurse-submodules", "--no-write-fetch-head",
        "--no-auto-maintenance", "--upload-pack=git-upload-pack", "--end-of-options",
        upstream.address.url, f"+HEAD:{_INCOMING}/head", f"+refs/tags/*:{_INCOMING}/tags/*",
    )  # fmt: skip
    try:
        if watch is None:
            repository.run_remotely("fetch", "--quiet", *arguments, reach=reach)
            return
        from registry.git.fetch_progress import fetch_watched

        told = partial(watch, upstream.alias)
        fetch_watched(repository, arguments, reach=reach, watch=told)
    except RemoteTimeoutError as error:
        raise _unreachable(upstream, error.message) from error
    except GitError as error:
        raise _unreachable(upstream, _reason(error)) from error


def _reason(error: GitError) -> str:
    """Return Git's message in one line; a redirect is named as what it is."""
    if _REDIRECTED.search(error.said):
        return "it redirects to another address; declare the address that it leads to"
    if any(text in error.said for text in ("exceeded", "File size limit", "signal 25")):
        return "it is larger than may be fetched at once"
    owned = dubious_owner(error.said)
    if owned is not None:
        return f"{owned.message}. {owned.next_step}"
    return error.message.removeprefix("git fetch").removeprefix(" failed").lstrip(": ")[:_SHOWN]


def _unreachable(upstream: Upstream, why: str) -> UnreachableUpstreamError:
    return UnreachableUpstreamError(
        f"the upstream {upstream.alias!r} cannot be fetched: {why}",
        next_step="Try again later with 'opsteps upstream update'; nobody else is asked for what "
        "it may have",
    )


def _refuse_large(repository: GitRepository, upstream: Upstream, limits: Limits) -> None:
    """No file of an honest registry is larger than a file may be."""
    smaller = f"--filter=blob:limit={limits.file_bytes + 1}"
    lines = repository.lines(
        "rev-list", "--objects", "--no-object-names", smaller,
        "--filter-print-omitted", f"{_INCOMING}/head", "--not", "--branches",
    )  # fmt: skip
    if any(line.startswith("~") for line in lines):
        raise LimitError(
            f"it holds files of more than {limits.file_bytes:,} bytes",
            where=f"upstream {upstream.alias}",
            next_step="Tell those who run it; no library may have such a file",
        )


def _refuse_no_registry(repository: GitRepository, upstream: Upstream, head: CommitId) -> None:
    found = repository.object(f"{head}:registry.yaml")
    if found is None or parse_registry_facts(found.content).value is None:
        raise UntrustedUpstreamError(
            "its head holds no registry.yaml that can be read",
            where=f"upstream {upstream.alias}",
            next_step="Correct the address: it must be that of a registry",
        )


def _refuse_other_history(
    repository: GitRepository, upstream: Upstream, head: CommitId, known: CommitId | None
) -> None:
    for before, what in ((known, "was fetched before"), (upstream.trusted, "was trusted")):
        if before is None or _descends(repository, head, before):
            continue
        is_older = _descends(repository, before, head)
        raise UntrustedUpstreamError(
            f"its head {head[:12]} {'is older than' if is_older else 'does not descend from'} "
            f"{before[:12]}, which {what}",
            where=f"upstream {upstream.alias}",
            next_step="Find out who moved it; if it was meant, say so with "
            f"'opsteps upstream trust {upstream.alias} {head[:12]}'",
        )


def _descends(repository: GitRepository, head: CommitId, before: CommitId) -> bool:
    try:
        return descends(repository, head, before)
    except RegistryError:  # a commit that is not even there
        return False


def _refuse_moved_tags(
    upstream: Upstream, known: Mapping[str, ObjectId], fetched: Mapping[str, ObjectId]
) -> None:
    moved = sorted(name for name, was in known.items() if fetched.get(name, was) != was)
    if moved:
        raise UntrustedUpstreamError(
            f"the release tag {moved[0]} was moved"
            + (f", and {len(moved) - 1} more" if len(moved) > 1 else ""),
            where=f"upstream {upstream.alias}",
            next_step="A release never changes: find out who moved it",
        )


def _refs(repository: GitRepository, below: str, strip: int) -> dict[str, ObjectId]:
    layout = f"--format=%(objectname) %(refname:strip={strip})"
    out = repository.run("for-each-ref", layout, below).decode(errors="surrogateescape")
    rows = (line.partition(" ") for line in out.splitlines())
    return {name: ObjectId(object_id) for object_id, _, name in rows}
