"""Notice a head that was moved by hand, and say what is to be served meanwhile.

Git lets a person move HEAD and branches anywhere. Where the served branch goes back, goes elsewhere
or is left, what was served goes on being served until a person says that this was meant.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ConflictError, NoSuchCommitError
from registry.names import CommitId
from registry.problems import printable
from registry.snapshots.head_index import SHA1_LENGTH
from registry.snapshots.registry import Registry
from registry.terminal.pasting import word
from registry.trust.commit_walk import descends
from registry.trust.errors import TrustedFileError, UntrustedHistoryError
from registry.trust.report import Attack
from registry.trust.served_head import DETACHED, ServedHead, read_served_head
from registry.trust.trusted_head import read_trusted, refuse_untrusted

_HEADS = "refs/heads/"
_ACCEPT = "'opsteps trust HEAD' accepts it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The commit that is to be served. ``problem``: why it is not the head, and how to mend it."""

    commit: CommitId
    branch: str
    problem: str = ""
    next_step: str = ""
    attack: Attack | None = None
    """The attack that it would be if nobody meant it: the head lacks commits that were served."""

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.problem}. {self.next_step}" if self.problem else ""


def branch_head(registry: Registry, branch: str) -> CommitId | None:
    """The commit of a branch (or of ``HEAD``), by reading the ref's file where that is enough.

    None when there is none. Raises NotARegistryError where HEAD itself has no commit.
    """
    if branch in (registry.branch, DETACHED):
        return registry.head()
    try:
        text = (registry.repository.common_dir / branch).read_text().strip()
    except OSError:
        text = ""
    if len(text) == SHA1_LENGTH and text.isalnum():
        return CommitId(text)
    try:
        return registry.repository.resolve_commit(branch)
    except NoSuchCommitError:
        return None


def served_branch(registry: Registry, served: ServedHead | None) -> str:
    """The branch that is to be served: the one of the setting, else the one that was served."""
    if registry.served_branch:
        return f"{_HEADS}{registry.served_branch.removeprefix(_HEADS)}"
    if served is None or served.branch == DETACHED:
        return registry.branch
    return served.branch


def look_at_head(registry: Registry, served: ServedHead | None) -> Look:
    """Decide which commit is served next, after ``served``.

    Raises NotARegistryError where there is no commit, and UntrustedHistoryError or TrustedFileError
    where nothing else that could be served is known.
    """
    branch = served_branch(registry, served)
    if served is not None and served.branch not in (branch, DETACHED):
        served = None  # the setting names another one
    head = branch_head(registry, branch)
    if head is None and served is None:
        head = registry.head()
    if head is None or served is None:
        look = _first(registry, branch, head, served)
    else:
        look = _after(registry, branch, head, served)
    if look.problem or registry.branch == branch:
        return look
    return Look(
        commit=look.commit,
        branch=branch,
        problem=f"HEAD has left {_named(branch)}, which goes on being served, for"
        f" {_named(registry.branch)}",
        next_step=f"'git switch {_short(branch)}' goes back"
        + ("" if registry.served_branch else f", {_ACCEPT}"),
    )


def _first(
    registry: Registry, branch: str, head: CommitId | None, served: ServedHead | None
) -> Look:
    if head is not None:
        return _trusted(registry, branch, head, served)
    if served is None:  # the caller has looked for one of the two
        raise AssertionError
    return Look(
        commit=served.head,
        branch=branch,
        problem=f"{_named(branch)}, which is served, is gone",
        next_step=f"'git branch {_short(branch)} {served.head[:12]}' brings it back, {_ACCEPT}",
    )


def _after(registry: Registry, branch: str, head: CommitId, served: ServedHead) -> Look:
    """The head, where it comes after what was served."""
    if descends(registry.repository, head, served.head):
        return _trusted(registry, branch, head, served)
    found = registry.repository.object(served.head)
    if found is None or found.type != "commit":
        return Look(
            commit=_trusted(registry, branch, head, None).commit,
            branch=branch,
            problem=f"{served.head[:12]}, which was served last, is not in the repository any more",
            next_step=f"Fetch it from another clone, or {_ACCEPT}",
        )
    lost = int(registry.repository.run("rev-list", "--count", served.head, f"^{head}"))
    commits = f"{lost} commit{'' if lost == 1 else 's'}"
    if descends(registry.repository, served.head, head):
        attack, what = Attack.ROLLBACK, f"the head went back by {commits} to {head[:12]}"
    else:
        attack, what = Attack.REWRITTEN_HISTORY, f"{head[:12]} lacks {commits} that were served"
    return Look(
        commit=served.head,
        branch=branch,
        problem=f"{attack}: {what}: {served.head[:12]} goes on being served",
        next_step=f"'git merge {served.head[:12]}' brings it back, {_ACCEPT}",
        attack=attack,
    )


def _trusted(registry: Registry, branch: str, head: CommitId, served: ServedHead | None) -> Look:
    """The head, or what was trusted or served last where it does not come after that."""
    try:
        refuse_untrusted(registry, head)
    except (UntrustedHistoryError, TrustedFileError) as error:
        instead = _instead(registry, served)
        if instead is None:
            raise
        return Look(
            commit=instead, branch=branch, problem=str(error.message), next_step=error.next_step
        )
    return Look(commit=head, branch=branch)


def _instead(registry: Registry, served: ServedHead | None) -> CommitId | None:
    """Return a commit of the past to serve: the one that was served last, or trusted last."""
    try:
        trusted = read_trusted(registry)
    except TrustedFileError:
        trusted = None
    if served is not None and (
        trusted is None or descends(registry.repository, served.head, trusted.head)
    ):
        return served.head
    if trusted is None:
        return None
    found = registry.repository.object(trusted.head)
    return trusted.head if found is not None and found.type == "commit" else None


def refuse_moved(registry: Registry) -> None:
    """Raise ConflictError for a change by a server while HEAD is not where it serves."""
    if registry.served_branch is None:
        return
    look = look_at_head(registry, read_served_head(registry))
    if look.problem:
        raise ConflictError(look.problem, where=str(registry.path), next_step=look.next_step)


def refuse_not_served(registry: Registry) -> None:
    """Raise UntrustedHistoryError where the head lacks commits that a server of it has served.

    What was done upon such a head would be in the way of whoever brings those commits back.
    """
    look = look_at_served(registry)
    if look is not None and look.attack is not None:
        raise UntrustedHistoryError(
            look.problem, where=str(registry.path), next_step=look.next_step
        )


def look_at_served(registry: Registry) -> Look | None:
    """As `look_at_head`, where a server of this working tree has served something; else None.

    Nothing is said of a head that cannot be served at all: `refuse_untrusted` says that.
    """
    served = read_served_head(registry)  # before the head: a server never serves what is not there
    if served is None:
        return None
    try:
        return look_at_head(registry, served)
    except (UntrustedHistoryError, TrustedFileError):
        return None


def _short(branch: str) -> str:
    """A branch as a word of a command."""
    return word(branch.removeprefix(_HEADS))


def _named(branch: str) -> str:
    return "no branch" if branch == DETACHED else printable(branch)
