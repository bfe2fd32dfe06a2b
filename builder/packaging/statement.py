"""The statement of a package: which release it is. One line of JSON with exactly one form."""

from __future__ import annotations

import json
import re

import msgspec

from builder.packaging.errors import PackageError
from registry.errors import InvalidNameError
from registry.names import Digest, LibraryName, parse_library_name
from registry.versions import Version, parse_version

STATEMENT_BYTES = 65_535
"""Longest statement: what the comment of a ZIP can hold."""
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z", re.ASCII)


class _Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str
    digest: str
    date: str
    signature: str | None


class PackageStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The release that a package holds, as the ledger of its registry says it.

    ``signature`` is its publisher's, over name, version and digest; whether it is good is for
    whoever knows the publishers to say. ``date`` is RFC 3339, UTC.
    """

    name: LibraryName
    version: Version
    digest: Digest
    date: str
    signature: str | None = None

    def __bytes__(self) -> bytes:
        """One line of ASCII; raises PackageError where it is longer than a ZIP can hold."""
        fields = _Fields(self.name, str(self.version), self.digest, self.date, self.signature)
        line = json.dumps(msgspec.to_builtins(fields), separators=(",", ":")).encode("ascii")
        if len(line) > STATEMENT_BYTES:
            raise PackageError(
                f"its statement has {len(line):,} bytes, more than the {STATEMENT_BYTES:,} "
                "that a ZIP can hold",
                where=f"{self.name} {self.version}",
                next_step="Sign the release with a smaller key",
            )
        return line


def parse_statement(raw: bytes) -> PackageStatement:
    """The statement; raises PackageError for all but its one form."""
    try:
        fields = msgspec.json.decode(raw, type=_Fields)
        if _DIGEST.fullmatch(fields.digest) is None or _DATE.fullmatch(fields.date) is None:
            raise PackageError("the digest or the date in its statement is not valid")
        statement = PackageStatement(
            name=parse_library_name(fields.name),
            version=parse_version(fields.version),
            digest=Digest(fields.digest),
            date=fields.date,
            signature=fields.signature,
        )
        is_canonical = bytes(statement) == raw
    except (msgspec.DecodeError, UnicodeError) as error:
        raise PackageError(
            "it carries no statement of which release it is",
            next_step="Take a ZIP that 'opsteps package' made; 'opsteps add' takes any other",
        ) from error
    except InvalidNameError as error:
        raise PackageError(f"in its statement {error.message}") from error
    if not is_canonical:
        raise PackageError("its statement is not in the one form that a statement has")
    return statement
