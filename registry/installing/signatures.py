"""The publisher's signature that comes with a release: kept only where it holds here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from registry.installing.incoming import Incoming
from registry.model import RegistryFacts, Signatures
from registry.problems import InvalidLibraryError


def with_accepted_signature(
    incoming: Incoming, facts: RegistryFacts, owners: Collection[str]
) -> Incoming:
    """The release with its signature if a publisher of this registry made it, else without one.

    ``owners`` are the library's; nobody's for a new one, which then becomes the signer's. Raises a
    SigningError for a signature that a publisher's key did not make over this release, and where
    the policy demands one that there is not.
    """
    needs_one = facts.policy.signatures is Signatures.REQUIRED
    if incoming.signature is None and not needs_one:
        return incoming
    from registry.signing.errors import MissingSignatureError, OtherKeyError

    if incoming.signature is None:
        raise MissingSignatureError(
            "the policy of this registry demands a publisher's signature",
            where=f"{incoming.name} {incoming.version}",
            next_step="Install a package that its publisher signed ('opsteps release --sign')",
        )
    try:
        _verify(incoming, incoming.signature, facts, owners)
    except OtherKeyError:
        if needs_one:
            raise
        return replace(incoming, signature=None)
    return incoming


def _verify(
    incoming: Incoming, signature: str, facts: RegistryFacts, owners: Collection[str]
) -> None:
    from registry.signing.declared import check_publishers
    from registry.signing.releases import verify_release
    from registry.signing.sshsig import parse_signature
    from registry.signing.statements import ReleaseStatement

    declared = check_publishers(facts.publishers)
    if declared.value is None:
        raise InvalidLibraryError("registry.yaml", declared.problems)
    held = declared.value.holder(parse_signature(signature).key_blob)
    new_owners = [held.publisher] if held is not None and not owners else owners
    verify_release(
        ReleaseStatement(name=incoming.name, version=incoming.version, digest=incoming.digest),
        signature,
        publishers=declared.value,
        owners=new_owners,
        # The present, as for every release that enters a ledger.
        at=datetime.now(UTC),
    )


def signing_publisher(incoming: Incoming, facts: RegistryFacts) -> str | None:
    """Whose key an accepted signature is by; None without one."""
    if incoming.signature is None:
        return None
    from registry.signing.declared import check_publishers
    from registry.signing.sshsig import parse_signature

    declared = check_publishers(facts.publishers).value
    blob = parse_signature(incoming.signature).key_blob
    held = declared.holder(blob) if declared is not None else None
    return held.publisher if held is not None else None
