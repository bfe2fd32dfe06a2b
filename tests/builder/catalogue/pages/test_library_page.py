"""A library's page: what it is for first, and nothing that it does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import content
from builder.catalogue import build_catalogue
from registry.formats.parsing import parse_registry_facts
from registry.names import LibraryName
from registry.publishing.create_registry import init_registry
from registry.publishing.withdraw import deprecate, yank
from registry.transactions.transaction import Actor
from registry.versions import parse_version
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.builder.catalogue.eventful import FILES, fill

BY = Actor(name="operator")
OWN, BARE, LABELLED, MIXED = "own-hands", "bare-words", "broad-labels", "mixed-hands"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A built site."""

    files: dict[str, bytes]

    def page(self, path: str) -> str:
        return self.files[f"libraries/{path}/index.html"].decode()


def library(name: str, steps: list[dict[str, Any]], executors: list[bool]) -> dict[str, bytes]:
    """A library with these steps; those with an executor run here."""
    entries: list[dict[str, str]] = []
    files: dict[str, bytes] = {}
    for number, (step, has_executor) in enumerate(zip(steps, executors, strict=True)):
        entry = {"file": f"steps/s{number}.json"}
        if has_executor:
            entry["executor"] = f"executors/s{number}.py"
            files[entry["executor"]] = b"def execute(parameters, context):\n    return {}\n"
        files[entry["file"]] = orjson.dumps({"name": f"do.s{number}", **step})
        entries.append(entry)
    manifest = {"name": name, "version": "1.0.0", "steps": entries}
    return {"manifest.json": orjson.dumps(manifest), **files}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The examples with all that happened to them, and libraries that declare little."""
    root = tmp_path_factory.mktemp("library-page")
    registry = init_registry(
        root / "registry", name="demo", title="Demo", url="https://acme.github.io/steps", by=BY
    )
    workshop = Workshop(registry=registry, path=root / "registry")
    fill(workshop)
    url = b'{"name": "demo", "title": "Demo", "url": "https://acme.github.io/steps"}'
    workshop.commit({"registry.yaml": url})
    network = {"permissions": {"network": ["api.example.com:443"]}}
    for files in (
        library(OWN, [{}], [True]),
        library(BARE, [{}, {}], [False, False]),
        library(LABELLED, [{"required_permissions": ["network"]}], [False]),
        library(MIXED, [network, {}], [True, False]),
    ):
        workshop.force(files)
    older = content.library(5, steps=2, version="1.0.0").files
    name = LibraryName(workshop.release({**older, "docs/CHANGELOG.md": b"# 1.0.0\n\nFirst\n"}))
    workshop.release({**content.library(5, steps=2, version="1.1.0").files})
    yank(registry, name, parse_version("1.0.0"), reason="It lost data", by=BY)
    deprecate(registry, name, reason="Nobody looks after it", by=BY)
    build_catalogue(registry, root / "site", jobs=1, search=False)
    registry.close()
    return Site(files=site_files(root / "site"))


def headings(page: str) -> list[str]:
    return re.findall(r'<h2 id="([^"]*)">', page)


def test_what_it_is_for_and_how_to_use_it_come_before_what_is_long(site: Site) -> None:
    order = headings(site.page(FILES))
    assert order[:4] == ["use", "steps", "permissions", "readme"]
    assert order.index("readme") < order.index("versions") < order.index("quality")
    assert order[-1] == "related"
    assert "Its publisher gives no description." in site.page(BARE)


def test_nothing_is_said_of_permissions_that_nobody_declared(site: Site) -> None:
    asks, declares = "a run sees only its own working directory", "Nothing declared."
    for name, said, silent in ((OWN, asks, declares), (BARE, declares, asks)):
        for path in (name, f"{name}/1.0.0", f"{name}/steps/do.s0"):
            assert said in site.page(path), path
            assert silent not in site.page(path), path
    assert "Talks to other machines" in site.page(LABELLED)
    assert "does not say which files, machines or programs" in site.page(LABELLED)
    mixed = site.page(MIXED)
    assert "Connects to <code>api.example.com</code>" in mixed
    assert "One step declares nothing and has no executor" in mixed


def test_quality_is_explained_where_it_is_shown_lost_points_first(site: Site) -> None:
    page = site.page(BARE).partition('id="quality"')[2]
    missing, _, earned = page.partition("What it has all points for")
    assert "Minimal permissions</span><span" in missing
    assert "0 of 14" in missing
    assert "do.s0 declares nothing; and 1 more." in missing
    assert "Current" in earned
    titles = re.findall(r'class="count">(\d+) of (\d+)', missing)
    lost = [int(possible) - int(points) for points, possible in titles]
    assert lost == sorted(lost, reverse=True)


def test_versions_say_what_changed_and_every_sentence_ends(site: Site) -> None:
    name = content.library(5, steps=1).name
    page = site.page(name)
    versions = page.partition('id="versions"')[2].partition("</table>")[0]
    assert "First release with 2 steps" in versions
    assert "Yanked: It lost data." in versions
    assert "Nobody looks after it." in page
    assert "Its library is deprecated.</strong></p><p>Nobody looks after it.</p>" in site.page(
        f"{name}/steps/{content.library(5, steps=2).steps[0]}"
    )


def test_a_title_that_only_says_changelog_is_not_said_twice(site: Site) -> None:
    name = content.library(5, steps=1).name
    assert "Changelog</h" in site.page(name)
    assert site.page(name).count("Changelog</h") == 1


def test_the_files_of_a_release_are_linked_to_where_the_host_is_known(site: Site) -> None:
    link = f"https://github.com/acme/steps/tree/{FILES}/v2.0.0/libraries/{FILES}/2.0.0"
    assert f'href="{link}"' in site.page(FILES)
    assert f'href="{link.replace("2.0.0", "1.1.0")}"' in site.page(f"{FILES}/1.1.0")


def test_signs_are_drawn_and_no_font_has_to_have_them(site: Site) -> None:
    for path in (FILES, f"{FILES}/2.0.0", f"{FILES}/steps/file.delete"):
        head = site.page(path).partition('<div class="prose"')[0]
        assert not re.search("[\U0001f300-\U0001faff\u2600-\u27bf]", head), path
    assert "#bin" in site.page(f"{FILES}/steps/file.delete")


def test_a_reason_is_markdown_and_a_date_in_it_is_not_said_twice(
    workshop: Workshop, tmp_path: Path
) -> None:
    name, dated = (workshop.release_synthetic(number, steps=1) for number in (1, 2))
    reason = "**Gone**, see https://example.com/why\n\nRemoval date: "
    deprecate(workshop.registry, LibraryName(name), reason="Use `other`", by=BY)
    facts = workshop.registry.snapshot().library(LibraryName(name)).facts
    today = str(facts.deprecated and facts.deprecated.date)[:10]
    deprecate(workshop.registry, LibraryName(dated), reason=reason + today, by=BY)
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    site = Site(files=site_files(tmp_path / "site"))
    said = site.page(name).partition("This library has been deprecated since ")[2]
    assert said.partition("</p>")[2].startswith("<p>Use <code>other</code>.</p>")
    notice = site.page(dated).partition("This library is deprecated.</strong></p>")[2]
    notice = notice.partition("</div>")[0]
    assert "<strong>Gone</strong>" in notice
    assert 'href="https://example.com/why"' in notice
    assert notice.count(today) == 1


def test_what_pins_and_what_ranges_is_told_apart_and_so_is_the_worth_of_a_number(
    site: Site,
) -> None:
    pin = site.page(FILES).partition('class="use-way way-pin"')[2].partition('class="use-way')[0]
    exact, _, ranged = pin.partition("needs it in a range")
    assert f"{FILES}==2.0.0" in exact
    assert "dependencies" not in exact
    assert f"{FILES}&gt;=2.0,&lt;3" in ranged
    for path in (FILES, f"{FILES}/2.0.0", f"{FILES}/changes"):
        assert 'title="By its interface, whatever its number says"' in site.page(path), path
    assert "whatever its number says.</p>" in site.page(FILES)


def ways_of(tmp_path: Path, workshop: Workshop, **facts: str) -> tuple[str, str]:
    """The ways to use a library of a registry with these facts, and the page about it."""
    name = workshop.release_synthetic(1, steps=1)
    registry = orjson.dumps({"name": "demo", "title": "Demo", **facts})
    workshop.commit({"registry.yaml": registry})
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    site = Site(files=site_files(tmp_path / "site"))
    ways = site.page(name).partition('aria-labelledby="use"')[2].partition("</section>")[0]
    return ways, site.files["about/index.html"].decode()


def test_commands_name_the_repository_that_the_registry_says(
    workshop: Workshop, tmp_path: Path
) -> None:
    address = "https://git.example.com/ops/steps.git"
    ways, about = ways_of(tmp_path, workshop, repository=address)
    assert f"opsteps upstream add demo {address}\n" in ways
    assert ways.count(f"git clone {address} ") == 2
    assert "ADDRESS" not in ways
    assert "code-draft" not in ways
    assert f"<code>{address}</code>" in about
    assert "/tree/" not in ways


def test_a_command_without_its_address_is_not_offered_for_copying(
    workshop: Workshop, tmp_path: Path
) -> None:
    ways, about = ways_of(tmp_path, workshop, url="https://steps.example.com")
    drafts = re.findall(r'<div class="([^"]*)"><pre[^>]*><code>[^<]*ADDRESS', ways)
    assert drafts == ["code-draft"] * 3
    assert ways.count("which this catalogue does not know") == 3
    assert 'href="../../about/#opsteps"' in ways
    assert 'id="opsteps"' in about
    assert "<code>repository:</code>" in about


@pytest.mark.parametrize(
    "address",
    ["file:///steps", "https://a.example/x;id", "ssh://-x@a/b", "https://u:p@a.example/b"],
)
def test_an_address_that_a_shell_or_a_reader_should_not_meet_is_refused(address: str) -> None:
    facts = orjson.dumps({"name": "demo", "title": "Demo", "repository": address})
    (problem,) = parse_registry_facts(facts).problems
    assert problem.pointer == "/repository"
