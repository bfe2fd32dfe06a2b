"""Statements that are signed, with exactly one byte form each.

A statement is lines of ASCII, each ended by LF; the first names the statement and its version.
Whoever verifies builds these bytes from what is there and never reads facts out of a signature,
except for the statement of a head, whose sequence and time exist nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.errors import InvalidNameError
from registry.formats.timestamps import format_time, parse_time
from registry.names import CommitId, Digest, LibraryName, parse_library_name
from registry.signing.errors import MalformedStatementError
from registry.versions import Version, parse_version

STATEMENT_BYTES = 1024
"""Longest statement."""
_RELEASE = re.compile(r"opsteps-release-v1\n([^\n]+)\n([^\n]+)\n([0-9a-f]{64})\n")
_HEAD = re.compile(r"opsteps-head-v1\n([0-9a-f]{40})\n([1-9][0-9]{0,17})\n([^\n.]+)\n")


class Namespace(StrEnum):
    """SSHSIG's namespaces: what a signature is for. One never serves for another."""

    RELEASE = "opsteps-release"
    """A publisher's, over a ReleaseStatement."""
    HEAD = "opsteps-head"
    """A registry's, over a HeadStatement."""
    REGISTRY = "opsteps-registry"
    """An administrator's, over the bytes of ``registry.yaml``."""
    COMMIT = "git"
    """An instance's or CI's, over a commit: the namespace that Git itself uses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseStatement:
    """A version of a library is the bytes that have this digest."""

    name: LibraryName
    version: Version
    digest: Digest

    def __bytes__(self) -> bytes:
        """``opsteps-release-v1 LF name LF version LF digest LF``."""
        return f"opsteps-release-v1\n{self.name}\n{self.version}\n{self.digest}\n".encode("ascii")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadStatement:
    """At ``time`` the registry's head was ``head``; ``sequence`` grows by each statement.

    ``sequence`` is from 1 to 10**18 - 1; ``time`` has whole seconds.
    """

    head: CommitId
    sequence: int
    time: datetime

    def __bytes__(self) -> bytes:
        """``opsteps-head-v1 LF commit LF sequence LF time LF``."""
        lines = f"opsteps-head-v1\n{self.head}\n{self.sequence}\n{format_time(self.time)}\n"
        return lines.encode("ascii")


def parse_release_statement(raw: bytes) -> ReleaseStatement:
    """The statement; raises MalformedStatementError for all but its one form."""
    match = _RELEASE.fullmatch(_text(raw))
    if match is None:
        raise MalformedStatementError("this is not a release statement")
    name, version, digest = match.groups()
    try:
        statement = ReleaseStatement(
            name=parse_library_name(name), version=parse_version(version), digest=Digest(digest)
        )
    except InvalidNameError as error:
        raise MalformedStatementError(f"in the release statement {error.message}") from error
    _require_canonical(bytes(statement), raw)
    return statement


def parse_head_statement(raw: bytes) -> HeadStatement:
    """The statement; raises MalformedStatementError for all but its one form."""
    match = _HEAD.fullmatch(_text(raw))
    if match is None:
        raise MalformedStatementError("this is not a head statement")
    head, sequence, time = match.groups()
    try:
        moment = parse_time(time)
    except ValueError as error:
        raise MalformedStatementError(f"in the head statement {error}") from error
    statement = HeadStatement(head=CommitId(head), sequence=int(sequence), time=moment)
    _require_canonical(bytes(statement), raw)
    return statement


def _require_canonical(written: bytes, raw: bytes) -> None:
    """Two statements that read the same would be two messages with one meaning."""
    if written != raw:
        raise MalformedStatementError("the statement is not in its one form")


def _text(raw: bytes) -> str:
    if len(raw) > STATEMENT_BYTES:
        raise MalformedStatementError(f"the statement has more than {STATEMENT_BYTES} bytes")
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedStatementError("the statement is not ASCII") from error
