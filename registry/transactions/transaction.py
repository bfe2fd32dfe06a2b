"""One operation is one commit: who did it and why in its trailers, all refs moved or none.

When another writer was faster, the operation starts again on the new head. What is acknowledged
is durable; what a killed writer left half-way is cleared up before the next one starts.
"""

from __future__ import annotations

import random
import shlex
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from registry.errors import ConflictError, GitError, MovedError, UnfinishedError
from registry.files.locks import exclusive
from registry.files.os_errors import file_system_error
from registry.git.ancestry import is_ancestor
from registry.git.checkout import refuse_detached, refuse_under_way
from registry.git.commit_writer import Identity, NewCommit, RefUpdate, move_refs, put_commit
from registry.git.identity import GitIdentity
from registry.git.litter import clear_litter
from registry.git.object_writer import ObjectWriter
from registry.git.packs import let_go
from registry.git.remote import fetch_branch, push, remote_branch
from registry.git.remote_limits import Reach
from registry.git.worktree import follow
from registry.library.release_tag import tag_object
from registry.names import CommitId
from registry.problems import printable
from registry.remotes.unsent import git_command, refuse_ahead
from registry.snapshots.recognition import refuse_no_registry
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal, first_head
from registry.transactions.recovery import recover
from registry.trust.attested_writes import refuse_unattested
from registry.trust.moved_head import refuse_moved
from registry.trust.trusted_head import refuse_untrusted

if TYPE_CHECKING:  # cryptography takes its time to load, and few operations sign
    from registry.signing.private_keys import PrivateKey

# How often a write is tried again when another writer moved the head first.
_ATTEMPTS = 12
_PAUSE = 0.01
_LINE_CHARACTERS = 200
_EMAIL_DOMAIN = "opsteps.invalid"

Result = TypeVar("Result")


def new_request() -> str:
    """An id for an operation that was asked for without one."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Somebody who acts, for which request; ``key`` attests the commit, None: unattested.

    ``author`` is whom Git records, where a person told Git so; without one it is the actor.
    """

    name: str
    request: str = field(default_factory=new_request)
    key: PrivateKey | None = None
    author: GitIdentity = field(default_factory=GitIdentity)

    def identity(self, seconds: int | None = None) -> Identity:
        """Return the author that Git records; ``seconds`` since 1970, now when None."""
        name = self.author.name or self.name
        safe = (c for c in name.lower() if c.isascii() and (c.isalnum() or c in "-_."))
        now = int(time.time()) if seconds is None else seconds
        email = self.author.email or f"{''.join(safe) or 'x'}@{_EMAIL_DOMAIN}"
        return Identity(name=name, email=email, seconds=now)

    def sign(self, commit: bytes) -> str:
        """The armored signature over a raw commit; without a key there is none to call this."""
        from registry.signing.sshsig import sign
        from registry.signing.statements import Namespace

        if self.key is None:
            raise ConflictError(f"{self.name} has no key to sign with")
        return sign(commit, namespace=Namespace.COMMIT, key=self.key)


def operation_commit(
    summary: str,
    *,
    operation: str,
    by: Actor,
    files: dict[str, bytes],
    removed: Sequence[str] = (),
    body: str = "",
    seconds: int | None = None,
) -> NewCommit:
    """The commit of an operation, to be written upon a head; signed where the actor has a key."""
    return NewCommit(
        message=operation_message(summary, operation=operation, by=by, body=body),
        who=by.identity(seconds),
        files=files,
        removed=removed,
        sign=by.sign if by.key is not None else None,
        key=by.key.public if by.key is not None else None,
    )


def operation_message(summary: str, *, operation: str, by: Actor, body: str = "") -> str:
    """A commit message with the trailers that make the history an audit trail.

    ``body`` is a line of text between the two, such as a reason.
    """
    text = f"{one_line(body)}\n\n" if body else ""
    trailers = f"Actor: {one_line(by.name)}\nRequest-Id: {one_line(by.request)}"
    return f"{one_line(summary)}\n\n{text}Operation: {operation}\n{trailers}\n"


def one_line(text: str) -> str:
    """Text of strangers as one line of a commit: nothing in it can become a trailer of its own."""
    return printable(" ".join(text.split()))[:_LINE_CHARACTERS] or "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTag:
    """An annotated tag to put on the commit being written."""

    name: str
    message: str
    who: Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """A writer's turn: the head that it builds upon, and the lock that it holds meanwhile."""

    registry: Registry
    head: CommitId
    lock: int

    def commit(self, commit: NewCommit, tags: Sequence[NewTag] = ()) -> CommitId:
        """Write one commit upon the head and move the branch and all tags, or nothing at all.

        Raises MovedError when another writer was faster, ConflictError for what an instance key
        has to sign and none does.
        """
        repository = self.registry.repository
        refuse_unattested(repository, self.head, commit)
        writer = ObjectWriter(repository)
        new = put_commit(repository, writer, self.head, commit)
        updates = [
            RefUpdate(
                ref=f"refs/tags/{tag.name}",
                new=writer.write(
                    "tag", tag_object(tag.name, new, tag.message, tagger=str(tag.who))
                ),
            )
            for tag in tags
        ]
        writer.finish()
        self.move([*updates, RefUpdate(ref=self.registry.branch, new=new, old=self.head)])
        return new

    def move(self, updates: Sequence[RefUpdate]) -> None:
        """Move refs: on the remote first, where there is one; raises MovedError."""
        journal = journal_of(self.registry)
        entry = journal.begin(self.head, updates)
        try:
            if self.registry.remote is not None:
                push(
                    self.registry.repository,
                    self.registry.remote,
                    updates,
                    holding=self.lock,
                    reach=Reach(seconds=self.registry.remote_seconds),
                )
            self._move_here(updates)
        except MovedError:
            journal.end(entry)
            raise
        finally:
            let_go(self.registry.repository)
        # It is done. An entry that cannot be renamed tells the next turn to look.
        with suppress(OSError):
            journal.moved(entry)

    def _move_here(self, updates: Sequence[RefUpdate]) -> None:
        """Move our own refs; the remote has them already, so a failure here is not the change's."""
        try:
            move_refs(self.registry.repository, updates, holding=self.lock)
        except (MovedError, UnfinishedError):
            raise
        except (GitError, OSError) as error:
            if self.registry.remote is None:
                raise
            told = file_system_error(error) if isinstance(error, OSError) else error
            raise UnfinishedError(
                f"the change is made on {self.registry.remote}, and this clone could not follow:"
                f" {told.message}",
                where=told.where,
                next_step="It follows by itself once it can; do not make the change again",
            ) from error


def run_transaction(
    registry: Registry, attempt: Callable[[Transaction], Result], *, needs_tags: bool = True
) -> Result:
    """Take a turn; try again on the new head when another writer was faster.

    Our own writers wait for each other, so that only a person's Git or another machine can be
    faster. Without ``needs_tags`` a clone that lacks all release tags will do.

    Raises NotARegistryError for a repository that is not a registry, UntrustedHistoryError when the
    head does not descend from the last trusted one, and what the attempt raises.
    """
    _refuse_unfit(registry, needs_tags=needs_tags)
    refuse_moved(registry)
    if registry.remote is None and not registry.state_directory.exists():
        # Not even a lock is left behind in a stranger's repository.
        refuse_no_registry(registry, registry.head())
    with exclusive(registry.state_directory / "write.lock") as lock:
        recover(registry.repository, journal_of(registry))
        for number in range(1, _ATTEMPTS + 1):
            if registry.remote is not None:
                theirs = _catch_up(registry, registry.remote, lock)
                _refuse_unpublished(registry, registry.remote, theirs)
            try:
                head = registry.head()
                refuse_no_registry(registry, head)
                refuse_untrusted(registry, head)
                refuse_moved(registry)
                return attempt(Transaction(registry=registry, head=head, lock=lock))
            except MovedError:
                if number == _ATTEMPTS:
                    raise
                # Writers that met once shall not meet again.
                time.sleep(random.uniform(0, _PAUSE * number))  # noqa: S311 - no secret
        raise AssertionError  # the last attempt returns or raises


def keep_up(registry: Registry) -> None:
    """Bring the branch to where the remote's is; raises what a write that begins there would."""
    run_transaction(registry, lambda turn: turn.head)


def _refuse_unfit(registry: Registry, *, needs_tags: bool) -> None:
    """Raise what keeps a clone from being written to, before anything waits or is fetched."""
    clone = registry.clone_state()
    if needs_tags or clone.is_shallow:
        clone.refuse_incomplete(registry.path)
    refuse_under_way(registry.repository)
    refuse_detached(registry.repository, registry.branch)


def catch_up(registry: Registry) -> bool:
    """Bring the branch to where the remote's is; False when it was there already.

    Raises GitError when the remote cannot be had, ConflictError when it lacks the branch, or one of
    the two has what the other lacks, UntrustedHistoryError.
    """
    remote = registry.remote
    if remote is None:
        return False
    refuse_detached(registry.repository, registry.branch)
    refuse_moved(registry)
    reach = Reach(seconds=registry.remote_seconds)
    # Asked without the lock: a remote that is slow to say that nothing is new blocks no writer.
    theirs = remote_branch(registry.repository, remote, registry.branch, reach=reach)
    if theirs is None:
        raise _unpublished(registry, remote)
    before = registry.head()
    if theirs == before:
        return False
    with exclusive(registry.state_directory / "write.lock") as lock:
        recover(registry.repository, journal_of(registry))
        _catch_up(registry, remote, lock)
    if registry.head() == before:
        raise ConflictError(
            f"{remote} is at {theirs[:12]}, which is older than {before[:12]} here",
            where=str(registry.path),
            next_step="It was rewound, or commits here were never pushed: find out which",
        )
    return True


def _refuse_unpublished(registry: Registry, remote: str, theirs: CommitId | None) -> None:
    """Raise ConflictError for a branch that the remote lacks, or commits of it: it cannot move."""
    if theirs is not None:
        refuse_ahead(registry, remote, theirs)
        return
    raise _unpublished(registry, remote)


def _unpublished(registry: Registry, remote: str) -> ConflictError:
    """The remote lacks the branch: it was deleted there, or never published."""
    branch = printable(registry.branch.removeprefix("refs/heads/"))
    return ConflictError(
        f"{remote} has no branch {branch}, so nothing can move there",
        where=str(registry.path),
        next_step=f"Publish it first with '{shlex.join(['git', 'push', '-u', remote, branch])}', or"
        f" go to a branch that {remote} has",
    )


def _catch_up(registry: Registry, remote: str, lock: int) -> CommitId | None:
    """Move the branch to where the remote's is, if that comes after it; None if it has none."""
    repository = registry.repository
    reach = Reach(seconds=registry.remote_seconds)
    theirs = fetch_branch(repository, remote, registry.branch, holding=lock, reach=reach)
    head = registry.head()
    if theirs is None or is_ancestor(repository, theirs, head):
        return theirs
    if not is_ancestor(repository, head, theirs):
        branch = registry.branch.removeprefix("refs/heads/")
        raise ConflictError(
            f"the branch here and that of {remote} have both moved on",
            where=str(registry.path),
            # A rebase would make other commits of releases, and leave their tags behind.
            next_step="Merge what it has with"
            f" '{git_command(registry.path, 'pull', '--no-rebase', remote, branch)}', then run the"
            " command again",
        )
    updates = [RefUpdate(ref=registry.branch, new=theirs, old=head)]
    journal = journal_of(registry)
    entry = journal.begin(head, updates)
    move_refs(repository, updates, holding=lock)
    journal.moved(entry)
    return theirs


def follow_head(registry: Registry) -> tuple[str, ...]:
    """After the answer: index and working tree follow every operation that they have not yet.

    Returns the paths that were left alone because somebody had edited, staged or removed them.
    """
    journal = journal_of(registry)
    waiting = journal.following()
    if not waiting:
        return ()
    kept = follow(registry.repository, first_head(registry.repository, waiting))
    for entry in waiting:
        journal.end(entry)
    return kept


def reconcile(registry: Registry) -> None:
    """At start-up: finish or clear up what a killed process left; changes nothing otherwise."""
    with exclusive(registry.state_directory / "write.lock"):
        recover(registry.repository, journal_of(registry))
        clear_litter(registry.repository, registry.state_directory)
    follow_head(registry)


def journal_of(registry: Registry) -> Journal:
    """The operations under way, or not followed yet."""
    return Journal(registry.state_directory / "journal")
