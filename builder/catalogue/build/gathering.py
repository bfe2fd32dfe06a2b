"""What a build reads of a registry before it makes anything, but for the libraries themselves.

Those are read where they are rendered, in processes of their own (`builder.catalogue.facts`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.catalogue.build.changed_libraries import library_keys
from builder.catalogue.facts.signature_mark import Trust, read_trust
from builder.catalogue.pages.upstreams_page import read_offers
from registry.advisories.reading import Advisories, read_advisories
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot
from registry.upstreams.offers import Offer

if TYPE_CHECKING:  # cryptography takes its time to load
    from registry.signing.keys import PublicKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """A registry at one commit."""

    snapshot: Snapshot
    trust: Trust
    advisories: Advisories
    keys: dict[LibraryName, str]
    """Of each library, what changes with its pages."""
    offers: Sequence[Offer]


def gather(registry: Registry, administrators: Collection[PublicKey]) -> Gathered:
    """Read it at the registry's head; raises RegistryError."""
    snapshot = registry.snapshot()
    advisories = read_advisories(registry.repository, snapshot.commit)
    return Gathered(
        snapshot=snapshot,
        trust=read_trust(registry, snapshot, administrators),
        advisories=advisories,
        keys=library_keys(snapshot, advisories),
        offers=read_offers(registry, snapshot),
    )
