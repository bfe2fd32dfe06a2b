"""The worth of a release's signature: nobody's, a declared publisher's, or not a good one."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from registry.errors import RegistryError
from registry.formats.model import SIGNATURE_FILE
from registry.library.release_state import Library, ReleaseRecord
from registry.snapshots.registry import Registry, Snapshot

if TYPE_CHECKING:  # cryptography takes its time to load, and few registries have signatures
    from registry.signing.keys import PublicKey
    from registry.signing.publishers import Publishers


class MarkKind(StrEnum):
    """Ordered from nothing to good."""

    UNSIGNED = "unsigned"
    BAD = "bad"
    """The signature is not one over this release."""
    UNKNOWN = "unknown"
    """Nobody who is known signed it, or somebody who may not."""
    VERIFIED = "verified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """``word`` for a badge and ``text`` for a sentence; both may hold a stranger's words."""

    kind: MarkKind
    word: str = ""
    text: str = ""
    publisher: str = ""

    @property
    def is_verified(self) -> bool:
        """True if a publisher's signature over exactly this release holds."""
        return self.kind is MarkKind.VERIFIED


UNSIGNED = Mark(kind=MarkKind.UNSIGNED, text="No publisher has signed this release.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """The publishers that signatures are held against."""

    publishers: Publishers | None
    """None when ``registry.yaml`` declares none that can be read."""
    is_confirmed: bool
    """True if an administrator, whose key the builder was given, signed the declaration."""


NO_TRUST = Trust(publishers=None, is_confirmed=False)


def read_trust(
    registry: Registry, snapshot: Snapshot, administrators: Collection[PublicKey]
) -> Trust:
    """The publishers at a snapshot; confirmed ones where an administrator's signature holds."""
    if not snapshot.facts.publishers:
        return NO_TRUST
    from registry.signing.publishers_file import check_publishers
    from registry.signing.registry_signature import trusted_publishers

    raw, signature = (
        registry.repository.object(f"{snapshot.commit}:{path}")
        for path in ("registry.yaml", SIGNATURE_FILE)
    )
    if raw is not None and signature is not None:
        # Refused, the publishers are declared and no more, which the pages say.
        with suppress(RegistryError):
            confirmed = trusted_publishers(raw.content, signature.content, administrators)
            return Trust(publishers=confirmed, is_confirmed=True)
    return Trust(publishers=check_publishers(snapshot.facts.publishers).value, is_confirmed=False)


def mark_of(library: Library, record: ReleaseRecord, trust: Trust) -> Mark:
    """Return the mark for the signature of one release in the ledger."""
    entry = library.facts.ledger.get(str(record.version))
    if entry is None or entry.signature is None or record.digest is None:
        return UNSIGNED
    from registry.formats.timestamps import parse_time
    from registry.signing.errors import BadSignatureError, MalformedSignatureError
    from registry.signing.publishers import Publishers
    from registry.signing.signed_statements import verify_release
    from registry.signing.statements import ReleaseStatement

    statement = ReleaseStatement(name=library.name, version=record.version, digest=record.digest)
    try:
        held = verify_release(
            statement,
            entry.signature,
            publishers=trust.publishers or Publishers(),
            owners=library.facts.owners,
            at=parse_time(entry.date),
        )
    except (BadSignatureError, MalformedSignatureError) as error:
        return Mark(
            kind=MarkKind.BAD,
            word="Bad signature",
            text=f"There is a signature that does not hold: {error.message}.",
        )
    except (RegistryError, ValueError) as error:
        message = error.message if isinstance(error, RegistryError) else str(error)
        return Mark(
            kind=MarkKind.UNKNOWN,
            word="Signed, not verified",
            text=f"There is a signature, and it could not be accepted: {message}.",
        )
    return Mark(
        kind=MarkKind.VERIFIED,
        word="Verified",
        text=f"Signed by {held.publisher}, {_basis(trust)}.",
        publisher=held.publisher,
    )


def _basis(trust: Trust) -> str:
    if trust.is_confirmed:
        return "a publisher whose keys an administrator of this registry has confirmed"
    return "whose key registry.yaml declares (not confirmed by an administrator here)"
