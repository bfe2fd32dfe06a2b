"""Names and ids: what a library and a step may be called, and the integer that stands for a name.

The rules are those of the design, section 3 ("Names"). A parsed name is safe in a path, a Git ref,
a URL and on a case-insensitive file system; everything behind this module trusts it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType

from registry.errors import InvalidNameError
from registry.words.spelling import mended_library_name, mended_step_name, sentence

LibraryName = NewType("LibraryName", str)
StepName = NewType("StepName", str)
StepId = NewType("StepId", str)
LibraryId = NewType("LibraryId", int)
CommitId = NewType("CommitId", str)
ObjectId = NewType("ObjectId", str)
Digest = NewType("Digest", str)

LIBRARY_NAME_PATTERN = r"^[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*$"
STEP_NAME_PATTERN = r"^[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)*$"
LIBRARY_NAME_LENGTH = 64
STEP_NAME_LENGTH = 128

CORE = LibraryName("core")
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(10)
}
RESERVED_LIBRARY_NAMES = frozenset({"core", "rollback", "install"} | _WINDOWS_DEVICES)

_LIBRARY_NAME = re.compile(LIBRARY_NAME_PATTERN.replace("$", r"\Z"))
_WORDS = re.compile(r"[._-]+")
_STEP_NAME = re.compile(STEP_NAME_PATTERN.replace("$", r"\Z"))


def parse_library_name(text: str) -> LibraryName:
    """A library's name; raises InvalidNameError that says what would be right."""
    if len(text) > LIBRARY_NAME_LENGTH or not _LIBRARY_NAME.match(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not a library name", next_step=sentence(library_name_hint(text))
        )
    if text in RESERVED_LIBRARY_NAMES:
        raise InvalidNameError(
            f"the library name {text!r} is reserved", next_step="Choose another name"
        )
    return LibraryName(text)


def library_name_hint(text: str) -> str:
    """Say what to write instead of a text that is not a library name."""
    if len(text) > LIBRARY_NAME_LENGTH and _LIBRARY_NAME.match(text):
        return f"at most {LIBRARY_NAME_LENGTH} characters; it has {len(text)}"
    meant = mended_library_name(text)
    if is_library_name(meant):
        return f"write {meant!r}"
    return (
        "use lower-case letters, digits and single hyphens, beginning with a letter, "
        f"at most {LIBRARY_NAME_LENGTH} characters, such as 'file-operations'"
    )


def is_library_name(text: str) -> bool:
    """True if `parse_library_name` would take it."""
    return (
        len(text) <= LIBRARY_NAME_LENGTH
        and _LIBRARY_NAME.match(text) is not None
        and text not in RESERVED_LIBRARY_NAMES
    )


def parse_step_name(text: str) -> StepName:
    """A step's name such as ``file.copy``; raises InvalidNameError."""
    if not _is_step_name(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not a step name", next_step=sentence(step_name_hint(text))
        )
    return StepName(text)


def _is_step_name(text: str) -> bool:
    ends_in_json = text.rpartition(".")[2] == "json"
    return len(text) <= STEP_NAME_LENGTH and _STEP_NAME.match(text) is not None and not ends_in_json


def step_name_hint(text: str) -> str:
    """Say what to write instead of a text that is not a step name."""
    if len(text) > STEP_NAME_LENGTH and _STEP_NAME.match(text):
        return f"at most {STEP_NAME_LENGTH} characters; it has {len(text)}"
    meant = mended_step_name(text)
    if _is_step_name(meant):
        return f"write {meant!r}"
    return "use dotted lower-case words such as 'file.copy'; the last is not 'json'"


def title_of(name: str) -> str:
    """A name as people write it.

    >>> title_of("file.copy")
    'File Copy'
    """
    return " ".join(part.capitalize() for part in _WORDS.split(name) if part)


def step_id(library: LibraryName, step: StepName) -> StepId:
    """``<library>.<step>``; the first dot ends the library's name."""
    return StepId(f"{library}.{step}")


def library_id(name: LibraryName) -> LibraryId:
    """The integer id on the wire: the first 8 bytes of SHA-256(name), big-endian, >> 11 (53 bits).

    53 bits are what a JavaScript number holds exactly.

    >>> library_id(LibraryName("file-operations"))
    1265253928120415
    """
    return LibraryId(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11)


@lru_cache(maxsize=1 << 17)
def id_start(name: bytes) -> bytes:
    """The first 48 of an id's 53 bits: they tell nearly all names apart, and are quickly had."""
    return hashlib.sha256(name).digest()[:6]


def same_id(name: LibraryName, others: Iterable[bytes]) -> str | None:
    """The first of the other names (UTF-8) that has the same `library_id`; None when none has."""
    wanted = library_id(name)
    start = id_start(name.encode())
    for other in others:
        if id_start(other) == start:
            text = other.decode(errors="replace")
            if text != name and library_id(LibraryName(text)) == wanted:
                return text
    return None
