"""The manifest of a backup: what is in it, with digests, and what a person puts back."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit, urlunsplit

import msgspec

from registry.maintenance.backup import STATE_FILES
from server.backups.errors import BackupError
from server.settings import ENVIRONMENT_PREFIX, Settings

FORMAT = "opsteps-backup"
VERSION = 1
MANIFEST = "manifest.json"
BUNDLE = "registry.bundle"
ROWS = "rows.sqlite"
STATE = "state/"
# Made again from the registry; earlier versions put them into backups, and nobody's word counts.
DERIVED = frozenset({f"{STATE}dependencies.json", f"{STATE}validated.json"})
_FILES = frozenset({BUNDLE, ROWS, *DERIVED, *(f"{STATE}{name}" for name in STATE_FILES)})
_BRANCH = re.compile(r"refs/heads/[^\s~^:?*\[\\\x00-\x20]+")
_ID = re.compile(r"[0-9a-f]{40}")
# Settings whose value is the place of a secret, or of what only this machine has.
_PLACES = ("OPSTEPS_ADMINISTRATORS", "OPSTEPS_INSTANCE_KEY", "OPSTEPS_SSH_COMMAND")
_SECRETS = re.compile(r"PASS|SECRET|TOKEN|LICENSE_KEY|_URL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file in a backup."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The place of the rows, and if they are in the backup."""

    kind: str
    where: str
    included: bool
    tokens: int = 0
    """Tokens that were live."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupManifest:
    """All that is known of a backup. Nothing secret is in it."""

    made_at: str
    made_by: str
    head: str
    branch: str
    refs: int
    is_bare: bool
    files: dict[str, Member]
    rows: Rows
    symbolic: dict[str, str] = field(default_factory=dict)
    """Refs that lead to another one."""
    remotes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    by_hand: tuple[str, ...] = ()
    format: str = FORMAT
    version: int = VERSION


def parse_manifest(raw: bytes, *, where: str) -> BackupManifest:
    """Read it; raises BackupError for what no backup of ours says."""
    try:
        found = msgspec.json.decode(raw, type=BackupManifest)
    except msgspec.MsgspecError as error:
        raise not_whole(where, f"its manifest cannot be read: {error}") from error
    if found.format != FORMAT or found.version != VERSION:
        raise BackupError(
            f"this is a backup of format {found.format[:40]!r}, version {found.version}",
            where=where,
            next_step="Restore it with the version of opsteps that made it",
        )
    is_fit = bool(_BRANCH.fullmatch(found.branch) and _ID.fullmatch(found.head))
    is_fit = is_fit and ".." not in found.branch and BUNDLE in found.files
    if not is_fit or not found.files.keys() <= _FILES:
        raise not_whole(where, "its manifest names what no backup has")
    return found


def not_whole(where: str, why: str) -> BackupError:
    """The error for a file that is damaged, cut off, or something else."""
    return BackupError(
        f"this backup is not whole: {why}",
        where=where,
        next_step="Copy it again from where it was made, or take another one; nothing was written",
    )


def settings_in_effect(
    settings: Settings, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The settings that differ from the defaults; secrets are named, and not shown."""
    source = os.environ if environment is None else environment
    default = Settings()
    found = {
        f"{ENVIRONMENT_PREFIX}{item.name.upper()}": _shown(getattr(settings, item.name))
        for item in fields(Settings)
        if getattr(settings, item.name) != getattr(default, item.name)
    }
    found |= {name: source[name] for name in _PLACES if name in source}
    given = (name for name in source if name.startswith(ENVIRONMENT_PREFIX))
    found |= {name: "(not kept)" for name in given if _SECRETS.search(name)}
    return {name: "(not kept)" if _SECRETS.search(name) else v for name, v in found.items()}


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def without_password(url: str) -> str:
    """A remote's address without what proves who asks."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if not parts.scheme or parts.scheme == "file":
        return url
    host = parts.netloc.rpartition("@")[2]
    user = "git@" if parts.scheme == "ssh" and parts.netloc.startswith("git@") else ""
    return urlunsplit(parts._replace(netloc=f"{user}{host}", query="", fragment=""))
