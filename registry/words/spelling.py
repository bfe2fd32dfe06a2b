"""Guess what a slip was meant to be: a version, a name, a path or a word that is nearly right.

Nothing is mended by itself: a message says what to write, and its reader decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from registry.words.likeness import alike

# Longer input is nobody's slip, and comparing it costs time.
_READ_CHARACTERS = 200
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_LOOSE_VERSION = re.compile(
    rf"v?\.?\s*({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?((?:\.0)*)"
    r"(?:[-_. ]?([a-z]+)[-_. ]?([0-9]{0,9}))?(?:\+[0-9a-z.-]*)?\Z",
    re.ASCII,
)
_STAGES: Mapping[str, str] = {
    "a": "alpha",
    "alpha": "alpha",
    "b": "beta",
    "beta": "beta",
    "c": "rc",
    "rc": "rc",
}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_LIBRARY_LETTER = re.compile(r"[^a-z0-9]+")
_NO_STEP_LETTER = re.compile(r"[^a-z0-9_.-]+")
_DOTS = re.compile(r"\.{2,}")
# How other tools call what the formats have.
_SYNONYMS: Mapping[str, str | tuple[str, ...]] = {
    "text": "string",
    "str": "string",
    "int": "number",
    "integer": "number",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "map": "object",
    "json": "object",
    "path": "file",
    "folder": "directory",
    "dir": "directory",
    "enum": ("select", "options"),
    "choice": ("select", "options"),
    "choices": "options",
    "values": "options",
    "allowed_values": "options",
    "darwin": "macos",
    "mac": "macos",
    "osx": "macos",
    "win": "windows",
    "win32": "windows",
    "dependency": "dependencies",
    "requires": "dependencies",
    "title": "display_name",
    "label": "display_name",
    "platforms": "platform_support",
    "keywords": "tags",
    "colour": "color",
    "params": "parameters",
    "args": "parameters",
    "arguments": "parameters",
    "inputs": "parameters",
    "variables": "parameters",
    "fields": "parameters",
    "desc": "description",
    "summary": "description",
    "help": "description",
    "doc": "description",
    "mandatory": "required",
    "needed": "required",
    "default_value": "default",
    "licence": "license",
    "kind": "type",
    "url": "homepage",
    "website": "homepage",
    "maintainer": "author",
    "sensitive": "secret",
    "password": ("string", "secret"),
    "results": "returns",
    "sample": "examples",
    "samples": "examples",
    "regex": "pattern",
    "minimum": "min",
    "maximum": "max",
}


def mended_version(text: str) -> str:
    """The version that a slip such as ``v1.0`` means; empty where that is open.

    Of what ``+`` adds nothing is kept: versions here have no build metadata.

    >>> mended_version("v1.2"), mended_version("1.0.0-rc1"), mended_version("soon")
    ('1.2.0', '1.0.0-rc.1', '')
    """
    if len(text) > _READ_CHARACTERS:
        return ""
    match = _LOOSE_VERSION.match(_ZEROS.sub("", text.strip().lower()))
    if match is None:
        return ""
    major, minor, patch, _, stage, number = match.groups()
    base = f"{major}.{minor or 0}.{patch or 0}"
    if stage is None:
        return base
    return f"{base}-{_STAGES[stage]}.{int(number or 1)}" if stage in _STAGES else ""


def mended_library_name(text: str) -> str:
    """The library name that a text stands for; it need not be one yet.

    >>> mended_library_name("My Library")
    'my-library'
    """
    return _NO_LIBRARY_LETTER.sub("-", _plain(_HUMP.sub("-", text))).strip("-")


def mended_step_name(text: str) -> str:
    """The step name that a text stands for; it need not be one yet.

    >>> mended_step_name("File Copy")
    'file.copy'
    """
    lower = _DOTS.sub(".", _NO_STEP_LETTER.sub(".", _plain(text.strip())))
    return lower.removesuffix(".json").strip("._-")


def _plain(text: str) -> str:
    """In lower case and without accents."""
    if len(text) > _READ_CHARACTERS:
        return ""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c)).lower()


def nearest(text: str, known: Collection[str]) -> str:
    """The known word that a text was meant to be; empty where none is near."""
    if len(text) > _READ_CHARACTERS:
        return ""
    lower = text.strip().lower().replace("-", "_").replace(" ", "_")
    synonyms = _SYNONYMS.get(lower, ())
    others = (synonyms,) if isinstance(synonyms, str) else synonyms
    for meant in (lower, lower.replace("_", "-"), *others):
        if meant in known:
            return meant
    return next(iter(alike(lower, known, likeness=0.7)), "")


def listed(words: Collection[str], *, limit: int = 400) -> str:
    """Words with commas between them; too many are counted, and none is cut."""
    shown: list[str] = []
    room = limit
    for word in words:
        room -= len(word) + 2
        if room < 0 and shown:
            return f"{', '.join(shown)} and {len(words) - len(shown)} more"
        shown.append(word)
    return ", ".join(shown)


def sentence(hint: str) -> str:
    """A hint as the beginning of a line."""
    return hint[:1].upper() + hint[1:]
