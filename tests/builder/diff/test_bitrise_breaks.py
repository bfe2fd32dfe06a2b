"""The tables in docs/versions.md about the Bitrise StepLib are what is counted there."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from builder.diff import ChangeKind
from builder.diff.survey import Survey, upgrades
from builder.diff.survey_text import summary, survey_markdown
from builder.importers import find_importer
from registry.formats.model import ReleaseContent
from registry.formats.parsing import parse_manifest, parse_step
from registry.names import LibraryName
from registry.publishing.bulk_import import ImportedRelease
from registry.versions import Version

PAGE = Path(__file__).resolve().parents[3] / "docs/versions.md"

pytestmark = pytest.mark.xdist_group("corpus")


@pytest.fixture(scope="module")
def counted(bitrise_steplib: Path) -> Survey:
    contents: dict[LibraryName, dict[Version, ReleaseContent]] = defaultdict(dict)
    for release in find_importer("bitrise-steplib").releases(bitrise_steplib):
        if isinstance(release, ImportedRelease):
            contents[release.name][release.version] = _content(release)
    found = [u for name, known in contents.items() for u in upgrades(name, list(known), known)]
    releases = sum(map(len, contents.values()))
    return Survey(
        libraries=len(contents),
        releases=releases,
        unread=0,
        first=releases - len(found),
        upgrades=tuple(found),
    )


def _content(release: ImportedRelease) -> ReleaseContent:
    manifest = parse_manifest(release.files["manifest.json"]).value
    assert manifest is not None
    steps = [parse_step(release.files[s.file], file=s.file).value for s in manifest.steps]
    return ReleaseContent(manifest=manifest, steps=tuple(s for s in steps if s is not None))


def test_the_tables_are_true(counted: Survey) -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, demands, breaks = survey_markdown(counted).strip().split("\n\n")
    assert demands in page
    assert breaks in page


def test_the_sentences_are_true(counted: Survey) -> None:
    assert summary(counted) == (
        "3697 releases of 440 libraries; 3257 have a stable release before them.\n"
        "239 of these (7.3%), in 117 libraries, broke callers with a version that does not say so."
    )
    breaking = [u for u in counted.upgrades if u.demanded.word == "major"]
    allowed = [u for u in breaking if u.ok and u.said.word == "minor"]
    assert (len(breaking), len(allowed)) == (352, 26)
    assert all(u.old.major == 0 for u in allowed)
    others = [u for u in counted.broke_silently if u.kinds != {ChangeKind.DEFAULT_CHANGED}]
    page = PAGE.read_text(encoding="utf-8")
    assert f"Without it, {len(others)}\n" in page
