"""The publisher's signature that comes with a release: kept only where it holds here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from registry.formats.model import RegistryFacts, Signatures
from registry.installing.incoming import Incoming
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
        # The present, as for every release that enters a ledger.
        _verify(incoming, incoming.signature, facts, owners, at=datetime.now(UTC))
    except OtherKeyError:
        if needs_one:
            raise
        return replace(incoming, signature=None)
    return incoming


def require_publishers_signature(
    incoming: Incoming, facts: RegistryFacts, owners: Collection[str], *, date: str
) -> None:
    """Raise unless its signature holds there; ``facts``, ``owners``, ``date`` are the upstream's.

    Raises a SigningError for a signature that does not hold there, and for none where one must be.
    """
    needs_one = facts.policy.signatures is Signatures.REQUIRED
    if incoming.signature is None and not needs_one:
        return
    from registry.formats.timestamps import parse_time
    from registry.signing.errors import MissingSignatureError, OtherKeyError

    where = f"{incoming.name} {incoming.version}"
    if incoming.signature is None:
        raise MissingSignatureError(
            "the policy of its registry demands a publisher's signature, and there is none",
            where=where,
            next_step="Do not use it; ask those who run that registry",
        )
    try:
        _verify(incoming, incoming.signature, facts, owners, at=parse_time(date))
    except OtherKeyError:
        if needs_one:
            raise


def _verify(
    incoming: Incoming,
    signature: str,
    facts: RegistryFacts,
    owners: Collection[str],
    *,
    at: datetime,
) -> None:
    from registry.signing.publishers_file import check_publishers
    from registry.signing.signed_statements import verify_release
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
        at=at,
    )


def signing_publisher(incoming: Incoming, facts: RegistryFacts) -> str | None:
    """Return the publisher whose key made an accepted signature; None without one."""
    if incoming.signature is None:
        return None
    from registry.signing.publishers_file import check_publishers
    from registry.signing.sshsig import parse_signature

    declared = check_publishers(facts.publishers).value
    blob = parse_signature(incoming.signature).key_blob
    held = declared.holder(blob) if declared is not None else None
    return held.publisher if held is not None else None
