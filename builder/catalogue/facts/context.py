"""The facts that every library's pages depend on besides the library itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from builder.catalogue.facts.signature_mark import NO_TRUST, Trust
from builder.catalogue.theme.theme import Theme
from registry.advisories.reading import NO_ADVISORIES, Advisories


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The same for every library of a build, and for every process that renders."""

    theme: Theme
    as_of: str
    """The time of the commit that is shown: what is old is old as seen from there."""
    advisories: Advisories = field(default=NO_ADVISORIES)
    trust: Trust = field(default=NO_TRUST)
    listed: frozenset[str] = frozenset()
    """The libraries that have a page to link to."""
