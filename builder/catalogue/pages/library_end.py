"""The end of a library's page: what it says of other libraries, and what closes the page.

All before it follows from the library alone and is made where the library is read, in whichever
process. The end needs all libraries, and is added when those are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder.catalogue.output.site_state import LibraryRecord
from builder.catalogue.output.tree_writer import digest
from builder.catalogue.theme.identicon import hue_of, initials_of
from builder.catalogue.theme.theme import SitePage, Theme
from builder.catalogue.views.related import Neighbourhood

END = b"<!-- end of the library's own -->\n"
"""Stands before a page's end; after the last of these in it nothing is the library's own."""
_User = tuple[str, str]
"""The name and title of a library."""
_Related = tuple[str, str, str]
"""The name, title and description of a library."""


def library_page_path(name: str) -> str:
    """Return the path of a library's page below the site's root."""
    return f"libraries/{name}/index.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryEnd:
    """All that the end of a library's page is made of."""

    page: SitePage
    users: tuple[_User, ...]
    more_users: int
    related: tuple[_Related, ...]

    @classmethod
    def of(
        cls,
        record: LibraryRecord,
        neighbourhood: Neighbourhood,
        libraries: Mapping[str, LibraryRecord],
    ) -> LibraryEnd:
        """The end of the page of one of these libraries."""
        around = neighbourhood.around(record)
        related = (libraries[name] for name in around.related)
        return cls(
            page=SitePage(
                path=f"libraries/{record.name}/", title="", description="", kind="library"
            ),
            users=tuple((name, libraries[name].title) for name in around.users),
            more_users=around.more_users,
            related=tuple((one.name, one.title, one.description) for one in related),
        )

    @property
    def key(self) -> bytes:
        """Changes exactly when what the end says does."""
        said = (self.users, self.more_users, self.related)
        return digest(repr(said).encode(errors="replace"))

    def render(self, theme: Theme) -> bytes:
        """The HTML."""
        values = {
            "users": self.users,
            "more_users": self.more_users,
            "related": [
                (name, title, line, hue_of(name), initials_of(title))
                for name, title, line in self.related
            ],
        }
        section = theme.fragment("related.html", theme.root_of(self.page), values)
        return section.encode() + theme.closing(self.page)
