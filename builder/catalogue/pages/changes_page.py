"""A page to compare the releases of a library: any two of them, and each with the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from builder.catalogue.data.comparisons import comparisons
from builder.catalogue.facts.library_facts import Succession
from builder.catalogue.theme.theme import SitePage
from builder.catalogue.views.differences import BUMP_WORDS, ReleaseDifference, difference_html
from builder.catalogue.views.library_view import RELEASE_ROOT, LibraryView
from builder.catalogue.views.release_views import BadgeWord, ReleaseView
from builder.diff import Bump, compare
from registry.names import CORE

_SAID = ("the same for callers", "a patch", "a minor change", "a major change")
"""The words for a bump, as the script has them."""
_LEAST = 3
"""Releases from which on there are two that do not follow each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """From one release to a greater one: the next, or the last of those with the same interface."""

    old: str
    new: str
    bump: Bump
    word: str
    badge: str
    html: Markup
    releases: tuple[tuple[str, Sequence[BadgeWord]], ...]
    """The versions on the way, the greatest first, each with what else is to be known of it."""


def publish_changes(view: LibraryView, files: dict[str, bytes]) -> None:
    """Put the page, and what its script compares by, into ``files``."""
    original = f"libraries/{view.name}/"
    page = SitePage(
        path=f"{original}changes/",
        title=f"Changes of {view.shared['title']}",
        description=f"What each release of {view.shared['title']} changed for its callers, and what"
        " lies between any two.",
        kind="changes",
        feed=f"{original}feed.xml",
    )
    pages = [release.version for release in view.source.shown]
    data = comparisons(view.source.shown) if len(pages) >= _LEAST else None
    if data is not None:
        files[f"{page.path}comparisons.json"] = data
    values = {
        "here": f"{RELEASE_ROOT}{original}",
        "title": view.shared["title"],
        "versions": pages,
        "left_out": len(pages) < len(view.source.releases),
        "library": "" if view.name == CORE else view.name,
        "has_all": data is not None,
        "ends": _ends(view) if data is not None else None,
        "said": _SAID,
        "stretches": _stretches(view),
    }
    body = view.context.theme.fragment("changes.html", RELEASE_ROOT, values)
    files[f"{page.path}index.html"] = view.context.theme.page(page, body)


def _ends(view: LibraryView) -> ReleaseDifference:
    """From the release before to the greatest: what most people come to see."""
    new, old = view.source.shown[:2]
    diff = compare(old.content, new.content)
    ends = Succession(old=old.version, new=new.version, diff=diff)
    html = difference_html(view.name, ends, view.context.theme, RELEASE_ROOT)
    return ReleaseDifference(old=ends.old, new=ends.new, bump=diff.bump, html=html)


def _stretches(view: LibraryView) -> list[Stretch]:
    views = {release.version: release for release in view.releases}
    found: list[Stretch] = []
    for is_same, group in groupby(view.chain.values(), key=lambda one: one.bump is Bump.NONE):
        ones = list(group)
        parts = [ones] if is_same else [[one] for one in ones]
        found += [_stretch(part, views) for part in parts]
    return found


def _stretch(part: Sequence[ReleaseDifference], views: dict[str, ReleaseView]) -> Stretch:
    bump = part[0].bump
    word, badge = BUMP_WORDS[bump]
    return Stretch(
        old=part[-1].old,
        new=part[0].new,
        bump=bump,
        word=word,
        badge=badge,
        html=part[0].html,
        releases=tuple((one.new, _warnings(views[one.new])) for one in part),
    )


def _warnings(view: ReleaseView) -> list[BadgeWord]:
    return [pair for pair in view.badges if pair[0] != "badge-good"]
