"""Importers: each turns one other kind of step collection into releases.

An importer is one small module with an object of the protocol `Importer`, named in ``IMPORTERS``.
It reads files and yields releases and findings; it touches neither Git nor a registry.
"""

from __future__ import annotations

from builder.importers.bitrise import BitriseSteplib
from builder.importers.model import FindingKind, Importer, ImportFinding, UnknownImporterError
from builder.importers.opsconductor import OpsConductorLibraries

_ALL: tuple[Importer, ...] = (BitriseSteplib(), OpsConductorLibraries())
IMPORTERS: dict[str, Importer] = {importer.name: importer for importer in _ALL}


def find_importer(name: str) -> Importer:
    """The importer of that name; raises UnknownImporterError that lists those there are."""
    importer = IMPORTERS.get(name)
    if importer is None:
        raise UnknownImporterError(
            f"there is no importer {name[:40]!r}",
            next_step=f"Use one of: {', '.join(sorted(IMPORTERS))}",
        )
    return importer


__all__ = ["IMPORTERS", "FindingKind", "ImportFinding", "Importer", "find_importer"]
