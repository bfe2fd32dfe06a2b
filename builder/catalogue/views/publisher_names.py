"""The publisher of a library: who signed its active release, or who the manifest says it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.catalogue.facts.signature_mark import Mark
from registry.formats.model import Manifest
from registry.names import LIBRARY_NAME_LENGTH, LIBRARY_NAME_PATTERN

_NAME = re.compile(LIBRARY_NAME_PATTERN.replace("$", r"\Z"))


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPublisher:
    """A publisher's name; ``has_page`` where it is one that an address can hold."""

    name: str
    has_signed: bool
    has_page: bool


def publisher_of(manifest: Manifest | None, mark: Mark | None) -> NamedPublisher | None:
    """Return the publisher of a release; None where nobody signed it and nobody is named."""
    signed = mark.publisher if mark is not None and mark.is_verified else ""
    name = signed or (manifest.publisher or "" if manifest is not None else "")
    if not name:
        return None
    has_page = len(name) <= LIBRARY_NAME_LENGTH and _NAME.match(name) is not None
    return NamedPublisher(name=name, has_signed=bool(signed), has_page=has_page)
