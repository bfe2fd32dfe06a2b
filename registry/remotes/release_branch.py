"""The branch that a registry is released from, and the branch that this clone stands on."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ConflictError
from registry.git.remote import parse_remote
from registry.snapshots.registry import Registry

_HEADS = "refs/heads/"
_USUAL = ("main", "master")


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchStanding:
    """The branch that is checked out, and the one that the registry is released from.

    ``branch`` is empty for a detached head, ``default`` where nothing says which it is.
    """

    branch: str
    default: str
    remote: str
    """The remote that the default branch was read from; empty without one."""

    @property
    def is_aside(self) -> bool:
        """True if this is a branch that is merged later: what is released here is not there."""
        return bool(self.branch and self.default and self.branch != self.default)


def standing(registry: Registry) -> BranchStanding:
    """Look at the remote's HEAD as this clone knows it, else at the branches with usual names."""
    ref = registry.branch
    branch = ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ""
    out = registry.repository.run(
        "for-each-ref", "--format=%(refname) %(symref)", "refs/heads/", "refs/remotes/"
    ).decode(errors="surrogateescape")
    refs = dict(line.split(" ", 1) for line in out.splitlines())
    remotes = dict.fromkeys(name.split("/")[2] for name in refs if name.startswith("refs/remotes/"))
    first = parse_remote(registry.remote) if registry.remote is not None else "origin"
    for remote in (name for name in (first, *remotes) if name in remotes):
        prefix = f"refs/remotes/{remote}/"
        head = refs.get(f"{prefix}HEAD", "").removeprefix(prefix)
        known = [name for name in _USUAL if f"{prefix}{name}" in refs]
        default = head or _usual(branch, known)
        if default:
            return BranchStanding(branch=branch, default=default, remote=remote)
    known = [name for name in _USUAL if f"{_HEADS}{name}" in refs]
    return BranchStanding(branch=branch, default=_usual(branch, known), remote="")


def _usual(branch: str, known: list[str]) -> str:
    """A branch with a usual name is not doubted where nothing names the default."""
    return branch if branch in known else next(iter(known), "")


def refuse_aside(registry: Registry, *, is_meant: bool) -> None:
    """Raise ConflictError for a release on a branch that is not the registry's own.

    ``is_meant``: a person says that the branch is. A tag is not pushed from there all the same.
    """
    where = standing(registry)
    if not where.is_aside or (is_meant and registry.remote is None):
        return
    push = " --remote would push the tag of a release that is not merged." if is_meant else ""
    raise ConflictError(
        f"this is the branch {where.branch!r}, and releases are made on {where.default!r}: a tag"
        f" made here would be there for everybody, and the release would not.{push}",
        where=str(registry.path),
        next_step=f"Merge the branch first, then release on {where.default!r}"
        + ("" if is_meant else "; if this branch is meant, say so with --on-this-branch"),
    )
