"""A release that comes from outside: checked whole before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.checks.release import check_release
from registry.errors import ConflictError
from registry.formats.model import LibraryFacts, ReleaseContent
from registry.git.object_ids import tree_id
from registry.library.digest import release_digest
from registry.limits import DEFAULT_LIMITS, Limits
from registry.names import Digest, LibraryName, ObjectId, parse_library_name
from registry.opsconductor import Converted, convert_library, is_opsconductor
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.versions import Dependency, Version, parse_dependency, parse_version


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamOrigin:
    """The upstream that a release came from, and what its publisher said of it there.

    ``date`` is when it was released there: RFC 3339, UTC.
    """

    upstream: str
    facts: LibraryFacts
    date: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """A release without errors. ``digest`` and ``tree`` are those of its files."""

    name: LibraryName
    version: Version
    files: Mapping[str, bytes] = field(repr=False)
    content: ReleaseContent = field(repr=False)
    digest: Digest
    tree: ObjectId
    signature: str | None = field(default=None, repr=False)
    """A publisher's armored signature that came with it; not verified yet."""
    origin: UpstreamOrigin | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def requirements(self) -> tuple[Dependency, ...]:
        """Its requirements."""
        return tuple(map(parse_dependency, self.content.manifest.dependencies))


def check_incoming(
    files: Mapping[str, bytes],
    *,
    limits: Limits = DEFAULT_LIMITS,
    signature: str | None = None,
    origin: UpstreamOrigin | None = None,
    expected: Digest | None = None,
    where: str = "",
) -> Incoming:
    """Check a release that is to be installed; unknown fields are only a warning.

    ``where`` is what it came from. A library as OpsConductor's own service takes it is converted
    first, unless it comes from an upstream; the warnings then say what was not taken as it was.

    Raises InvalidLibraryError with every problem, and ConflictError for files that have another
    digest than the one ``expected``.
    """
    converted: Converted | None = None
    if origin is None and is_opsconductor(files, limits):
        converted = _converted(files, limits, where)
        files = converted.files
    checked = check_release(files, strict=False, limits=limits)
    problems = checked.problems
    if converted is not None:
        problems = (*converted.notes, *converted.as_written(problems))
    if checked.content is None or errors_of(problems):
        raise InvalidLibraryError(where or checked.shown, problems)
    manifest = checked.content.manifest
    digest = release_digest(files)
    if expected is not None and digest != expected:
        raise ConflictError(
            f"the files of {manifest.name} {manifest.version} have the digest {digest}, "
            f"and {expected} is asked for",
            next_step="Do not use them; find out who changed them",
        )
    return Incoming(
        name=parse_library_name(manifest.name),
        version=parse_version(manifest.version),
        files=files,
        content=checked.content,
        digest=digest,
        tree=tree_id(files),
        signature=signature,
        origin=origin,
        warnings=problems,
    )


def _converted(files: Mapping[str, bytes], limits: Limits, where: str) -> Converted:
    try:
        return convert_library(files, limits)
    except InvalidLibraryError as error:
        raise InvalidLibraryError(where or "the library", error.problems) from error
