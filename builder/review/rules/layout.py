"""The places where files of libraries may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from builder.content_rules.rule_problems import error
from builder.review.evidence.model import ReviewedLibrary
from registry.errors import InvalidNameError
from registry.names import LibraryName, is_library_name, parse_library_name
from registry.problems import Problem
from registry.versions import version_or_none
from registry.words.spelling import mended_version

_EXPECTED = "put in only libraries/<name>/library.yaml and libraries/<name>/<version>/"


def names_of_libraries(names: Iterable[bytes]) -> list[LibraryName]:
    """Those of the names that are a library's."""
    texts = (name.decode(errors="replace") for name in names)
    return [LibraryName(text) for text in texts if is_library_name(text)]


def name_problems(names: Iterable[bytes], trees: Iterable[str]) -> Iterator[Problem]:
    """Changed names below ``libraries/`` that no library may have, or that are not directories.

    ``names`` are those that are there at the head, ``trees`` those of them that are directories.
    """
    directories = set(trees)
    for raw in names:
        name = raw.decode(errors="surrogateescape")
        file = f"libraries/{name}"
        try:
            parse_library_name(name)
        except InvalidNameError as wrong:
            yield error("layout", file, wrong.message, renamed(wrong.next_step))
            continue
        if name not in directories:
            yield error("layout", file, "this is not a directory", _EXPECTED)


def renamed(hint: str) -> str:
    """Advise on a directory, from what to write for its name."""
    first, _, rest = hint.partition(" ")
    return f"rename it to {rest}" if first.lower() == "write" else hint


def entry_problems(change: ReviewedLibrary) -> Iterator[Problem]:
    """Yield the problems of entries beside ``library.yaml`` and the versions."""
    before = change.before.entries
    for name, entry in change.after.entries.items():
        if before.get(name) == entry:
            continue
        is_facts = name == "library.yaml"
        if is_facts and entry.is_file:
            continue
        if not is_facts and entry.is_tree and version_or_none(name) is not None:
            continue
        meant = mended_version(name) if entry.is_tree else ""
        expected = f"rename it to {meant}" if meant else _EXPECTED
        yield error("layout", f"{change.path}/{name}", "this does not belong here", expected)
