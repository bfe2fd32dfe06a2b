"""The library, or the version, that a route is asked about."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from registry.errors import InvalidNameError
from registry.names import LibraryName, parse_library_name
from registry.versions import Version, parse_version
from server.errors import AnswerError
from server.parts import Parts

LibraryKey = Annotated[
    str, Path(description="Name or integer id.", examples=["file-operations-basic"])
]


def library_name(parts: Parts, key: str) -> LibraryName:
    """The name that a name or id stands for; raises AnswerError (404)."""
    found = parts.lookups.served().library(key)
    if found is not None:
        return LibraryName(found.name)
    try:
        return parse_library_name(key)
    except InvalidNameError as error:
        raise AnswerError(
            404, f"there is no library {key[:80]!r}; see GET /api/v1/libraries"
        ) from error


def version_of(text: str) -> Version:
    """A version; raises AnswerError (422)."""
    try:
        return parse_version(text)
    except InvalidNameError as error:
        raise AnswerError(422, str(error)) from error
