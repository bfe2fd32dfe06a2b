"""Gather the states of ``registry.yaml`` and of the signature beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from registry.git.commits import commit_tree
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId
from registry.problems import InvalidLibraryError
from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey
from registry.signing.registry_signature import trusted_publishers
from registry.trust.evidence import CommitRoot, History
from registry.trust.hashed_objects import read_present
from registry.verifying.authority import SignedFacts
from registry.verifying.history import read_root


def signed_facts_at(repository: GitRepository, commit: CommitId) -> SignedFacts:
    """The state at one commit."""
    ((_, raw),) = read_present(repository, [ObjectId(commit)], "commit")
    ((_, content),) = read_present(repository, [commit_tree(raw)], "tree")
    return _states(repository, [read_root(content)])[0]


def all_signed_facts(
    repository: GitRepository, history: History
) -> tuple[SignedFacts, tuple[SignedFacts, ...]]:
    """The state at the head, and every other one that the history ever had."""
    roots = (history.roots[commit.tree] for commit in history.commits.values())
    distinct = {(root.registry, root.signature): root for root in roots}
    now = distinct.pop((history.root.registry, history.root.signature))
    current, *earlier = _states(repository, [now, *distinct.values()])
    return current, tuple(earlier)


def _states(repository: GitRepository, roots: Iterable[CommitRoot]) -> list[SignedFacts]:
    listed = list(roots)
    blobs = (blob for root in listed for blob in (root.registry, root.signature) if blob)
    contents = dict(read_present(repository, blobs, "blob"))
    return [
        SignedFacts(
            blob=root.registry,
            raw=contents[root.registry] if root.registry else None,
            signature=contents[root.signature] if root.signature else None,
        )
        for root in listed
    ]


def vouching(
    repository: GitRepository, administrators: Collection[PublicKey]
) -> Callable[[CommitRoot], bool]:
    """Says of the root of a commit whether an administrator signed its ``registry.yaml``."""

    def is_signed(root: CommitRoot) -> bool:
        if not administrators or root.registry is None or root.signature is None:
            return False
        (state,) = _states(repository, [root])
        try:
            trusted_publishers(state.raw or b"", state.signature, administrators)
        except (SigningError, InvalidLibraryError):
            return False
        return True

    return is_signed
