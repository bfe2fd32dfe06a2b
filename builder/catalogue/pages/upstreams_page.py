"""The upstreams: where they are, when they were fetched, what is installed, what they offer."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from builder.catalogue.theme.theme import SitePage, Theme
from builder.markdown import safe_url
from registry.errors import RegistryError
from registry.installing.installer import Installer
from registry.resolution.host import DEFAULT_HOST, HOST_VARIABLE
from registry.snapshots.registry import Registry, Snapshot
from registry.upstreams.fetched import Upstreams
from registry.upstreams.offers import Offer, OfferStatus, described, offers
from registry.versions import parse_version

_ORDER = (
    OfferStatus.UPDATE,
    OfferStatus.AVAILABLE,
    OfferStatus.INCOMPATIBLE,
    OfferStatus.INSTALLED,
)
_TITLES = {
    OfferStatus.UPDATE: ("Update available", "good"),
    OfferStatus.AVAILABLE: ("Available", "plain"),
    OfferStatus.INCOMPATIBLE: ("Incompatible", "warn"),
    OfferStatus.INSTALLED: ("Installed, up to date", "plain"),
}
_MOST = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamSource:
    """An upstream as it was when it was fetched last; empty where it never was."""

    alias: str
    address: str
    fetched_at: str
    head: str
    problem: str
    installed: int
    """Libraries here that came from it."""
    offered: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamNews:
    """All upstreams, and what they offer beside what is here."""

    sources: tuple[UpstreamSource, ...] = ()
    offers: tuple[Offer, ...] = ()


def read_news(registry: Registry, snapshot: Snapshot) -> UpstreamNews:
    """Read upstreams as they were when fetched; nothing is fetched.

    Empty where what is declared cannot be read: an operator sees that
    where upstreams are listed, and the catalogue is built anyway.
    """
    host = parse_version(os.environ.get(HOST_VARIABLE, str(DEFAULT_HOST)))
    try:
        upstreams = Upstreams(registry, snapshot.commit)
        try:
            here = Installer(registry).view(snapshot.commit)
            every = offers(here, upstreams, host=host)
            found = [one for one in every if one.status in _ORDER]
            found.sort(key=lambda one: _ORDER.index(one.status))
            return UpstreamNews(
                sources=_sources(upstreams, found),
                offers=tuple(described(upstreams, found[:_MOST])),
            )
        finally:
            upstreams.close()
    except RegistryError:
        return UpstreamNews()


def _sources(upstreams: Upstreams, found: Collection[Offer]) -> tuple[UpstreamSource, ...]:
    sources = []
    for upstream in upstreams:
        state = upstreams.state(upstream)
        own = [one for one in found if one.upstream == upstream.alias]
        source = UpstreamSource(
            alias=upstream.alias,
            address=str(upstream.address),
            fetched_at=state.fetched_at or "",
            head=state.head or "",
            problem=state.problem,
            installed=sum(one.installed is not None for one in own),
            offered=len(own),
        )
        sources.append(source)
    return tuple(sources)


def news_key(news: UpstreamNews) -> str:
    """A text that changes exactly when the page does."""
    return sha256(msgspec.json.encode(news)).hexdigest() if news.sources else ""


def upstreams_page(
    theme: Theme, snapshot: Snapshot, news: UpstreamNews, listed: Collection[str]
) -> dict[str, bytes]:
    """Path → bytes; ``listed`` are the libraries that have a page."""
    page = SitePage(
        path="upstreams/",
        title="Upstreams",
        description="Other registries: what is installed from them, what they offer, and updates.",
        kind="upstreams",
    )
    groups = [
        (*_TITLES[status], [one for one in news.offers if one.status is status])
        for status in _ORDER
    ]
    values: dict[str, Any] = {
        "groups": [group for group in groups if group[2]],
        "sources": [(one, safe_url(one.address, mail=False)) for one in news.sources],
        "unread": [] if news.sources else list(snapshot.facts.upstreams),
        "listed": listed,
    }
    body = theme.fragment("upstreams.html", theme.root_of(page), values)
    return {f"{page.path}index.html": theme.page(page, body)}
