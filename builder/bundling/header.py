"""Read the header of a Git bundle: what it needs and which refs it offers. Git is not asked.

A bundle is text, then a pack (gitformat-bundle(5)): the signature, a line ``-<id> comment`` for
each commit that must be there already, a line ``<id> <ref>`` for each ref, and an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from builder.bundling.errors import NotABundleError
from registry.names import CommitId, ObjectId

HEADER_BYTES = 64 * 1024 * 1024
"""Longest header: a registry of 100,000 releases has one of 10 MB."""
LINE_BYTES = 8 * 1024
"""Longest line: the comment of a commit is its subject."""
_SIGNATURE = b"# v2 git bundle\n"
_OTHER_SIGNATURE = re.compile(rb"# v(\d+) git bundle\n")
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40})(?: [^\n]*)?\n")
_REF = re.compile(rb"([0-9a-f]{40}) ([^\n]+)\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleHeader:
    """``refs`` are names as the bundle's maker chose them: hostile until compared with our own."""

    prerequisites: tuple[CommitId, ...]
    refs: Mapping[str, ObjectId]


def read_header(file: BinaryIO, *, where: str) -> BundleHeader:
    """The header; the file is then at the pack. Raises NotABundleError."""
    first = file.readline(LINE_BYTES)
    if first != _SIGNATURE:
        raise _no_bundle(first, where)
    prerequisites: list[CommitId] = []
    refs: dict[str, ObjectId] = {}
    read = len(first)
    while (line := file.readline(LINE_BYTES)) != b"\n":
        read += len(line)
        if read > HEADER_BYTES:
            raise _damaged(f"its header has more than {HEADER_BYTES:,} bytes", where)
        if needed := _PREREQUISITE.fullmatch(line):
            prerequisites.append(CommitId(needed[1].decode()))
        elif found := _REF.fullmatch(line):
            name = found[2].decode(errors="backslashreplace")
            if refs.setdefault(name, ObjectId(found[1].decode())) != found[1].decode():
                raise _damaged(f"it names the ref {name[:200]!r} twice", where)
        else:
            raise _damaged("its header ends too early or has a line that Git does not write", where)
    return BundleHeader(prerequisites=tuple(prerequisites), refs=refs)


def _no_bundle(first: bytes, where: str) -> NotABundleError:
    other = _OTHER_SIGNATURE.fullmatch(first)
    if other is not None:
        return NotABundleError(
            f"this is a Git bundle of version {other[1].decode()[:9]}, and only 2 is read",
            where=where,
            next_step="Make it with 'opsteps bundle'",
        )
    return NotABundleError(
        "this is not a Git bundle", where=where, next_step="Name a file that 'opsteps bundle' made"
    )


def _damaged(what: str, where: str) -> NotABundleError:
    return NotABundleError(
        f"the bundle is damaged: {what}", where=where, next_step="Copy it again, or make it again"
    )
