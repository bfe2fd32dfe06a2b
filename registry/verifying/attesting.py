"""Which commits a key of the instance or of CI has signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.git import GitRepository
from registry.messages import split_signature
from registry.names import ObjectId
from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey
from registry.signing.sshsig import verify
from registry.signing.statements import Namespace
from registry.verifying.evidence import Commit
from registry.verifying.reading import read_present
from registry.verifying.removals import Record


def attested_commits(
    repository: GitRepository, records: Iterable[Record], keys: Sequence[PublicKey]
) -> frozenset[Commit] | None:
    """Those of the records' commits that are attested; None where the registry has no keys."""
    if not keys:
        return None
    commits = {record.commit.commit_id: record.commit for record in records}
    raws = read_present(repository, map(ObjectId, commits), "commit")
    signed = {str(object_id) for object_id, raw in raws if _is_signed(raw, keys)}
    return frozenset(commit for commit_id, commit in commits.items() if commit_id in signed)


def _is_signed(raw: bytes, keys: Sequence[PublicKey]) -> bool:
    found = split_signature(raw)
    if found is None:
        return False
    payload, signature = found
    try:
        verify(payload, signature, namespace=Namespace.COMMIT, keys=keys)
    except SigningError:
        return False
    return True
