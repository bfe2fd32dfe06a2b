"""The processes that ask upstreams and resolve: neither lookups nor changes wait for them.

What it is asked and what it answers are plain frozen values, so that they travel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry.errors import ReportedError
from registry.installing.installer import Installer
from registry.names import LibraryName
from registry.snapshots.registry import Registry
from registry.upstreams.declaration import Upstream
from registry.upstreams.fetch_limits import FetchLimits
from registry.upstreams.fetched import FetchState, Upstreams
from registry.upstreams.offers import Offer, described, offer_of, offers
from registry.upstreams.planning import InstallPlan, Wish, plan
from registry.versions import Version
from server.changes.write_process import Place
from server.processes.niceness import be_nice

# Lookups and changes come first where there is one processor for all.
_NICENESS = 19
_KEPT = 128
"""Answers that are kept as long as nothing that they follow from has changed."""

States = list[tuple[Upstream, FetchState]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Planning:
    """The settings of the process. An upstream that was asked ``fresh_seconds`` ago is believed."""

    place: Place
    host: Version
    fresh_seconds: float
    fetch_seconds: float
    fetch_bytes: int


class _Here:
    """The objects that this process works with, once `begin_planning` was called in it."""

    planning: Planning
    installer: Installer
    upstreams: Upstreams
    kept: OrderedDict[object, Any]


def begin_planning(planning: Planning) -> None:
    """Open the registry in this process; raises NotARegistryError."""
    be_nice(_NICENESS)
    place = planning.place
    opened = Registry.open(
        place.path, instance=place.instance, limits=place.limits, check_clone=False
    )
    costs = FetchLimits(seconds=planning.fetch_seconds, pack_bytes=planning.fetch_bytes)
    _Here.planning = planning
    _Here.installer = Installer(opened, host=planning.host)
    _Here.upstreams = Upstreams(opened, costs=costs)
    _Here.kept = OrderedDict()


def plan_fetched(wishes: tuple[Wish, ...], *, update: bool) -> tuple[InstallPlan, States]:
    """Plan with what was fetched, and say when that was; nothing is fetched.

    Raises as `registry.upstreams.planning.plan`.
    """
    _Here.upstreams.follow()
    states = _states()
    made = _kept(states, ("plan", wishes, update), lambda: _plan(wishes, update=update))
    return made, states


def make_plan(wishes: tuple[Wish, ...], *, update: bool) -> tuple[InstallPlan, States]:
    """As `plan_fetched`, once upstreams were asked that were not asked lately."""
    _Here.upstreams.follow()
    # What cannot be had now is told where it matters: to whoever asks for what it may own.
    _Here.upstreams.refresh(older_than=_Here.planning.fresh_seconds)
    return plan_fetched(wishes, update=update)


def list_upstreams() -> States:
    """All upstreams with what became of their fetches; nothing is fetched."""
    _Here.upstreams.follow()
    return _states()


def fetch_upstreams(older_than: float) -> States:
    """Fetch those that were last asked so many seconds ago."""
    _Here.upstreams.follow()
    _Here.upstreams.refresh(older_than=older_than)
    return list_upstreams()


def list_offers(status: str | None, start: int, limit: int) -> tuple[list[Offer], int, States]:
    """A page of what upstreams offer, as it was when they were fetched, and how many there are."""
    _Here.upstreams.follow()
    states = _states()
    page, total = _kept(
        states, ("page", status, start, limit), lambda: _page(states, status, start, limit)
    )
    return page, total, states


def get_offer(name: LibraryName) -> Offer | None:
    """Return the offer of the upstream that a library came from; None where there is nothing."""
    _Here.upstreams.follow()

    def ask() -> Offer | None:
        view = _Here.installer.view()
        return offer_of(view, _Here.upstreams, name, host=_Here.planning.host)

    found: Offer | None = _kept(_states(), ("offer", name), ask)
    return found


def _states() -> States:
    return [(upstream, _Here.upstreams.state(upstream)) for upstream in _Here.upstreams]


def _plan(wishes: tuple[Wish, ...], *, update: bool) -> InstallPlan:
    here = _Here.installer.view()
    return plan(here, _Here.upstreams, wishes, host=_Here.planning.host, update=update)


def _page(states: States, status: str | None, start: int, limit: int) -> tuple[list[Offer], int]:
    upstreams = _Here.upstreams
    found: list[Offer] = _kept(
        states,
        ("offers",),
        lambda: offers(_Here.installer.view(), upstreams, host=_Here.planning.host),
    )
    chosen = [one for one in found if status is None or one.status == status]
    return described(upstreams, chosen[start : start + limit]), len(chosen)


def _kept(states: States, question: tuple[object, ...], ask: Callable[[], Any]) -> Any:
    """The answer, or what was raised, from memory while the heads that it follows from stand.

    To read a library with many faults takes seconds, and anybody may ask for it again.
    """
    heads = tuple((one.alias, state.head, state.problem) for one, state in states)
    key = (_Here.installer.registry.head(), heads, question)
    if key not in _Here.kept:
        try:
            _Here.kept[key] = ask()
        except ReportedError as error:
            _Here.kept[key] = error
        while len(_Here.kept) > _KEPT:
            _Here.kept.popitem(last=False)
    _Here.kept.move_to_end(key)
    found = _Here.kept[key]
    if isinstance(found, ReportedError):
        raise found.with_traceback(None)
    return found
