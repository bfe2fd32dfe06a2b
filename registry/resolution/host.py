"""The OpsConductor that libraries run in: which version it is, and whom that is too old for."""

from __future__ import annotations

from registry.errors import ConflictError
from registry.formats.model import Manifest
from registry.versions import Version, parse_version

DEFAULT_HOST = parse_version("1.0.0")
"""The version where nobody says another."""
HOST_VARIABLE = "OPSTEPS_OPSCONDUCTOR_VERSION"


class IncompatibleHostError(ConflictError):
    """A library that needs a later OpsConductor."""


def runs_on(needed: Version, host: Version) -> bool:
    """True if a library that needs at least this version runs here."""
    return needed <= host


def refuse_incompatible(manifest: Manifest, host: Version) -> None:
    """Raise IncompatibleHostError for a library that needs a later OpsConductor than this one."""
    if not runs_on(parse_version(manifest.min_opsconductor_version), host):
        raise IncompatibleHostError(
            f"{manifest.name} {manifest.version} needs OpsConductor "
            f"{manifest.min_opsconductor_version}, and this is {host}",
            next_step=f"Install an older version of it; if yours is later, set {HOST_VARIABLE}",
        )
