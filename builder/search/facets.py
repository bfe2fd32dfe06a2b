"""Filters over facets, and how what was found spreads over their values.

Documents share few combinations of facets, so filters and counts look at those, not at documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from builder.search.card import FACETS, Facets, yes_or_no
from builder.search.query import SearchQuery


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """The values that are wanted of each facet; any of them, and all where there are none."""

    wanted: tuple[frozenset[str] | None, ...]

    @classmethod
    def of(cls, query: SearchQuery) -> FacetFilter:
        """The filters of a question, but for the kind: that is another search."""
        flags = {
            name: None if value is None else frozenset((yes_or_no(value),))
            for name, value in (
                ("premium", query.premium),
                ("deprecated", query.deprecated),
                ("executor", query.executor),
            )
        }
        lists = {
            name: frozenset(values) or None
            for name, values in (
                ("category", query.category),
                ("platform", query.platform),
                ("license", query.license),
                ("author", query.author),
            )
        }
        both = {**flags, **lists}
        return cls(tuple(both.get(name) for name in FACETS))

    @property
    def is_open(self) -> bool:
        """True when everything passes."""
        return not any(self.wanted)

    def failed(self, facets: Facets) -> list[int]:
        """The places of the filters that a combination does not pass; two say enough."""
        places: list[int] = []
        for place, wanted in enumerate(self.wanted):
            if wanted is not None and wanted.isdisjoint(facets[place]):
                places.append(place)
                if len(places) > 1:
                    break
        return places

    def counts(self, spread: Mapping[Facets, int]) -> dict[str, dict[str, int]]:
        """Facet → value → documents, each facet as if its own filter were not set."""
        counts: list[Counter[str]] = [Counter() for _ in FACETS]
        every = range(len(counts))
        for facets, number in spread.items():
            failed = self.failed(facets)
            # What fails one filter counts in that facet alone.
            for place in every if not failed else failed if len(failed) == 1 else ():
                counter = counts[place]
                for value in facets[place]:
                    counter[value] += number
        return {
            name: dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
            for name, found in zip(FACETS, counts, strict=True)
        }
