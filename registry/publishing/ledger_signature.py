"""The publisher's signature that a release gets in the ledger, and the policy about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from registry.formats.model import Policy, RegistryFacts, Signatures
from registry.formats.parsing import parse_registry_facts
from registry.git.missing import object_at
from registry.names import CommitId, Digest
from registry.problems import InvalidLibraryError
from registry.snapshots.head_index import no_registry
from registry.snapshots.one_library import LibraryAt
from registry.snapshots.registry import Registry
from registry.versions import Version

if TYPE_CHECKING:  # cryptography takes its time to load, and few releases are signed
    from registry.signing.private_keys import PrivateKey


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerSignature:
    """A publisher's armored signature over a release's name, version and digest."""

    publisher: str
    armored: str


def ledger_signature(
    registry: Registry, at: LibraryAt, version: Version, digest: Digest, key: PrivateKey | None
) -> LedgerSignature | None:
    """Sign a release with a publisher's key; None without a key, where the policy permits that.

    Raises a SigningError when the policy demands a signature and there is no key, or when the key
    does not belong to a publisher or may not sign this library now.
    """
    facts = registry_facts(registry, at.head)
    if key is not None:
        return _signed(facts, at, version, digest, key)
    if facts.policy.signatures is Signatures.REQUIRED:
        from registry.signing.errors import MissingSignatureError

        raise MissingSignatureError(
            "the policy of this registry demands a publisher's signature",
            where=f"{at.name} {version}",
            next_step="Release it with '--sign KEY'",
        )
    return None


def registry_facts(registry: Registry, head: CommitId) -> RegistryFacts:
    """``registry.yaml`` at a head; raises NotARegistryError, InvalidLibraryError."""
    found = object_at(registry.repository, head, "registry.yaml")
    if found is None:
        raise no_registry(registry.path)
    parsed = parse_registry_facts(found.content)
    if parsed.value is None:
        raise InvalidLibraryError("registry.yaml", parsed.problems)
    return parsed.value


def policy_at(registry: Registry, head: CommitId) -> Policy:
    """Return the registry's demands on candidates; none where there is no ``registry.yaml``.

    Raises InvalidLibraryError for one that cannot be read.
    """
    if object_at(registry.repository, head, "registry.yaml") is None:
        return Policy()
    return registry_facts(registry, head).policy


def _signed(
    facts: RegistryFacts, at: LibraryAt, version: Version, digest: Digest, key: PrivateKey
) -> LedgerSignature:
    from registry.signing.errors import OtherKeyError
    from registry.signing.publishers_file import check_publishers
    from registry.signing.signed_statements import sign_release
    from registry.signing.statements import ReleaseStatement

    declared = check_publishers(facts.publishers)
    if declared.value is None:
        raise InvalidLibraryError("registry.yaml", declared.problems)
    held = declared.value.holder(key.public.blob)
    if held is None:
        raise OtherKeyError(
            f"the key {key.public.fingerprint} does not belong to a publisher",
            where=f"{at.name} {version}",
            next_step="Sign with a key that registry.yaml lists under 'publishers'",
        )
    # The present, not a date that somebody could choose.
    now = datetime.now(UTC)
    refused = declared.value.refusal(held, library=at.name, owners=at.facts.owners, at=now)
    if refused is not None:
        refused.where = refused.where or f"{at.name} {version}"
        raise refused
    statement = ReleaseStatement(name=at.name, version=version, digest=digest)
    return LedgerSignature(publisher=held.publisher, armored=sign_release(statement, key))
