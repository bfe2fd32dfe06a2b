"""The offers of upstreams beside what is installed: available, update, incompatible, installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from registry.errors import NotFoundError
from registry.installing.head_view import HeadView
from registry.library.release_state import ReleaseRecord
from registry.names import LibraryName
from registry.resolution.host import runs_on
from registry.upstreams.declaration import Upstream
from registry.upstreams.errors import UnknownUpstreamError, UnreachableUpstreamError
from registry.upstreams.fetched import Upstreams
from registry.upstreams.ownership import Here, owner
from registry.upstreams.upstream_view import UpstreamView
from registry.versions import Version


class OfferStatus(StrEnum):
    """The relation of an upstream's library to this registry."""

    AVAILABLE = "available"
    """Not installed, and it could be."""
    UPDATE = "update available"
    INSTALLED = "installed"
    """The last version of it that runs here."""
    INCOMPATIBLE = "incompatible"
    """There is something newer, or anything at all, only for a later OpsConductor."""
    ELSEWHERE = "elsewhere"
    """The name belongs to another upstream, or to this registry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One library of one upstream. ``version`` is the last one that runs here, else the last.

    ``installed`` is the active version here; ``why`` explains ``incompatible`` and ``elsewhere``.
    """

    name: LibraryName
    upstream: str
    version: Version
    installed: Version | None
    status: OfferStatus
    why: str = ""
    display_name: str = ""
    description: str = ""


def offers(here: HeadView, upstreams: Upstreams, *, host: Version) -> list[Offer]:
    """All libraries of all upstreams that were fetched, by name; those unknown are left out."""
    found = [one for upstream in upstreams for one in _of(here, upstreams, upstream, host)]
    return sorted(found, key=lambda one: (one.name, one.upstream))


def updates(
    here: HeadView, upstreams: Upstreams, names: Sequence[LibraryName], *, host: Version
) -> list[LibraryName]:
    """Those of the installed libraries for which there is an update.

    Raises UnreachableUpstreamError for one of an upstream that is not known.
    """
    here.load(names)
    found = ((name, offer_of(here, upstreams, name, host=host)) for name in names)
    return [n for n, offer in found if offer is not None and offer.status is OfferStatus.UPDATE]


def offer_of(
    here: HeadView, upstreams: Upstreams, name: LibraryName, *, host: Version
) -> Offer | None:
    """Return the offer of the upstream that a library came from; None for our own libraries.

    Raises UnreachableUpstreamError, UnknownUpstreamError.
    """
    alias = here.state(name).instance.facts.upstream
    if alias is None:
        return None
    return _offer(here, upstreams, upstreams.view(upstreams.declared.get(alias)), name, host)


def _of(here: HeadView, upstreams: Upstreams, upstream: Upstream, host: Version) -> Iterator[Offer]:
    try:
        view = upstreams.view(upstream)
    except UnreachableUpstreamError:
        return  # whether it is reachable is told where upstreams are listed
    names = view.names()
    view.load(names)
    here.load(names)
    for name in names:
        offer = _offer(here, upstreams, view, name, host)
        if offer is not None:
            yield offer


def _offer(
    here: HeadView, upstreams: Upstreams, view: UpstreamView, name: LibraryName, host: Version
) -> Offer | None:
    fresh = [record for record in view.releases(name) if record.yank is None]
    if not fresh:
        return None
    newest = _newest(fresh)
    running = [r for r in fresh if runs_on(view.host(name, r.version), host)]
    best = _newest(running) if running else None
    state = here.state(name)
    offer = Offer(
        name=name,
        upstream=view.upstream.alias,
        version=best or newest,
        installed=state.active,
        status=OfferStatus.AVAILABLE,
    )
    owned_by = _owner(here, upstreams, name)
    if owned_by != view.upstream.alias:
        return replace(offer, status=OfferStatus.ELSEWHERE, why=f"it comes from {owned_by}")
    if best is not None and (state.active is None or best > state.active):
        status = OfferStatus.AVAILABLE if state.active is None else OfferStatus.UPDATE
        return replace(offer, status=status)
    if best is None or newest > best:
        needed = view.host(name, newest)
        why = f"{newest} needs OpsConductor {needed}, and this is {host}"
        return replace(offer, version=newest, status=OfferStatus.INCOMPATIBLE, why=why)
    return replace(offer, status=OfferStatus.INSTALLED)


def _owner(here: HeadView, upstreams: Upstreams, name: LibraryName) -> str:
    state = here.state(name)
    known = Here(is_known=state.exists, upstream=state.instance.facts.upstream)
    try:
        found = owner(name, known, upstreams.declared, upstreams.has)
    except (NotFoundError, UnknownUpstreamError, UnreachableUpstreamError) as error:
        return error.where or error.message
    return found.alias if found is not None else "this registry"


def _newest(records: Sequence[ReleaseRecord]) -> Version:
    """The greatest stable one, else the greatest."""
    return max(records, key=lambda one: (one.version.is_stable, one.version)).version


def described(upstreams: Upstreams, page: Sequence[Offer]) -> list[Offer]:
    """The same offers with what their manifests say of them."""
    texts: Mapping[tuple[str, LibraryName], tuple[str, str]] = {
        (alias, one.name): text
        for alias in {offer.upstream for offer in page}
        for one, text in _texts(upstreams, alias, [o for o in page if o.upstream == alias])
    }
    return [
        replace(one, display_name=texts[key][0], description=texts[key][1])
        if (key := (one.upstream, one.name)) in texts
        else one
        for one in page
    ]


def _texts(
    upstreams: Upstreams, alias: str, page: Sequence[Offer]
) -> Iterator[tuple[Offer, tuple[str, str]]]:
    view = upstreams.view(upstreams.declared.get(alias))
    wanted = [(one.name, one.version) for one in page]
    for offer, manifest in zip(page, view.manifests(wanted), strict=True):
        if manifest is not None:
            yield offer, (manifest.display_name, manifest.description)
