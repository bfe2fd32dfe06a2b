"""The refs of a registry's remote: fetched before a write, moved there first, all or none.

The remote decides between writers on several machines. Nothing is ever forced: each ref moves
only from where it is expected, so that whoever is slower starts again on the new head.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from registry.errors import GitError, InvalidNameError, MovedError
from registry.git.commit_writer import ABSENT, RefUpdate
from registry.git.remote_failures import rejected_refs
from registry.git.remote_limits import Reach
from registry.git.remote_places import refuse_inside
from registry.git.repository import GitRepository
from registry.names import CommitId

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
# How often a fetch is tried while others move the same ref in this clone.
_FETCHES = 5
# What Git says where a ref is not where the lease expects it.
_MOVED = (
    "stale info",
    "non-fast-forward",
    "fetch first",
    "already exists",
    "cannot lock ref",
    "failed to update ref",
    "atomic push failed",
)


def parse_remote(text: str) -> str:
    """The name of a remote; raises InvalidNameError."""
    if not _NAME.match(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not a name of a remote", next_step="Use one of 'git remote'"
        )
    return text


def _known(repository: GitRepository, remote: str) -> str:
    """The name of a remote that may be asked; raises InvalidNameError, GitError."""
    name = parse_remote(remote)
    refuse_inside(repository, name)
    return name


def fetch_branch(
    repository: GitRepository,
    remote: str,
    branch: str,
    *,
    holding: int | None = None,
    reach: Reach | None = None,
) -> CommitId | None:
    """Fetch a branch with the tags on its commits; None where the remote does not have it.

    ``branch`` is a whole ref. Tags that are here already are left as they are.
    """
    name = _known(repository, remote)
    tracking = f"refs/remotes/{name}/{branch.removeprefix('refs/heads/')}"
    for is_last in (*[False] * (_FETCHES - 1), True):
        try:
            repository.run_remotely(
                "fetch", "--quiet", "--no-recurse-submodules", "--no-write-fetch-head",
                "--no-auto-maintenance", "--upload-pack=git-upload-pack", "--end-of-options",
                name, f"+{branch}:{tracking}", holding=holding, reach=reach,
            )  # fmt: skip
            break
        except GitError as error:
            if "couldn't find remote ref" in error.said:
                return None
            # Somebody's own fetch or push moved the same ref meanwhile: nothing is wrong there.
            if is_last or "cannot lock ref" not in error.said:
                raise
    return repository.resolve_commit(tracking)


def remote_branch(
    repository: GitRepository, remote: str, branch: str, *, reach: Reach | None = None
) -> CommitId | None:
    """Return a branch's commit on the remote; None where it is not there. Nothing is fetched."""
    out = repository.run_remotely(
        "ls-remote", "--quiet", "--upload-pack=git-upload-pack", "--end-of-options",
        _known(repository, remote), branch, reach=reach,
    ).decode(errors="replace")  # fmt: skip
    rows = (line.split("\t") for line in out.splitlines())
    return next((CommitId(row[0]) for row in rows if row[-1] == branch), None)


def remote_tags(
    repository: GitRepository, remote: str, *, reach: Reach | None = None
) -> frozenset[str]:
    """The names of the remote's tags, without ``refs/tags/``. Nothing is fetched."""
    return frozenset(remote_tag_ids(repository, remote, reach=reach))


def remote_tag_ids(
    repository: GitRepository, remote: str, *, reach: Reach | None = None
) -> dict[str, str]:
    """As `remote_tags`, each with the id of the object that it is there."""
    out = repository.run_remotely(
        "ls-remote", "--quiet", "--tags", "--refs", "--upload-pack=git-upload-pack",
        "--end-of-options", _known(repository, remote), reach=reach,
    ).decode(errors="surrogateescape")  # fmt: skip
    rows = (line.partition("\trefs/tags/") for line in out.split("\n"))
    return {name: object_id for object_id, found, name in rows if found}


def push(
    repository: GitRepository,
    remote: str,
    updates: Sequence[RefUpdate],
    *,
    holding: int | None = None,
    reach: Reach | None = None,
) -> None:
    """Move refs on the remote, all or none, each only from where it is expected.

    Raises MovedError when another writer was faster there, else GitError.
    """
    leases = [
        f"--force-with-lease={item.ref}:{'' if item.old == ABSENT else item.old}"
        for item in updates
    ]
    try:
        repository.run_remotely(
            "push", "--quiet", "--atomic", "--no-verify", "--no-signed",
            "--receive-pack=git-receive-pack", *leases, "--end-of-options",
            _known(repository, remote), *(f"{item.new}:{item.ref}" for item in updates),
            holding=holding, reach=reach,
        )  # fmt: skip
    except GitError as error:
        if not any(text in error.said for text in _MOVED):
            raise
        refs = ", ".join(rejected_refs(error.said)) or "a ref"
        raise MovedError(
            f"{remote} has moved meanwhile: {refs}",
            where=error.where,
            next_step="Run the command again; nothing was changed",
        ) from error
