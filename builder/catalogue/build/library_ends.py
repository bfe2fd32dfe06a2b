"""Put the ends on the pages of libraries: on those that were rendered, and where one changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from builder.catalogue.output.site_state import LibraryRecord, SiteState
from builder.catalogue.output.tree_writer import Changes, TreeWriter
from builder.catalogue.output.two_trees import TreeTarget
from builder.catalogue.pages.library_end import END, LibraryEnd, library_page_path
from builder.catalogue.theme.theme import Theme
from builder.catalogue.views.related import Neighbourhood, neighbour_facts


@dataclass(frozen=True, kw_only=True, slots=True)
class PageEnds:
    """The ends of a build; ``known`` is what may be kept of the site."""

    theme: Theme
    known: SiteState | None
    target: TreeTarget

    def finish(self, libraries: dict[str, LibraryRecord], changes: Changes) -> None:
        """Write the ends that are missing or changed, and note all of them in the records."""
        written = frozenset(changes.written)
        writer = TreeWriter(self.target)
        for name, end in list(self._new_ends(libraries, written)):
            path = library_page_path(name)
            if self.target.is_fresh:
                writer.append(path, end.render(self.theme))
            else:
                own = _own_part(self.target.tree / path)
                writer.replace(path, own + end.render(self.theme))
            if path not in written:
                changes.written.append(path)
                changes.unchanged -= path in libraries[name].outputs

    def _new_ends(
        self, libraries: dict[str, LibraryRecord], written: Collection[str]
    ) -> Iterator[tuple[str, LibraryEnd]]:
        before: Mapping[str, LibraryRecord] = self.known.libraries if self.known else {}
        neighbourhood = Neighbourhood(libraries)
        for name in _to_look_at(before, libraries):
            record, kept = libraries[name], before.get(name)
            end = LibraryEnd.of(record, neighbourhood, libraries)
            key = end.key
            if record.end != key:
                libraries[name] = msgspec.structs.replace(record, end=key)
            is_whole = kept is not None and library_page_path(name) not in written
            if kept is None or not is_whole or kept.end != key:
                yield name, end


def _to_look_at(
    before: Mapping[str, LibraryRecord], libraries: Mapping[str, LibraryRecord]
) -> list[str]:
    """The libraries that were rendered; all of them where one says other things of itself."""
    rendered = [name for name, record in libraries.items() if before.get(name) is not record]
    is_same = len(before) == len(libraries) and all(
        name in before and neighbour_facts(before[name]) == neighbour_facts(libraries[name])
        for name in rendered
    )
    return rendered if is_same else list(libraries)


def _own_part(page: Path) -> bytes:
    """Return a page up to its end, which it may have already."""
    content = page.read_bytes()
    return content[: content.rindex(END) + len(END)]
