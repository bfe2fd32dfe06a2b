"""``library.yaml``: where it is, how it changes, and how it is written."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from registry.formats.model import LedgerEntry, LibraryFacts, Removal
from registry.formats.yaml_text import dump_yaml
from registry.names import Digest, LibraryName
from registry.versions import Version


def facts_path(name: LibraryName) -> str:
    """Return the path of a library's facts."""
    return f"libraries/{name}/library.yaml"


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
