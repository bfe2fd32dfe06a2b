"""The signed statement of what the head is and when: kept on a branch of its own, `opsteps-head`.

The branch shares no commit with the registry: signing the head must not move it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.errors import ConflictError, GitError
from registry.files.locks import exclusive
from registry.git.commit_writer import ABSENT, NewCommit, RefUpdate, move_refs, write_commit
from registry.git.commits import commit_tree
from registry.git.remote import fetch_branch, push
from registry.git.repository import GitRepository
from registry.git.trees import read_tree
from registry.names import CommitId
from registry.signing.errors import MalformedStatementError, OtherKeyError
from registry.signing.private_keys import PrivateKey
from registry.signing.signed_statements import sign_head_statement
from registry.signing.statements import HeadStatement, parse_head_statement
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, operation_commit
from registry.trust.commit_walk import descends
from registry.verifying.authority import SignedFacts, judge_authority
from registry.verifying.signed_registry_file import signed_facts_at

BRANCH = "refs/heads/opsteps-head"
STATEMENT_FILE = "head.txt"
SIGNATURE_FILE = "head.txt.sig"
_FIRST = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptStatement:
    """The contents of a branch `opsteps-head`, not verified; a file that is not there is None."""

    ref: str
    commit: CommitId
    raw: bytes | None
    signature: bytes | None

    def sequence(self) -> int:
        """The number that it states, unverified; 0 when it states none."""
        try:
            return parse_head_statement(self.raw or b"").sequence
        except MalformedStatementError:
            return 0


def read_statements(repository: GitRepository) -> tuple[KeptStatement, ...]:
    """The statements on the branch here and on those of remotes, as they were last fetched."""
    out = repository.run(
        "for-each-ref", "--format=%(objectname) %(refname)",
        BRANCH, "refs/remotes/*/opsteps-head",
    )  # fmt: skip
    refs = (line.split(" ", 1) for line in out.decode(errors="surrogateescape").splitlines())
    return tuple(_read(repository, ref, CommitId(commit)) for commit, ref in refs)


def _read(repository: GitRepository, ref: str, commit: CommitId) -> KeptStatement:
    found = repository.object(commit)
    if found is None or found.type != "commit":
        raise GitError(f"{ref} is not a branch", next_step=f"Look with 'git log {ref}'")
    entries = {e.name: e for e in read_tree(repository, commit_tree(found.content)) if e.is_file}

    def content(name: str) -> bytes | None:
        blob = repository.object(entries[name].object_id) if name in entries else None
        return blob.content if blob is not None else None

    return KeptStatement(
        ref=ref,
        commit=commit,
        raw=content(STATEMENT_FILE),
        signature=content(SIGNATURE_FILE),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedHead:
    """A statement that was written, and the commit that holds it."""

    statement: HeadStatement
    commit: CommitId


def write_statement(
    registry: Registry, key: PrivateKey, *, by: Actor, time: datetime, least: int = _FIRST
) -> SignedHead:
    """Sign what the head is, with a number above the last one's and not below ``least``.

    On the registry's remote, where it has one, the branch moves first. Raises OtherKeyError for a
    key that ``registry.yaml`` does not list, and MovedError when somebody else signed meanwhile.
    """
    repository = registry.repository
    with exclusive(registry.state_directory / "write.lock") as lock:
        head = registry.head()
        _require_listed(signed_facts_at(repository, head), key)
        theirs = _remote_branch(registry, head, lock)
        kept = read_statements(repository)
        last = max(kept, key=KeptStatement.sequence, default=None)
        sequence = max(least, last.sequence() + 1 if last else _FIRST)
        statement = HeadStatement(head=head, sequence=sequence, time=time)
        new = write_commit(
            repository, last.commit if last else None, _commit(statement, key, by=by)
        )
        if registry.remote is not None:
            update = RefUpdate(ref=BRANCH, new=new, old=theirs or ABSENT)
            push(repository, registry.remote, [update], holding=lock)
        here = next((item.commit for item in kept if item.ref == BRANCH), ABSENT)
        move_refs(repository, [RefUpdate(ref=BRANCH, new=new, old=here)], holding=lock)
    return SignedHead(statement=statement, commit=new)


def _commit(statement: HeadStatement, key: PrivateKey, *, by: Actor) -> NewCommit:
    return operation_commit(
        f"Sign the head, number {statement.sequence}",
        operation="sign-head",
        by=by,
        files={
            STATEMENT_FILE: bytes(statement),
            SIGNATURE_FILE: sign_head_statement(statement, key).encode(),
        },
        seconds=int(statement.time.timestamp()),
    )


def _remote_branch(registry: Registry, head: CommitId, lock: int) -> CommitId | None:
    """Return the remote's branch of statements; raises ConflictError for a head of our own."""
    if registry.remote is None:
        return None
    repository, branch = registry.repository, registry.branch
    if branch != "HEAD":
        theirs = fetch_branch(repository, registry.remote, branch, holding=lock)
        if theirs is None or not descends(repository, theirs, head):
            raise ConflictError(
                f"the head {head[:12]} is not on {registry.remote} yet",
                where=branch,
                next_step="Push it first: those who fetch the statement must find what it names",
            )
    return fetch_branch(repository, registry.remote, BRANCH, holding=lock)


def _require_listed(facts: SignedFacts, key: PrivateKey) -> None:
    """A statement by a key that nobody is told to believe would only look like a safeguard."""
    listed = judge_authority(facts, (), ()).instance_keys()
    if key.public not in listed:
        raise OtherKeyError(
            f"registry.yaml does not list the key {key.public.fingerprint}",
            where="registry.yaml",
            next_step="Add the public key to policy.instance_keys, or sign with a listed one",
        )
