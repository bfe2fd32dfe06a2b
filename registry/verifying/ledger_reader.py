"""Read every ``library.yaml`` that a history ever held, each entry of a ledger once.

A ledger grows with each release, so that reading every state of it as YAML is quadratic: 1.3 s
for 3,697 releases. Here the text of one entry is read once, wherever it stands. A file that is not
written as we write it is read as a whole.
"""

from __future__ import annotations

import re
from dataclasses import replace

from registry.formats.json_text import JsonTextError
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.formats.parsing import parse_library_facts
from registry.formats.yaml_text import load_yaml
from registry.limits import DEFAULT_LIMITS

# `ledger:` at the left margin, and all lines below it that are indented.
_LEDGER = re.compile(rb"(?:\A|(?<=\n))ledger:\n((?:  [^\n]*\n)+)")
# An entry: a key that is indented by two, and what is indented further.
_ENTRY = re.compile(rb"  [^ \n][^\n]*\n(?:   [^\n]*\n)*")
# Stands for the ledger while the rest is read. Where it turns out to be anything but the value of
# `ledger` (a part of a quoted text, for instance), the file is read as a whole.
_MARK = b"opsteps-ledger-left-out"


class FactsReader:
    """Reads many states of ``library.yaml``; remembers every text that it has read."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[str, LedgerEntry] | None] = {}
        self._rests: dict[bytes, LibraryFacts | None] = {}

    def read(self, raw: bytes) -> LibraryFacts | None:
        """The facts; None when the file cannot be read."""
        return self._in_parts(raw) or parse_library_facts(raw).value

    def _in_parts(self, raw: bytes) -> LibraryFacts | None:
        found = _LEDGER.search(raw)
        if found is None or len(raw) > DEFAULT_LIMITS.json_bytes or _MARK in raw:
            return None
        rest = self._rest(raw[: found.start()], raw[found.end() :])
        texts = _ENTRY.findall(found[1])
        if rest is None or sum(map(len, texts)) != len(found[1]):
            return None
        entries = [self._entry(text) for text in texts]
        ledger = dict(entry for entry in entries if entry is not None)
        return replace(rest, ledger=ledger) if len(ledger) == len(texts) else None

    def _entry(self, text: bytes) -> tuple[str, LedgerEntry] | None:
        """One entry as a file of its own; an open quote or block cannot reach into the next."""
        if text not in self._entries:
            facts = parse_library_facts(b"ledger:\n" + text).value
            entries = list(facts.ledger.items()) if facts is not None else []
            self._entries[text] = entries[0] if len(entries) == 1 else None
        return self._entries[text]

    def _rest(self, before: bytes, after: bytes) -> LibraryFacts | None:
        """Return the facts without the ledger; None when its text is not what it looks like."""
        marked = before + b"ledger: " + _MARK + b"\n" + after
        if marked not in self._rests:
            self._rests[marked] = _parse_rest(marked, before + b"ledger: {}\n" + after)
        return self._rests[marked]


def _parse_rest(marked: bytes, emptied: bytes) -> LibraryFacts | None:
    try:
        value, _ = load_yaml(marked, depth=DEFAULT_LIMITS.nesting_depth)
    except JsonTextError:
        return None
    if not isinstance(value, dict) or value.get("ledger") != _MARK.decode():
        return None  # inside a quoted text, for instance
    return parse_library_facts(emptied).value
