"""All libraries together, from their records: order, categories, platforms, newest releases."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from builder.catalogue.output.site_state import FeedEntry, LibraryRecord
from builder.catalogue.theme.slugs import category_slug
from builder.catalogue.views.step_view import PLATFORM_TITLES
from registry.names import CORE

_FEATURED = 6
FEATURED_RULE = (
    "Chosen by rule: of the libraries without a known vulnerability that are neither deprecated nor"
    " in need of attention, those with the most steps, then with the most releases."
)
"""The choice of `Overview.featured` where the registry names none, as the home page says it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Libraries that share a category or a platform; ``slug`` is its part of the address.

    ``filters`` is what search calls it: several spellings of a category are one group.
    """

    slug: str
    title: str
    records: tuple[LibraryRecord, ...]
    filters: tuple[tuple[str, str], ...] = ()


class Overview:
    """The material of home, lists and feeds."""

    def __init__(self, libraries: Mapping[str, LibraryRecord]) -> None:
        """Order the records as people look for them."""
        self.records = tuple(
            sorted(libraries.values(), key=lambda record: (record.title.casefold(), record.name))
        )

    @cached_property
    def by_name(self) -> tuple[LibraryRecord, ...]:
        """``core`` first, then by name, as the server lists libraries."""
        return tuple(sorted(self.records, key=lambda record: (record.name != CORE, record.name)))

    @cached_property
    def categories(self) -> tuple[Group, ...]:
        """Largest first."""
        members: dict[str, list[LibraryRecord]] = {}
        titles: dict[str, Counter[str]] = {}
        for record in self.records:
            slugs = {category_slug(category): category for category in record.categories}
            for slug, category in slugs.items():
                members.setdefault(slug, []).append(record)
                titles.setdefault(slug, Counter())[category] += 1
        groups = [
            Group(
                slug=slug,
                title=_commonest(titles[slug]),
                records=tuple(found),
                filters=tuple(("category", title) for title in sorted(titles[slug])),
            )
            for slug, found in members.items()
        ]
        return tuple(sorted(groups, key=lambda group: (-len(group.records), group.slug)))

    @cached_property
    def platforms(self) -> tuple[Group, ...]:
        """One group a platform, in a fixed order, also when it is empty."""
        return tuple(
            Group(
                slug=platform.value,
                title=title,
                records=tuple(r for r in self.records if platform.value in r.platforms),
                filters=(("platform", platform.value),),
            )
            for platform, title in PLATFORM_TITLES.items()
        )

    @property
    def step_count(self) -> int:
        """Steps of all active releases."""
        return sum(len(record.steps) for record in self.records)

    @property
    def release_count(self) -> int:
        """Releases that are served and not yanked."""
        return sum(len(record.releases) for record in self.records)

    def newest(self, count: int) -> Sequence[tuple[LibraryRecord, FeedEntry]]:
        """The newest releases, newest first."""
        every = (
            (record, release)
            for record in self.records
            if record.name != CORE
            for release in record.releases
        )
        return heapq.nlargest(count, every, key=lambda pair: (pair[1].date, pair[0].name))

    def recently_released(self, count: int) -> Sequence[tuple[LibraryRecord, FeedEntry]]:
        """The newest release of each of the libraries released last."""
        newest = (
            (record, max(record.releases, key=lambda release: release.date))
            for record in self.records
            if record.releases and record.name != CORE
        )
        return heapq.nlargest(count, newest, key=lambda pair: (pair[1].date, pair[0].name))

    def featured(self, names: Sequence[str]) -> Sequence[LibraryRecord]:
        """The libraries that the registry's policy names, else those that offer the most.

        None whose active release has a known vulnerability, or that needs attention: also not one
        that the policy names, as that was written before.
        """
        by_name = {record.name: record for record in self.records}
        if names:
            named = (by_name[name] for name in names if name in by_name)
            return [r for r in named if not (r.is_broken or r.is_hit)][:_FEATURED]
        sound = (r for r in self.records if is_sound(r))
        return heapq.nsmallest(
            _FEATURED, sound, key=lambda r: (-len(r.steps), -len(r.releases), r.name)
        )


def is_sound(record: LibraryRecord) -> bool:
    """True if a library may be suggested to somebody who did not ask for it."""
    is_doubtful = record.is_broken or record.is_deprecated or record.is_hit
    return not is_doubtful and record.name != CORE


def _commonest(titles: Counter[str]) -> str:
    return min(titles, key=lambda title: (-titles[title], title))


def joined_cards(records: Iterable[LibraryRecord]) -> bytes:
    """The cards of these libraries, one after the other; the root is still to be filled in."""
    return b"".join(record.card for record in records)
