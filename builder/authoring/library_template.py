"""A new library from a template: its files by path; nothing is written here.

A template is a complete library called ``my-library``. What all of them share is in ``shared/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from registry.checks.release import check_release
from registry.formats.schema import Format, schema_bytes
from registry.names import LibraryName, title_of
from registry.problems import InvalidLibraryError

# Below 1.0.0 a minor version may still break callers, so an author can find the right interface.
FIRST_VERSION = "0.1.0"
_NAME, _TITLE, _DATE = "my-library", "My Library", "2026-01-01"
LOCAL_SCHEMAS = ".opsteps"
"""The place of a library's schemas until a registry publishes them; not part of a release."""
_EXECUTED = "executors/"


class Template(StrEnum):
    """A template that a library can begin from."""

    FILES = "files"
    HTTP = "http"
    COMMAND = "command"
    DEFINITIONS = "definitions"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLibrary:
    """The facts of a library before its author writes it.

    ``date`` is today, ``schemas`` the URL that a registry publishes its schemas under, None when
    there is none: then they are beside the library, as `editor_files`.
    """

    name: LibraryName
    template: Template
    author: str
    license: str
    date: str
    author_email: str | None = None
    publisher: str | None = None
    schemas: str | None = None


def library_files(wanted: NewLibrary) -> dict[str, bytes]:
    """The files of a library that validates, tests itself and can be released as it is.

    Raises InvalidLibraryError for an author, a licence or a publisher that no manifest may hold.
    """
    root = resources.files(__package__) / "library_templates"
    own = dict(_tree(root / wanted.template))
    shared = dict(_tree(root / "shared"))
    if not any(path.startswith(_EXECUTED) for path in own):
        shared = {path: raw for path, raw in shared.items() if path.startswith("docs/")}
    files = {path: _fill(path, raw, wanted) for path, raw in sorted((shared | own).items())}
    checked = check_release(files, name=wanted.name, version=FIRST_VERSION, strict=True)
    if checked.problems:
        raise InvalidLibraryError(f"the template {wanted.template}", checked.problems)
    return files


def _tree(directory: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.name.startswith(("_", ".")):
            yield from _tree(entry, f"{prefix}{entry.name}/")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _fill(path: str, raw: bytes, wanted: NewLibrary) -> bytes:
    if path == "manifest.json":
        fields = {**json.loads(raw), **_manifest_fields(wanted)}
        return _json({key: value for key, value in fields.items() if value is not None})
    if path.endswith(".json"):
        return _json({**json.loads(raw), "$schema": _schema(Format.STEP, wanted)})
    if path.endswith(".md"):
        text = raw.decode().replace(_NAME, wanted.name).replace(_TITLE, title_of(wanted.name))
        return text.replace(_DATE, wanted.date).encode()
    return raw


def _manifest_fields(wanted: NewLibrary) -> Mapping[str, str | None]:
    return {
        "$schema": _schema(Format.MANIFEST, wanted),
        "name": wanted.name,
        "version": FIRST_VERSION,
        "display_name": title_of(wanted.name),
        "author": wanted.author,
        "author_email": wanted.author_email,
        "license": wanted.license,
        "publisher": wanted.publisher,
    }


def _schema(kind: Format, wanted: NewLibrary) -> str:
    here = "." if kind is Format.MANIFEST else ".."
    return f"{wanted.schemas or f'{here}/{LOCAL_SCHEMAS}'}/{kind.value}.schema.json"


def editor_files() -> dict[str, bytes]:
    """The schemas beside a library that no registry publishes them for: an editor reads them."""
    return {
        f"{LOCAL_SCHEMAS}/{kind.value}.schema.json": schema_bytes(kind)
        for kind in (Format.MANIFEST, Format.STEP)
    }


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode()
