"""Everything that a build reads before it makes anything, except the libraries themselves.

Those are read where they are rendered, in processes of their own (`builder.catalogue.facts`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.catalogue.build.changed_libraries import library_keys
from builder.catalogue.facts.signature_mark import Trust, read_trust
from registry.advisories.reading import Advisories, read_advisories
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot

if TYPE_CHECKING:  # they take their time to load, and few registries need them
    from registry.signing.keys import PublicKey
    from registry.upstreams.offers import Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """A registry at one commit."""

    snapshot: Snapshot
    trust: Trust
    advisories: Advisories
    keys: dict[LibraryName, str]
    """Of each library, what changes with its pages."""
    offers: Sequence[Offer]
    """The offers of upstreams."""
    offers_key: str
    """Changes with them."""


def gather(registry: Registry, administrators: Collection[PublicKey]) -> Gathered:
    """Read it at the registry's head; raises RegistryError."""
    snapshot = registry.snapshot()
    advisories = read_advisories(registry.repository, snapshot.commit)
    offers, key = _offers(registry, snapshot)
    return Gathered(
        snapshot=snapshot,
        trust=read_trust(registry, snapshot, administrators),
        advisories=advisories,
        keys=library_keys(snapshot, advisories),
        offers=offers,
        offers_key=key,
    )


def _offers(registry: Registry, snapshot: Snapshot) -> tuple[Sequence[Offer], str]:
    if not snapshot.facts.upstreams:
        return (), ""
    from builder.catalogue.pages.upstreams_page import offers_key, read_offers

    offers = read_offers(registry, snapshot)
    return offers, offers_key(offers)
