"""The face of a hit, and the facets that filters look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from registry.names import LibraryName


@dataclass(frozen=True, kw_only=True, slots=True)
class StepName:
    """A step of a library as a hit shows it."""

    name: str
    title: str


FACETS = (
    "kind",
    "category",
    "platform",
    "premium",
    "license",
    "author",
    "deprecated",
    "executor",
)
"""The names of facets, as questions and answers have them."""


class Facets(NamedTuple):
    """The facets of one library or step: the values that it has of each."""

    kind: tuple[str, ...]
    category: tuple[str, ...]
    platform: tuple[str, ...]
    premium: tuple[str, ...]
    license: tuple[str, ...]
    author: tuple[str, ...]
    deprecated: tuple[str, ...]
    executor: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """The face of a hit. ``id`` is a library's name or a step's id, ``name`` the name alone.

    ``deprecated`` says also of a yanked release that it should not be used. ``first`` and
    ``newest`` are dates of releases, RFC 3339; ``count`` is the number of steps.
    """

    kind: str
    id: str
    name: str
    title: str
    summary: str
    library: LibraryName
    categories: tuple[str, ...]
    platforms: tuple[str, ...]
    premium: bool
    version: str
    license: str = ""
    author: str = ""
    deprecated: bool = False
    executor: bool = False
    replacement: str = ""
    first: str = ""
    newest: str = ""
    steps: tuple[StepName, ...] = ()
    count: int = 0

    @property
    def facets(self) -> Facets:
        """Return the facets that filters look at."""
        return Facets(
            kind=(self.kind,),
            category=self.categories,
            platform=self.platforms,
            premium=(yes_or_no(self.premium),),
            license=(self.license,) if self.license else (),
            author=(self.author,) if self.author else (),
            deprecated=(yes_or_no(self.deprecated),),
            executor=(yes_or_no(self.executor),),
        )


def yes_or_no(value: bool) -> str:
    """A truth as a facet's value."""
    return "yes" if value else "no"
