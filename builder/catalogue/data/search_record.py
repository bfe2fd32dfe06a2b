"""A library as the search in the browser knows it."""

from __future__ import annotations

from builder.catalogue.theme.identicon import hue_of, initials_of
from builder.search.browser.records import SearchRecord, search_record
from builder.search.synonyms import synonyms_of
from registry.formats.model import RegistryFacts
from registry.library.release_state import Library


def library_record(library: Library, quality: int, facts: RegistryFacts) -> SearchRecord | None:
    """The record of a library, with its points of quality; None for one that is not found."""
    title = library.content.manifest.display_name if library.content else ""
    return search_record(
        library,
        synonyms_of(facts.synonyms),
        quality=quality,
        hue=hue_of(library.name),
        initials=initials_of(title),
    )
