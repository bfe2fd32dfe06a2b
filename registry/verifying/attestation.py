"""Attest what was done without a signature: a commit, signed by an instance key, that names others.

It changes no file. Once it is in the history, what those commits did is as good as signed, in
every clone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry.errors import ConflictError
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, Transaction, operation_commit, run_transaction
from registry.trust.acts import ATTEST, ATTESTS
from registry.trust.attested_writes import is_attested
from registry.trust.commit_walk import descends

_NAMED = 3


def attest(registry: Registry, commits: Sequence[CommitId], *, by: Actor) -> CommitId:
    """Write the commit.

    Raises ConflictError for a key that registry.yaml does not declare, and for commits that are
    not in the history of the head.
    """

    def attempt(turn: Transaction) -> CommitId:
        listed = "".join(f"{ATTESTS}: {commit}\n" for commit in dict.fromkeys(commits))
        summary = f"Attest {', '.join(commit[:12] for commit in commits[:3])}"
        commit = operation_commit(
            summary if len(commits) <= _NAMED else f"{summary} and more",
            operation=ATTEST,
            by=by,
            files={},
        )
        if not is_attested(registry.repository, turn.head, commit):
            raise ConflictError(
                "nobody would believe it: no key, or one that registry.yaml does not list",
                where=str(registry.path),
                next_step="Give --key FILE, a private key of policy.instance_keys in registry.yaml",
            )
        for one in commits:
            if not descends(registry.repository, turn.head, one):
                raise ConflictError(
                    f"the commit {one[:12]} is not in the history of the head",
                    where=str(registry.path),
                    next_step="Merge it first",
                )
        return turn.commit(replace(commit, message=commit.message + listed))

    return run_transaction(registry, attempt)
