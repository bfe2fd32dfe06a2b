"""Releases that the remote does not have yet, and the Git command that sends them there.

Branch and tags go together: a branch without its tags is an alarm for everybody who fetches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.errors import ConflictError, GitError, NoSuchCommitError
from registry.git.ancestry import is_ancestor
from registry.git.remote import parse_remote, remote_tags
from registry.git.remote_limits import Reach
from registry.git.tag_refs import tag_refs
from registry.names import CommitId, is_library_name
from registry.problems import printable
from registry.remotes.release_branch import standing
from registry.snapshots.registry import Registry
from registry.terminal.pasting import git_line
from registry.versions import is_version

_HEADS = "refs/heads/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpublished:
    """A branch here with the release tags on it that the remote lacks."""

    remote: str
    branch: str
    tags: tuple[str, ...] = ()

    def command(self, where: Path) -> str:
        """The line that sends all of it, or nothing; ``where`` is the registry's directory."""
        words = ["--atomic", self.remote, self.branch] if self.tags else [self.remote, self.branch]
        return git_command(where, "push", *words, *self.tags)


def git_command(where: Path, *words: str) -> str:
    """``git`` with these words, quoted for a shell; it names the directory where it must."""
    here = Path.cwd()
    is_here = where.resolve() in {here, *here.parents}
    place = [] if is_here else ["-C", str(where)]
    return git_line(*place, *words)


def unpublished(registry: Registry, *, branch: str = "", remote: str = "") -> Unpublished | None:
    """Return what the remote lacked when last heard of; None where nothing can be sent.

    Of the branch that is checked out, and the remote of the registry, where none is named.
    """
    remote = remote or _remote(registry)
    branch = branch or _branch(registry)
    if not remote or not branch:
        return None
    repository = registry.repository
    try:
        theirs: CommitId | None = repository.resolve_commit(f"refs/remotes/{remote}/{branch}")
    except NoSuchCommitError:
        theirs = None
    known = release_tags(registry, theirs) if theirs is not None else frozenset()
    here = release_tags(registry, repository.resolve_commit(f"{_HEADS}{branch}"))
    return Unpublished(remote=remote, branch=branch, tags=tuple(sorted(here - known)))


def missing_tags(registry: Registry) -> Unpublished | None:
    """The release tags at the head that the remote lacks, asked now; None when it has them all.

    Raises GitError.
    """
    remote, branch = _remote(registry), _branch(registry)
    if not remote or not branch:
        return None
    reach = Reach(seconds=registry.remote_seconds)
    missing = release_tags(registry, registry.head()) - remote_tags(
        registry.repository, remote, reach=reach
    )
    if not missing:
        return None
    return Unpublished(remote=remote, branch=branch, tags=tuple(sorted(missing)))


def release_tags(registry: Registry, commit: CommitId) -> frozenset[str]:
    """The annotated tags with a release's name, on this commit and its ancestors."""
    tags = tag_refs(registry.repository, merged=commit)
    return frozenset(name for name, tag in tags.items() if tag.commit and _is_release(name))


def refuse_ahead(registry: Registry, remote: str, theirs: CommitId) -> None:
    """Raise ConflictError for a branch with commits that the remote's lacks.

    They are not sent along with an operation: nobody asked for that, and Git has a word for it.
    """
    head = registry.head()
    if head == theirs or is_ancestor(registry.repository, head, theirs):
        return
    count = int(registry.repository.run("rev-list", "--count", head, f"^{theirs}"))
    branch = _branch(registry)
    if _had(registry, remote, branch, head):
        raise _rewound(registry, remote, branch, theirs)
    found = unpublished(registry, branch=branch, remote=remote)
    where = standing(registry)
    # What is released on a branch that is not merged has its tag pushed by nobody's advice.
    if found is None or where.is_aside:
        found = Unpublished(remote=remote, branch=branch)
    raise ConflictError(
        f"your {printable(branch)} has {count:,} commit{'s' if count > 1 else ''} that"
        f" {remote} does not have",
        where=str(registry.path),
        next_step=f"Push {'them' if count > 1 else 'it'} first with"
        f" '{found.command(registry.path)}', then run the command again",
    )


def _had(registry: Registry, remote: str, branch: str, commit: CommitId) -> bool:
    """True if a remote's branch was once at a commit, for all that this clone saw of it."""
    ref = f"refs/remotes/{remote}/{branch}"
    try:
        out = registry.repository.run("log", "--walk-reflogs", "--format=%H", ref, "--")
    except GitError:  # it keeps no log of it
        return False
    return commit in out.decode().split()


def _rewound(registry: Registry, remote: str, branch: str, theirs: CommitId) -> ConflictError:
    line = git_command(registry.path, "push", remote, branch)
    return ConflictError(
        f"{remote} is at {theirs[:12]}, which is older than {registry.head()[:12]} here, and it"
        " was there already: it was rewound",
        where=str(registry.path),
        next_step=f"Find out who did that; '{line}' brings back what it had, unless it was meant",
    )


def tag_step(registry: Registry, tag: str, otherwise: str) -> str:
    """Advise on a tag without a ledger entry here: a release elsewhere is not deleted."""
    try:
        out = registry.repository.run(
            "for-each-ref", "--format=%(refname:short)", f"--contains=refs/tags/{tag}",
            _HEADS, "refs/remotes/",
        )  # fmt: skip
    except GitError:  # the tag is on no commit
        return otherwise
    branches = out.decode(errors="replace").splitlines()
    if not branches or tag in release_tags(registry, registry.head()):
        return otherwise
    return f"Leave it: it is on the branch {printable(branches[0])}; merge that branch first"


def _is_release(tag: str) -> bool:
    library, slash, version = tag.partition("/v")
    return bool(slash) and is_library_name(library) and is_version(version)


def _remote(registry: Registry) -> str:
    if registry.remote is not None:
        return parse_remote(registry.remote)
    return standing(registry).remote or next(iter(registry.repository.config.remotes), "")


def _branch(registry: Registry) -> str:
    ref = registry.branch
    return ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ""
