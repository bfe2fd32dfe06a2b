"""``opsteps.lock``: what is installed, so that exactly that can be installed again elsewhere: pure.

A digest stands for a release's files, whoever hands them over; the upstream says whom to ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from registry.errors import InvalidNameError
from registry.names import Digest, LibraryName, parse_library_name
from registry.problems import InvalidLibraryError, Problem
from registry.versions import Version, parse_version

FORMAT = 1
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_RULE = "lock-file"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedLibrary:
    """One library. ``upstream`` is None where the registry has it of its own."""

    version: Version
    digest: Digest
    upstream: str | None = None
    needs: tuple[str, ...] = ()
    """Its requirements, for whoever reads the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockFile:
    """All libraries by name, and the addresses of the upstreams that they came from."""

    registry: str
    libraries: Mapping[LibraryName, LockedLibrary]
    upstreams: Mapping[str, str] = field(default_factory=dict)


class _Library(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    version: str
    digest: str
    upstream: str | None = None
    needs: tuple[str, ...] = ()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    lock_version: int
    registry: str
    libraries: dict[str, _Library]
    upstreams: dict[str, str] = {}


def dump_lock(lock: LockFile) -> bytes:
    """The file; the same lock gives the same bytes, a library a few lines, for a readable diff."""
    content = _File(
        lock_version=FORMAT,
        registry=lock.registry,
        upstreams=dict(sorted(lock.upstreams.items())),
        libraries={
            name: _Library(
                version=str(one.version), digest=one.digest, upstream=one.upstream, needs=one.needs
            )
            for name, one in sorted(lock.libraries.items())
        },
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def parse_lock(raw: bytes, *, file: str = "opsteps.lock") -> LockFile:
    """Read a lock; raises InvalidLibraryError with everything that is wrong."""
    try:
        content = msgspec.json.decode(raw, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidLibraryError(file, (_problem(file, "", str(error)[:500]),)) from error
    if content.lock_version != FORMAT:
        wrong = f"its format is {content.lock_version}, and this program knows {FORMAT}"
        raise InvalidLibraryError(file, (_problem(file, "/lock_version", wrong),))
    problems: list[Problem] = []
    libraries: dict[LibraryName, LockedLibrary] = {}
    for name, one in content.libraries.items():
        pointer = f"/libraries/{name[:80]}"
        try:
            version = parse_version(one.version)
            libraries[parse_library_name(name)] = LockedLibrary(
                version=version, digest=Digest(one.digest), upstream=one.upstream, needs=one.needs
            )
        except InvalidNameError as error:
            problems.append(_problem(file, pointer, error.message))
        if not _DIGEST.match(one.digest):
            problems.append(_problem(file, f"{pointer}/digest", "it is not a digest"))
        if one.upstream is not None and one.upstream not in content.upstreams:
            problems.append(_problem(file, f"{pointer}/upstream", "it is not under upstreams"))
    if problems:
        raise InvalidLibraryError(file, tuple(problems))
    return LockFile(registry=content.registry, libraries=libraries, upstreams=content.upstreams)


def _problem(file: str, pointer: str, message: str) -> Problem:
    return Problem(
        rule=_RULE,
        file=file,
        pointer=pointer,
        message=message,
        expected="a file as 'opsteps lock' writes it",
    )
