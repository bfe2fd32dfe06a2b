"""``library.yaml`` at a head: read it, change it, write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from registry.git_failures import missing_object
from registry.missing import object_at
from registry.model import LedgerEntry, LibraryFacts, Removal
from registry.names import CommitId, Digest, LibraryName, parse_library_name
from registry.parsing import parse_library_facts
from registry.problems import InvalidLibraryError
from registry.snapshot import Registry
from registry.trees import TreeEntry, parse_tree
from registry.versions import Version
from registry.yamltext import dump_yaml


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryAt:
    """What an operation must know of one library at the head it builds upon."""

    head: CommitId
    name: LibraryName
    facts: LibraryFacts
    entries: Mapping[str, TreeEntry]

    @property
    def exists(self) -> bool:
        """False for a name that nothing was added under yet."""
        return bool(self.entries)


def facts_path(name: LibraryName) -> str:
    """Where a library's facts are in a registry."""
    return f"libraries/{name}/library.yaml"


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


def facts_bytes(facts: LibraryFacts) -> bytes:
    """``library.yaml`` as this project writes it: what is empty is left out."""
    kept = {key: value for key, value in msgspec.to_builtins(facts).items() if value}
    ledger = kept.pop("ledger", {})
    lean = {v: {k: x for k, x in entry.items() if x is not None} for v, entry in ledger.items()}
    return dump_yaml({**kept, "ledger": lean})


def with_release(
    facts: LibraryFacts,
    version: Version,
    digest: Digest,
    date: str,
    *,
    signature: str | None = None,
) -> LibraryFacts:
    """The facts after a release; nothing that was in the ledger changes."""
    entry = LedgerEntry(digest=digest, date=date, signature=signature)
    return replace(facts, state="active", ledger={**facts.ledger, str(version): entry})


def with_directory(facts: LibraryFacts, version: Version) -> LibraryFacts:
    """The facts once the directory of a release is back: it is not removed any more."""
    removed = {key: entry for key, entry in facts.removed.items() if key != str(version)}
    return replace(facts, state="active", removed=removed)


def with_removal(
    facts: LibraryFacts, version: Version, *, date: str, by: str, request: str
) -> LibraryFacts:
    """The facts once one released version's directory is gone; ``date`` is RFC 3339, UTC.

    An entry that is there already stays as it is: it says who removed the directory.
    """
    text = str(version)
    if text in facts.removed:
        return facts
    digest = facts.ledger[text].digest
    entry = Removal(digest=digest, date=date, by=by, request=request)
    return replace(facts, removed={**facts.removed, text: entry})
