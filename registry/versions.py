"""Versions and requirements: SemVer 2.0 with the pre-releases alpha, beta and rc, no metadata."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, total_ordering

from packaging.requirements import InvalidRequirement, Requirement

from registry.errors import InvalidNameError
from registry.names import CORE, LibraryName, is_library_name, parse_library_name
from registry.words.spelling import mended_version, sentence

VERSION_PATTERN = (
    r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(?:-(alpha|beta|rc)\.(0|[1-9][0-9]{0,8}))?$"
)
_VERSION = re.compile(VERSION_PATTERN.replace("$", r"\Z"), re.ASCII)
# "rc" < "~": a release without a pre-release part sorts after all of its pre-releases.
_STABLE = "~"


@total_ordering
@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One SemVer version, ordered by precedence (https://semver.org, item 11).

    Numbers are compared as numbers, and a pre-release comes before its release:

    >>> texts = ["1.0.0", "1.0.0-rc.1", "1.0.0-beta.11", "1.0.0-beta.2", "1.0.0-alpha.1", "0.9.9"]
    >>> " < ".join(map(str, sorted(map(parse_version, texts))))
    '0.9.9 < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0'
    """

    major: int
    minor: int
    patch: int
    pre: str = _STABLE
    pre_number: int = 0

    @property
    def is_stable(self) -> bool:
        """True without a pre-release part."""
        return self.pre == _STABLE

    def _key(self) -> tuple[int, int, int, str, int]:
        return (self.major, self.minor, self.patch, self.pre, self.pre_number)

    def __lt__(self, other: Version) -> bool:
        """SemVer precedence."""
        return self._key() < other._key()

    def __str__(self) -> str:
        """``1.2.3`` or ``1.2.3-rc.1``."""
        base = f"{self.major}.{self.minor}.{self.patch}"
        return base if self.is_stable else f"{base}-{self.pre}.{self.pre_number}"


def parse_version(text: str) -> Version:
    """A version; raises InvalidNameError that says what would be right."""
    found = version_or_none(text)
    if found is None:
        raise InvalidNameError(
            f"{text[:40]!r} is not a version",
            next_step=sentence(version_hint(text)),
        )
    return found


def version_or_none(text: str) -> Version | None:
    """The version that a text is, or None; for names among which other things may stand."""
    match = _VERSION.match(text)
    if match is None:
        return None
    major, minor, patch, pre, number = match.groups()
    return Version(
        major=int(major),
        minor=int(minor),
        patch=int(patch),
        pre=pre or _STABLE,
        pre_number=int(number or 0),
    )


def is_version(text: str) -> bool:
    """True if `parse_version` would take it."""
    return _VERSION.match(text) is not None


def version_hint(text: str) -> str:
    """Say what to write instead of a text that is not a version."""
    meant = mended_version(text)
    if not meant:
        return "use MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N, such as 1.2.0"
    why = "; a version has no build metadata here" if "+" in text else ""
    return f"write {meant!r}{why}"


_Number = tuple[int, int, int]
_Bounds = tuple[tuple[Callable[[_Number, _Number], bool], _Number], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """A requirement on another library, as in ``"core>=1.0,<2"``.

    Most are plain comparisons, which are read without packaging: a registry has ten thousands of
    them. A property holds the two readings against each other.
    """

    library: LibraryName
    text: str
    _bounds: _Bounds | None = field(default=None, repr=False, compare=False)
    """The range as comparisons of numbers; None for what only packaging understands."""

    @property
    def requirement(self) -> Requirement:
        """As packaging reads it; its text is in packaging's order."""
        return _requirement(self.text)

    def allows(self, version: Version) -> bool:
        """True when the version is in the range; pre-releases only when the range names one.

        Ranges are Python's version specifiers (PEP 440), as `packaging` reads them.

        >>> parse_dependency("core>=1.2,<2").allows(parse_version("1.9.0"))
        True
        >>> parse_dependency("core>=1.2,<2").allows(parse_version("1.3.0-rc.1"))
        False
        >>> parse_dependency("core>=1.2.0rc1,<2").allows(parse_version("1.3.0-rc.1"))
        True
        """
        if version.is_stable and self._bounds is not None:
            number = (version.major, version.minor, version.patch)
            return all(holds(number, bound) for holds, bound in self._bounds)
        specifier = self.requirement.specifier
        # Said in so many words: what packaging does by itself changed between its releases.
        names_one = any(part.prereleases for part in specifier)
        return specifier.contains(str(version), prereleases=version.is_stable or names_one)


_COMPARISONS: Mapping[str, Callable[[_Number, _Number], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_RANGE_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_RANGE_PART = rf"(?:>=|<=|==|!=|>|<){_RANGE_NUMBER}(?:\.{_RANGE_NUMBER}){{0,2}}"
_PLAIN = re.compile(rf"([a-z][a-z0-9-]*)((?:{_RANGE_PART}(?:,{_RANGE_PART})*)?)\Z", re.ASCII)
_PART = re.compile(r"([<>=!]+)([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?")


def parse_dependency(text: str) -> Dependency:
    """A requirement string; raises InvalidNameError. Extras, markers and URLs are refused."""
    plain = _PLAIN.match(text)
    if plain is not None and (is_library_name(plain[1]) or plain[1] == CORE):
        return Dependency(library=LibraryName(plain[1]), text=text, _bounds=_bounds(plain[2]))
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise InvalidNameError(
            f"{text[:80]!r} is not a requirement",
            next_step="Write a name and a range such as 'file-operations>=1.2,<2'",
        ) from error
    if requirement.extras or requirement.marker or requirement.url:
        raise InvalidNameError(
            f"{text[:80]!r} has an extra, a marker or a URL",
            next_step="Write only a name and a range such as 'file-operations>=1.2,<2'",
        )
    is_core = requirement.name == CORE
    name = CORE if is_core else parse_library_name(requirement.name)
    return Dependency(library=name, text=text)


@lru_cache(maxsize=1 << 14)
def _bounds(range_: str) -> _Bounds:
    """A plain range as comparisons; the same few ranges come again and again."""
    return tuple(
        (_COMPARISONS[compare], (int(major), int(minor or 0), int(patch or 0)))
        for compare, major, minor, patch in _PART.findall(range_)
    )


@lru_cache(maxsize=1 << 14)
def _requirement(text: str) -> Requirement:
    return Requirement(text)
