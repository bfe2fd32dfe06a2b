"""The browse pages: all libraries, a category's, a platform's; so many to a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from builder.catalogue.output.tree_writer import PlannedFile, digest
from builder.catalogue.theme.theme import SitePage, Theme, fill_card
from builder.catalogue.views.facet_links import facet_links, sort_links
from builder.catalogue.views.overview import Group, Overview, joined_cards

CARDS_PER_PAGE = 30
_CATEGORIES_BESIDE = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class _Numbered:
    number: int
    path: str


def plan_lists(theme: Theme, overview: Overview, salt: bytes) -> Iterator[PlannedFile]:
    """Every browse page."""
    beside = {
        "platforms": [(g.slug, g.title, len(g.records)) for g in overview.platforms],
        "categories": [
            (g.slug, g.title, len(g.records)) for g in overview.categories[:_CATEGORIES_BESIDE]
        ],
    }
    everything = Group(slug="", title="All libraries", records=overview.records)
    yield from _plan_group(theme, everything, "", beside, salt)
    for group in overview.categories:
        yield from _plan_group(theme, group, f"category/{group.slug}", beside, salt)
    for group in overview.platforms:
        yield from _plan_group(theme, group, f"platform/{group.slug}", beside, salt)


def _plan_group(
    theme: Theme, group: Group, here: str, beside: Mapping[str, object], salt: bytes
) -> Iterator[PlannedFile]:
    base = f"browse/{here}/" if here else "browse/"
    facets, sorts = facet_links(group), sort_links(group)
    pages = max(1, -(-len(group.records) // CARDS_PER_PAGE))
    for number in range(1, pages + 1):
        records = group.records[(number - 1) * CARDS_PER_PAGE : number * CARDS_PER_PAGE]
        path = _page_path(base, number)
        cards = joined_cards(records)
        values = {
            "heading": group.title,
            "trail": bool(here),
            "here": here,
            "total": len(group.records),
            "pages": pages,
            "number": number,
            "facets": facets,
            "sorts": sorts,
            "numbers": [
                _Numbered(number=n, path=_page_path(base, n)) if n else None
                for n in _numbers(number, pages)
            ],
            **beside,
        }
        key = digest(b"\0".join((salt, repr(values).encode(errors="replace"), cards)))
        yield PlannedFile(
            path=f"{path}index.html", key=key, render=_renderer(theme, path, values, cards)
        )


def _renderer(
    theme: Theme, path: str, values: Mapping[str, object], cards: bytes
) -> Callable[[], bytes]:
    def render() -> bytes:
        heading = str(values["heading"])
        number = "" if values["number"] == 1 else f", page {values['number']}"
        page = SitePage(
            path=path,
            title=f"{heading}{number}",
            description=f"{heading}: {values['total']} libraries of steps.",
            kind="browse",
        )
        root = theme.root_of(page)
        shown = Markup(fill_card(cards, root).decode())  # noqa: S704 - cards are rendered HTML
        return theme.page(page, theme.fragment("browse.html", root, {**values, "cards": shown}))

    return render


def _page_path(base: str, number: int) -> str:
    return base if number == 1 else f"{base}page/{number}/"


def _numbers(number: int, pages: int) -> Sequence[int]:
    """The page numbers to link to; 0 stands for a gap."""
    near = sorted({1, pages, *range(max(1, number - 2), min(pages, number + 2) + 1)})
    shown: list[int] = []
    for item in near:
        if shown and item - shown[-1] > 1:
            shown.append(0)
        shown.append(item)
    return shown
