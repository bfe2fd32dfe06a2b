"""The offers of other registries beside what is here: available, updates, and what is too new."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from builder.catalogue.theme.theme import SitePage, Theme
from registry.errors import RegistryError
from registry.installing.installer import Installer
from registry.resolution.host import DEFAULT_HOST, HOST_VARIABLE
from registry.snapshots.registry import Registry, Snapshot
from registry.upstreams.fetched import Upstreams
from registry.upstreams.offers import Offer, OfferStatus, described, offers
from registry.versions import parse_version

_ORDER = (OfferStatus.UPDATE, OfferStatus.AVAILABLE, OfferStatus.INCOMPATIBLE)
_TITLES = {
    OfferStatus.UPDATE: ("Update available", "good"),
    OfferStatus.AVAILABLE: ("Available", "plain"),
    OfferStatus.INCOMPATIBLE: ("Incompatible", "warn"),
}
_MOST = 2_000


def read_offers(registry: Registry, snapshot: Snapshot) -> list[Offer]:
    """Read the offers of upstreams as they were when fetched; nothing is fetched.

    Empty where what is declared cannot be read: an operator sees that
    where upstreams are listed, and the catalogue is built anyway.
    """
    host = parse_version(os.environ.get(HOST_VARIABLE, str(DEFAULT_HOST)))
    try:
        upstreams = Upstreams(registry, snapshot.commit)
        try:
            here = Installer(registry).view(snapshot.commit)
            found = [one for one in offers(here, upstreams, host=host) if one.status in _ORDER]
            return described(upstreams, found[:_MOST])
        finally:
            upstreams.close()
    except RegistryError:
        return []


def offers_key(found: Sequence[Offer]) -> str:
    """A text that changes exactly when the page does."""
    return sha256(msgspec.json.encode(list(found))).hexdigest() if found else ""


def upstreams_page(theme: Theme, snapshot: Snapshot, found: Sequence[Offer]) -> dict[str, bytes]:
    """Path → bytes."""
    page = SitePage(
        path="upstreams/",
        title="Upstreams",
        description="What other registries offer: libraries to install, and updates.",
        kind="upstreams",
    )
    groups = [
        (*_TITLES[status], [one for one in found if one.status is status]) for status in _ORDER
    ]
    values: dict[str, Any] = {
        "groups": [group for group in groups if group[2]],
        "upstreams": list(snapshot.facts.upstreams),
    }
    body = theme.fragment("upstreams.html", theme.root_of(page), values)
    return {f"{page.path}index.html": theme.page(page, body)}
