"""What tests across the rooms share: real libraries that nobody here wrote, in a registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.commands.import_ import ImportReport, import_source
from builder.importers import find_importer
from registry.publishing.create_registry import init_registry
from registry.snapshots.registry import Registry, Snapshot
from registry.transactions.transaction import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The registry that the StepLib was imported into."""

    registry: Registry
    snapshot: Snapshot
    report: ImportReport


@pytest.fixture(scope="session")
def corpus_registry(
    bitrise_steplib: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Corpus]:
    """Imported once for all tests here, which do not change it."""
    path = tmp_path_factory.mktemp("corpus-registry") / "registry"
    registry = init_registry(path, name="steplib", title="Bitrise StepLib", by=Actor(name="tester"))
    importer = find_importer("bitrise-steplib")
    report = import_source(importer, bitrise_steplib, registry, by=Actor(name="importer"))
    yield Corpus(registry=registry, snapshot=registry.snapshot(), report=report)
    registry.close()
