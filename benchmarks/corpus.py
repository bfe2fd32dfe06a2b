"""The Bitrise corpus as a registry: real libraries that nobody here wrote."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from benchmarks.errors import BenchmarkError
from builder.commands.import_ import import_source
from builder.importers import find_importer
from registry.publishing.create_registry import init_registry
from registry.transactions.transaction import Actor

_ARCHIVE = "bitrise-steplib.tar.xz"


def make_bitrise_registry(work: Path, *, limit: int | None) -> Path:
    """Import the corpus into ``work/registry``; ``limit`` stops after that many libraries."""
    by = Actor(name="benchmark")
    with init_registry(work / "registry", name="bitrise", title="Bitrise", by=by) as registry:
        source = _unpack(work / "corpus")
        import_source(find_importer("bitrise-steplib"), source, registry, by=by, limit=limit)
        return registry.path


def _unpack(target: Path) -> Path:
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus"
    archive = Path(os.environ.get("STEPLIB_CORPUS") or default) / _ARCHIVE
    if not archive.is_file():
        raise BenchmarkError(
            "the Bitrise corpus is not here",
            next_step=f"Set STEPLIB_CORPUS to the directory that holds {_ARCHIVE}",
        )
    with tarfile.open(archive) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is None:
                continue
            path = target / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    return target / "bitrise-steplib"
