"""Everything that a build reads before it makes anything, except the libraries themselves.

Those are read where they are rendered, in processes of their own (`builder.catalogue.facts`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.catalogue.build.changed_libraries import library_keys
from builder.catalogue.facts.signature_mark import Trust, read_trust
from registry.advisories.reading import Advisories, read_advisories
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot

if TYPE_CHECKING:  # they take their time to load, and few registries need them
    from builder.catalogue.pages.upstreams_page import UpstreamNews
    from registry.signing.keys import PublicKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """A registry at one commit."""

    snapshot: Snapshot
    trust: Trust
    advisories: Advisories
    keys: dict[LibraryName, str]
    """Of each library, what changes with its pages."""
    news: UpstreamNews | None
    """The upstreams and their offers; None where none is declared."""
    news_key: str
    """Changes with them."""


def gather(registry: Registry, administrators: Collection[PublicKey]) -> Gathered:
    """Read it at the registry's head; raises RegistryError."""
    snapshot = registry.snapshot()
    advisories = read_advisories(registry.repository, snapshot.commit)
    news, key = _news(registry, snapshot)
    return Gathered(
        snapshot=snapshot,
        trust=read_trust(registry, snapshot, administrators),
        advisories=advisories,
        keys=library_keys(snapshot, advisories),
        news=news,
        news_key=key,
    )


def _news(registry: Registry, snapshot: Snapshot) -> tuple[UpstreamNews | None, str]:
    if not snapshot.facts.upstreams:
        return None, ""
    from builder.catalogue.pages.upstreams_page import news_key, read_news

    news = read_news(registry, snapshot)
    return news, news_key(news)
