"""The end of a library's page: who uses it, and what is like it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.output.report import BuildReport
from tests.builder.catalogue.conftest import Workshop, site_files


def library(name: str, version: str = "1.0.0", **manifest: Any) -> dict[str, bytes]:
    fields = {"name": name, "version": version, "steps": [{"file": "steps/a.json"}], **manifest}
    return {
        "manifest.json": orjson.dumps(fields),
        "steps/a.json": orjson.dumps({"name": "do.it", "category": "Tests"}),
    }


def build(workshop: Workshop, out: Path) -> BuildReport:
    return build_catalogue(workshop.registry, out, jobs=1, search=False)


def end_of(out: Path, name: str) -> str:
    page = (out / f"libraries/{name}/index.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert page.count("<main") == page.count("</main>") == 1
    assert page.count("<div") == page.count("</div>")
    return page.rpartition("<!-- end of the library")[2]


def test_a_library_says_who_uses_it_and_only_the_named_one_changes(
    workshop: Workshop, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    for name in ("needed", "bystander"):
        workshop.release(library(name, categories=[name]))
    build(workshop, out)
    assert "Used by" not in end_of(out, "needed")
    before = (out / "libraries/bystander/index.html").stat()
    workshop.release(library("user", categories=["user"], dependencies=["needed>=1.0"]))
    report = build(workshop, out)
    assert report.rendered == 1
    assert "Used by" in end_of(out, "needed")
    assert 'href="../../libraries/user/"' in end_of(out, "needed")
    assert (out / "libraries/bystander/index.html").stat().st_ino == before.st_ino
    workshop.release(library("user", "1.1.0", categories=["user"]))
    report = build(workshop, out)
    assert report.rendered == 1
    assert "Used by" not in end_of(out, "needed")


def test_a_new_version_leaves_the_pages_of_related_libraries_alone(
    workshop: Workshop, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    names = [workshop.release(library(f"tool-{n}", categories=["Tools"])) for n in range(4)]
    build(workshop, out)
    assert 'href="../../libraries/tool-1/"' in end_of(out, "tool-0")
    before = {n: (out / f"libraries/{n}/index.html").stat().st_ino for n in names}
    workshop.release(library("tool-1", "1.0.1", categories=["Tools"]))
    build(workshop, out)
    after = {n: (out / f"libraries/{n}/index.html").stat().st_ino for n in names}
    assert {n for n in names if before[n] != after[n]} == {"tool-1"}


def test_ends_are_the_same_in_small_builds_and_from_nothing(
    workshop: Workshop, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    changes: list[Callable[[], object]] = [
        lambda: workshop.release(library("git-clone", categories=["Git"], tags=["scm"])),
        lambda: workshop.release(library("git-tag", categories=["Git"])),
        lambda: workshop.release(library("hg-pull", tags=["scm"], dependencies=["git-tag>=1.0"])),
        lambda: workshop.release(library("git-tag", "1.1.0", display_name="Tags", tags=["scm"])),
        lambda: workshop.commit({"instances/production/git-clone.yaml": b"enabled: false\n"}),
        lambda: workshop.commit({"libraries/hg-pull": None}),
    ]
    for number, change in enumerate(changes):
        change()
        build(workshop, out)
        build(workshop, tmp_path / f"fresh-{number}")
        assert site_files(out) == site_files(tmp_path / f"fresh-{number}"), number
    report = build(workshop, out)
    assert (report.written, report.rendered) == (0, 0)


def test_nothing_doubtful_is_suggested(workshop: Workshop, tmp_path: Path) -> None:
    for name in ("file-copy", "file-move", "file-old"):
        workshop.release(library(name, categories=["Files"]))
    workshop.commit(
        {"libraries/file-old/library.yaml": deprecated(workshop, "file-old", "Use another")}
    )
    out = tmp_path / "site"
    build(workshop, out)
    assert "file-move" in end_of(out, "file-copy")
    assert "file-old" not in end_of(out, "file-copy")
    assert "file-copy" in end_of(out, "file-old")


def deprecated(workshop: Workshop, name: str, reason: str) -> bytes:
    path = f"libraries/{name}/library.yaml"
    found = workshop.registry.repository.object(f"HEAD:{path}")
    assert found is not None
    return found.content + f"deprecated: {{reason: '{reason}'}}\n".encode()


def test_a_library_like_no_other_leads_to_all(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release(content.library(1, steps=1).files)
    build(workshop, tmp_path / "site")
    assert "No other library here is like it." in end_of(tmp_path / "site", name)
