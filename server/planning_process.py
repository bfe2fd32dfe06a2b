"""The process that asks upstreams and resolves: neither lookups nor changes wait for it.

What it is asked and what it answers are plain frozen values, so that they travel.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from registry.installing.installer import Installer
from registry.names import LibraryName
from registry.snapshot import Registry
from registry.upstreams.declared import Upstream
from registry.upstreams.offers import Offer, described, offer_of, offers
from registry.upstreams.planning import Plan, Wish, plan
from registry.upstreams.reaching import FetchLimits
from registry.upstreams.store import FetchState, Upstreams
from registry.versions import Version
from server.write_process import Place

# Lookups and changes come first where there is one processor for all.
_NICENESS = 19


@dataclass(frozen=True, kw_only=True, slots=True)
class Planning:
    """How the process works. An upstream that was asked ``fresh_seconds`` ago is believed."""

    place: Place
    host: Version
    fresh_seconds: float
    fetch_seconds: float
    fetch_bytes: int


class _Here:
    """What this process works with, once `begin_planning` was called in it."""

    planning: Planning
    installer: Installer
    upstreams: Upstreams


def begin_planning(planning: Planning) -> None:
    """Open the registry in this process; raises NotARegistryError."""
    os.nice(_NICENESS)
    place = planning.place
    opened = Registry.open(
        place.path, instance=place.instance, limits=place.limits, check_clone=False
    )
    costs = FetchLimits(seconds=planning.fetch_seconds, pack_bytes=planning.fetch_bytes)
    _Here.planning = planning
    _Here.installer = Installer(opened, host=planning.host)
    _Here.upstreams = Upstreams(opened, costs=costs)


def make_plan(wishes: tuple[Wish, ...], *, update: bool) -> Plan:
    """What would be installed; raises as `registry.upstreams.planning.plan`."""
    upstreams = _fresh()
    here = _Here.installer.view()
    return plan(here, upstreams, wishes, host=_Here.planning.host, update=update)


def list_upstreams() -> list[tuple[Upstream, FetchState]]:
    """All upstreams with what became of their fetches; nothing is fetched."""
    _Here.upstreams.follow()
    return [(upstream, _Here.upstreams.state(upstream)) for upstream in _Here.upstreams]


def fetch_upstreams(older_than: float) -> list[tuple[Upstream, FetchState]]:
    """Fetch those that were last asked so many seconds ago."""
    _Here.upstreams.follow()
    _Here.upstreams.refresh(older_than=older_than)
    return list_upstreams()


def list_offers(status: str | None, start: int, limit: int) -> tuple[list[Offer], int]:
    """A page of what upstreams offer, as it was when they were fetched, and how many there are."""
    _Here.upstreams.follow()
    upstreams = _Here.upstreams
    found = offers(_Here.installer.view(), upstreams, host=_Here.planning.host)
    chosen = [one for one in found if status is None or one.status == status]
    return described(upstreams, chosen[start : start + limit]), len(chosen)


def get_offer(name: LibraryName) -> Offer | None:
    """What the upstream that a library came from offers of it; None where there is nothing."""
    _Here.upstreams.follow()
    view = _Here.installer.view()
    return offer_of(view, _Here.upstreams, name, host=_Here.planning.host)


def _fresh() -> Upstreams:
    _Here.upstreams.follow()
    # What cannot be had now is told where it matters: to whoever asks for what it may own.
    _Here.upstreams.refresh(older_than=_Here.planning.fresh_seconds)
    return _Here.upstreams
