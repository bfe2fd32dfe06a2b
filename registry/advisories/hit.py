"""A hit: an advisory, and the release that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.advisories.model import Advisory
from registry.names import LibraryName, StepName
from registry.versions import Version


class Cause(StrEnum):
    """The part with the vulnerability."""

    LIBRARY = "library"
    """In the library itself."""
    PYTHON = "python"
    """In a Python package that its executors need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryHit:
    """One release that one advisory hits.

    ``steps`` are those that the advisory names; none means every step of the release. ``package``
    is what a Python requirement pins, such as ``requests 2.19.0``. ``safe`` is the least stable
    release above that is served, not yanked and not hit itself; None when there is none yet.
    """

    advisory: Advisory
    library: LibraryName
    version: Version
    steps: tuple[StepName, ...] = ()
    cause: Cause = Cause.LIBRARY
    package: str = ""
    safe: Version | None = None
