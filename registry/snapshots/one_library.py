"""One library at a head: what an operation must know of it, in a few small reads.

It is not the reader of `library_at_head`: that one needs tags, two Git processes where this needs
none, and goes on where facts cannot be read, while an operation that is to write must stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.formats.library_file import facts_path
from registry.formats.model import LibraryFacts
from registry.formats.parsing import parse_library_facts
from registry.git.failures import missing_object
from registry.git.missing import object_at
from registry.git.trees import TreeEntry, parse_tree
from registry.names import CommitId, LibraryName, parse_library_name
from registry.problems import InvalidLibraryError
from registry.snapshots.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryAt:
    """One library at the head that an operation builds upon."""

    head: CommitId
    name: LibraryName
    facts: LibraryFacts
    entries: Mapping[str, TreeEntry]

    @property
    def exists(self) -> bool:
        """False for a name that nothing was added under yet."""
        return bool(self.entries)


def read_library(registry: Registry, name: LibraryName, head: CommitId | None = None) -> LibraryAt:
    """One library at a head (HEAD when None), in a few small reads.

    Raises InvalidNameError for no name, InvalidLibraryError when its facts cannot be read,
    DamagedRepositoryError when they are missing.
    """
    parse_library_name(name)
    head = head or registry.head()
    tree = object_at(registry.repository, head, f"libraries/{name}")
    if tree is None or tree.type != "tree":
        return LibraryAt(head=head, name=name, facts=LibraryFacts(), entries={})
    entries = {entry.name: entry for entry in parse_tree(tree.content)}
    facts = LibraryFacts()
    if "library.yaml" in entries:
        blob = registry.repository.object(entries["library.yaml"].object_id)
        if blob is None:
            raise missing_object(entries["library.yaml"].object_id, registry.repository.git_dir)
        parsed = parse_library_facts(blob.content, file="library.yaml")
        if parsed.value is None:
            raise InvalidLibraryError(facts_path(name), parsed.problems)
        facts = parsed.value
    return LibraryAt(head=head, name=name, facts=facts, entries=entries)
