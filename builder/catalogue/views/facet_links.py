"""The filters and orders beside a list: links to a search that begins with what the list shows.

So they work from a list without a script, and combine with all others where they lead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from builder.catalogue.views.overview import Group
from builder.search.card import yes_or_no

_MOST = 8
_TITLES = {
    "premium": {"no": "Free", "yes": "Premium"},
    "deprecated": {"no": "Maintained", "yes": "Deprecated"},
    "executor": {"no": "Definitions only", "yes": "Has an executor"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetLink:
    """A value of a facet; ``query`` is the search for it."""

    title: str
    query: str
    count: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetView:
    """A facet with the most frequent of its values."""

    title: str
    links: tuple[FacetLink, ...]


def facet_links(group: Group) -> tuple[FacetView, ...]:
    """The facets beside a list, but for category and platform, which have lists of their own."""
    views = (
        ("premium", "Price", (yes_or_no(r.is_premium) for r in group.records)),
        ("license", "Licence", (r.license for r in group.records if r.license)),
        ("author", "Author", (r.author for r in group.records if r.author)),
        ("deprecated", "State", (yes_or_no(r.is_deprecated) for r in group.records)),
        ("executor", "Executor", (yes_or_no(r.has_executor) for r in group.records)),
    )
    found = (FacetView(title=title, links=_links(group, key, of)) for key, title, of in views)
    return tuple(view for view in found if view.links)


def sort_links(group: Group) -> tuple[FacetLink, ...]:
    """The other orders of a list."""
    return tuple(
        FacetLink(title=order, query=urlencode([*group.filters, ("sort", order)]))
        for order in ("newest", "quality")
    )


def _links(group: Group, key: str, values: Iterable[str]) -> tuple[FacetLink, ...]:
    counts = Counter(values)
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    return tuple(_link(group, key, frequent))


def _link(group: Group, key: str, counts: Iterable[tuple[str, int]]) -> Iterator[FacetLink]:
    for value, count in counts:
        title = _TITLES.get(key, {}).get(value, value)
        query = urlencode([*group.filters, (key, value)])
        yield FacetLink(title=title, query=query, count=count)
