"""Publishers: whose keys may sign releases of which libraries, and when.

``registry.yaml`` declares them:

    publishers:
      acme:
        accounts: [jane, joe]                # who acts for it at the Git host; optional
        prefixes: [acme]                     # acme and acme-…, and nobody else's; optional
        keys:
          - key: ssh-ed25519 AAAA… jane@acme.example
            since: 2025-01-01T00:00:00Z      # first moment at which it may sign; optional
            until: 2027-01-01T00:00:00Z      # first moment at which it may not any more; optional
            revoked: 2026-03-01T00:00:00Z    # from here on nothing that it signed is believed

What is read here is only a declaration; `registry.signing.registry_signature` says when it binds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from registry.formats.timestamps import format_time
from registry.names import LibraryName
from registry.signing.errors import (
    ForeignPrefixError,
    KeyExpiredError,
    KeyNotYetValidError,
    KeyRevokedError,
    NotAnOwnerError,
    SigningError,
)
from registry.signing.keys import Fingerprint, PublicKey

PublisherName = NewType("PublisherName", str)


@dataclass(frozen=True, kw_only=True, slots=True)
class PublisherKey:
    """A publisher's key and when it may sign: ``since`` ≤ moment < ``until`` and ``revoked``.

    A key that may have been stolen before anyone knows when is revoked from its ``since`` on.
    """

    publisher: PublisherName
    key: PublicKey
    since: datetime | None = None
    until: datetime | None = None
    revoked: datetime | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        return self.key.fingerprint

    def refusal_at(self, moment: datetime) -> SigningError | None:
        """Return why it may not sign at this moment; None when it may."""
        who = f"the key {self.fingerprint} of {self.publisher}"
        if self.revoked is not None and moment >= self.revoked:
            return KeyRevokedError(f"{who} is revoked from {format_time(self.revoked)} on")
        if self.since is not None and moment < self.since:
            return KeyNotYetValidError(f"{who} is valid from {format_time(self.since)} on")
        if self.until is not None and moment >= self.until:
            return KeyExpiredError(f"{who} was valid until {format_time(self.until)}")
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Somebody who may release. ``prefixes`` are names: ``acme`` is itself and all ``acme-…``.

    Without prefixes a publisher may have any name that is under no other publisher's prefix.
    ``accounts`` are who acts for it at the Git host.
    """

    name: PublisherName
    keys: tuple[PublisherKey, ...]
    prefixes: tuple[LibraryName, ...] = ()
    accounts: tuple[str, ...] = ()

    def has_prefix_of(self, library: LibraryName) -> bool:
        """True if the library's name is under one of the prefixes."""
        return any(
            library == prefix or library.startswith(f"{prefix}-") for prefix in self.prefixes
        )


class Publishers:
    """All publishers of a registry, immutable; a key belongs to one of them only."""

    def __init__(self, publishers: Collection[Publisher] = ()) -> None:
        self._publishers = {publisher.name: publisher for publisher in publishers}
        self._keys = {held.key.blob: held for publisher in publishers for held in publisher.keys}

    def all(self) -> tuple[Publisher, ...]:
        """Every publisher, in the order of ``registry.yaml``."""
        return tuple(self._publishers.values())

    def named(self, name: str) -> Publisher | None:
        return self._publishers.get(PublisherName(name))

    def all_keys(self) -> tuple[PublisherKey, ...]:
        """Every key of every publisher, also those that are not valid now."""
        return tuple(self._keys.values())

    def holder(self, key_blob: bytes) -> PublisherKey | None:
        """The publisher's key with these bytes."""
        return self._keys.get(key_blob)

    def refusal(
        self, held: PublisherKey, *, library: LibraryName, owners: Collection[str], at: datetime
    ) -> SigningError | None:
        """Return why this key may not sign this library's release of that date; None when it may.

        ``owners`` are those of ``library.yaml``. Whoever may write to the registry can change
        them, and the ledger's date; prefixes, ``since``, ``until`` and ``revoked`` are an
        administrator's. So one who records a new release passes the present as ``at``.
        """
        refused = held.refusal_at(at)
        if refused is not None:
            return refused
        if held.publisher not in owners:
            return NotAnOwnerError(f"{held.publisher} is not an owner of {library}")
        claims = [p.name for p in self._publishers.values() if p.has_prefix_of(library)]
        if held.publisher in claims:
            return None
        if claims:
            return ForeignPrefixError(f"the name {library} is {' and '.join(claims)}'s")
        if self._publishers[held.publisher].prefixes:
            return ForeignPrefixError(f"{library} is under no prefix of {held.publisher}")
        return None

    def signers(
        self, library: LibraryName, *, owners: Collection[str], at: datetime
    ) -> tuple[PublisherKey, ...]:
        """Every key that may sign this library's release of that date."""
        return tuple(
            held
            for held in self._keys.values()
            if self.refusal(held, library=library, owners=owners, at=at) is None
        )

    def __eq__(self, other: object) -> bool:
        """Equal when the same is declared, in the same order."""
        return isinstance(other, Publishers) and self.all() == other.all()

    def __hash__(self) -> int:
        return hash(self.all())


def withdrawn_revocations(before: Publishers, after: Publishers) -> Mapping[Fingerprint, PublicKey]:
    """Keys that were revoked before and are revoked later, or not at all, or are gone, after.

    Revocations never go backwards: a key that is no longer listed could be listed again without.
    """
    found = {}
    for held in before.all_keys():
        now = after.holder(held.key.blob)
        if held.revoked is not None and (
            now is None or now.revoked is None or now.revoked > held.revoked
        ):
            found[held.fingerprint] = held.key
    return found
