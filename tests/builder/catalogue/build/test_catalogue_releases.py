"""Releases in the catalogue: their pages, differences, banners, feeds, quality."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_sources import (
    SHOWN_RELEASES,
    ReadableRelease,
    Source,
    read_sources,
)
from builder.catalogue.pages.one_library import render_library
from builder.catalogue.theme.theme import Theme
from registry.files.shipped import shipped
from registry.library.release_state import ReleaseState
from registry.names import LibraryName
from registry.publishing.withdraw import deprecate, yank
from registry.transactions.transaction import Actor
from registry.versions import parse_version
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.builder.catalogue.eventful import FILES, INTEGRATIONS, NETWORK, advisory, fill

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>]]>&'
ATOM = "{http://www.w3.org/2005/Atom}"
BY = Actor(name="operator")


def build(workshop: Workshop, out: Path, **settings: Any) -> dict[str, bytes]:
    build_catalogue(workshop.registry, out, jobs=1, **{"search": False, **settings})
    return site_files(out)


def release_of(number: int, version: str, *, notes: str = "", **parameter: Any) -> dict[str, bytes]:
    """A release with one more parameter, and notes in its changelog."""
    files = dict(content.library(number, steps=2, version=version).files)
    if parameter:
        path = min(path for path in files if path.startswith("steps/"))
        step = orjson.loads(files[path])
        step["parameters"] |= parameter
        files[path] = orjson.dumps(step)
    files["docs/CHANGELOG.md"] = f"# Changelog\n\n## {version}\n\n{notes or 'Nothing'}\n".encode()
    return files


def test_each_release_has_a_page_and_only_the_active_one_is_to_be_found(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release(release_of(1, "1.0.0"))
    workshop.release(release_of(1, "1.1.0", extra={"type": "string"}))
    files = build(workshop, tmp_path / "site", search=True)
    old, new = (files[f"libraries/{name}/{v}/index.html"].decode() for v in ("1.0.0", "1.1.0"))
    original = f'<link rel="canonical" href="https://steps.example.com/libraries/{name}/">'
    assert original in old
    assert original in new
    assert '<meta name="robots" content="noindex">' in old
    assert "noindex" not in new
    assert "noindex" not in files[f"libraries/{name}/index.html"].decode()
    assert b"1.0.0/" not in files["sitemap.xml"]
    records = list((tmp_path / "site.builds/records").rglob("*.html"))
    assert len(records) == 2
    assert "extra" in new
    assert "extra" not in old.partition('<div class="steps">')[2]


def test_every_page_of_a_library_leads_to_all_its_releases_without_scripts(
    workshop: Workshop, tmp_path: Path
) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0-rc.1"):
        name = workshop.release(release_of(1, version))
    files = build(workshop, tmp_path / "site")
    for page in ("", "1.0.0/", "1.1.0/", "2.0.0-rc.1/"):
        html = files[f"libraries/{name}/{page}index.html"].decode()
        menu = html.partition("<details")[2].partition("</details>")[0]
        links = re.findall(rf'href="[./]*libraries/{name}/([^"]*)"', menu)
        assert links == ["2.0.0-rc.1/", "", "1.0.0/", "changes/"]
        assert menu.count('aria-current="page"') == 1


def test_the_way_from_release_to_release_is_told_step_by_step(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release(release_of(1, "1.0.0"))
    workshop.release(release_of(1, "1.1.0", extra={"type": "string"}))
    workshop.release(release_of(1, "2.0.0", extra={"type": "number"}))
    files = build(workshop, tmp_path / "site")
    page = files[f"libraries/{name}/changes/index.html"].decode()
    steps = re.findall(r'data-old="([^"]*)" data-new="([^"]*)" data-bump="([^"]*)"', page)
    assert steps == [("1.1.0", "2.0.0", "3"), ("1.0.0", "1.1.0", "2")]
    ends = page.partition("data-ends")[2].partition("</section>")[0]
    assert "a required parameter" not in ends
    assert ends.count("/parameters/extra") == 1
    pairs = orjson.loads(files[f"libraries/{name}/changes/comparisons.json"])
    assert pairs["versions"] == ["2.0.0", "1.1.0", "1.0.0"]
    about = files[f"libraries/{name}/2.0.0/index.html"].decode()
    assert "What changed since" in about
    assert "/parameters/extra" in about


def test_releases_with_the_same_interface_are_folded_into_one(
    workshop: Workshop, tmp_path: Path
) -> None:
    for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.3"):
        name = workshop.release(release_of(1, version))
    workshop.release(release_of(1, "1.1.0", extra={"type": "string"}))
    files = build(workshop, tmp_path / "site")
    page = files[f"libraries/{name}/changes/index.html"].decode()
    steps = re.findall(r'data-old="([^"]*)" data-new="([^"]*)" data-bump="([^"]*)"', page)
    assert steps == [("1.0.3", "1.1.0", "2"), ("1.0.0", "1.0.3", "0")]
    assert page.count("are the same; what else is in its files may differ") == 1
    for version in ("1.0.1", "1.0.2", "1.0.3", "1.1.0"):
        assert page.count(f'id="v{version}"') == 1


def test_a_library_with_one_release_has_nothing_to_compare(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release(release_of(1, "1.0.0"))
    files = build(workshop, tmp_path / "site")
    assert f"libraries/{name}/changes/index.html" not in files
    assert b"changes/" not in files[f"libraries/{name}/index.html"]


def test_hostile_texts_stay_texts_in_every_new_place(workshop: Workshop, tmp_path: Path) -> None:
    # Some of this no validation would let through; some of it any author may write.
    notes = f"{HOSTILE}\n\n[x](javascript:alert(1)) ![y](https://e.example/pixel.png)"
    name = LibraryName(workshop.force(release_of(1, "1.0.0")))
    workshop.force(
        release_of(1, "1.1.0", notes=notes, extra={"type": "string", "default": HOSTILE})
    )
    workshop.force(
        release_of(1, "1.2.0", notes=notes, extra={"type": "string", "default": HOSTILE * 2})
    )
    yank(workshop.registry, name, parse_version("1.1.0"), reason=HOSTILE, by=Actor(name=HOSTILE))
    deprecate(workshop.registry, name, reason=HOSTILE, by=BY)
    hit = advisory(name, fixed=None, severity="HIGH")
    hit |= {"summary": HOSTILE, "details": notes, "aliases": [HOSTILE]}
    hit["references"] = [{"type": "WEB", "url": "javascript:alert(1)"}]
    workshop.commit({f"advisories/{hit['id']}.yaml": orjson.dumps(hit)})
    files = build(workshop, tmp_path / "site")
    for path, raw in files.items():
        if path.endswith((".html", ".xml", ".svg")):
            text = raw.decode()
            assert "<script>" not in text, path
            assert "<img" not in text, path
            assert 'href="javascript' not in text, path
        if path.endswith((".xml", ".svg")):
            ET.fromstring(raw)  # noqa: S314 - our own
    page = files[f"libraries/{name}/1.1.0/index.html"].decode()
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert b"&lt;script&gt;" in files["log/index.html"]


def test_a_yanked_release_says_why_and_leads_to_its_replacement(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = LibraryName(workshop.release(release_of(1, "1.0.0")))
    workshop.release(release_of(1, "1.1.0"))
    first, second = parse_version("1.0.0"), parse_version("1.1.0")
    yank(workshop.registry, name, first, reason="It lost data.", replacement=second, by=BY)
    files = build(workshop, tmp_path / "site")
    page = files[f"libraries/{name}/1.0.0/index.html"].decode()
    assert "Release 1.0.0 was yanked." in page
    assert "It lost data." in page
    assert f'Use <a href="../../../libraries/{name}/1.1.0/">1.1.0</a> instead' in page
    assert "was yanked" not in files[f"libraries/{name}/1.1.0/index.html"].decode()
    assert "Yanked: It lost data." in files[f"libraries/{name}/feed.xml"].decode()


def test_incremental_builds_equal_a_full_one_whatever_happened(
    workshop: Workshop, tmp_path: Path
) -> None:
    fill(workshop)
    out = tmp_path / "site"
    build(workshop, out, search=True)
    hit = f"advisories/OPS-2026-{NETWORK}.yaml"
    changes: list[Callable[[], object]] = [
        lambda: workshop.commit({hit: None}),
        lambda: workshop.commit({f"instances/production/{FILES}.yaml": b"enabled: false\n"}),
        lambda: workshop.commit({f"instances/production/{FILES}.yaml": b"active: 1.0.0\n"}),
        lambda: workshop.commit({hit: orjson.dumps(advisory(NETWORK, fixed="1.0.0"))}),
        lambda: workshop.commit({"registry.yaml": b"name: demo\ntitle: No publishers\n"}),
    ]
    for number, change in enumerate(changes):
        change()
        build(workshop, out, search=True)
        fresh = build(workshop, tmp_path / f"fresh-{number}", search=True)
        assert site_files(out) == fresh, number


def test_an_advisory_renders_the_library_that_it_hits_and_no_other(
    workshop: Workshop, tmp_path: Path
) -> None:
    name, other = workshop.release(release_of(1, "1.0.0")), workshop.release(release_of(2, "1.0.0"))
    workshop.release(release_of(1, "1.1.0"))
    out = tmp_path / "site"
    build(workshop, out)
    before = (out / f"libraries/{other}/index.html").stat()
    found = advisory(name, fixed="1.1.0")
    workshop.commit({f"advisories/{found['id']}.yaml": orjson.dumps(found)})
    report = build_catalogue(workshop.registry, out, jobs=1, search=False)
    assert report.rendered == 1
    assert (out / f"libraries/{other}/index.html").stat().st_ino == before.st_ino
    files = site_files(out)
    hit = files[f"libraries/{name}/1.0.0/index.html"].decode()
    assert "Release 1.0.0 has a known vulnerability (high)" in hit
    assert f'Fixed in <a href="../../../libraries/{name}/1.1.0/">1.1.0</a>' in hit
    assert "known vulnerability (" not in files[f"libraries/{name}/index.html"].decode()
    assert 'id="advisories"' in files[f"libraries/{name}/index.html"].decode()
    assert "Vulnerable" not in files["browse/index.html"].decode()


def test_an_active_release_that_is_hit_is_marked_everywhere(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = LibraryName(workshop.release(release_of(1, "1.0.0")))
    found = advisory(name, fixed=None)
    step = workshop.registry.snapshot().library(name).content.steps[0].name  # type: ignore[union-attr]
    found["affected"][0]["ecosystem_specific"] = {"steps": [step]}  # type: ignore[index]
    workshop.commit({f"advisories/{found['id']}.yaml": orjson.dumps(found)})
    files = build(workshop, tmp_path / "site")
    assert b"The active release has a known vulnerability" in files[f"libraries/{name}/index.html"]
    assert b"Vulnerable" in files["browse/index.html"]
    assert b"vulnerable" in files[f"libraries/{name}/status.svg"]
    said = [
        path.split("/")[-2]
        for path, raw in files.items()
        if "/steps/" in path and b"This step has a known vulnerability" in raw
    ]
    assert said == [step]


def test_a_deprecated_library_leads_to_its_replacement_while_that_has_a_page(
    workshop: Workshop, tmp_path: Path
) -> None:
    fill(workshop)
    out = tmp_path / "site"
    link = f'Use <a href="../../libraries/{FILES}/">{FILES}</a> instead'.encode()
    page = f"libraries/{INTEGRATIONS}/index.html"
    assert link in build(workshop, out)[page]
    workshop.commit({f"instances/production/{FILES}.yaml": b"enabled: false\n"})
    assert link not in build(workshop, out)[page]


def test_quality_explains_each_point_and_grows_old_by_itself(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release(release_of(1, "1.0.0"))
    out = tmp_path / "site"
    files = build(workshop, out)
    page = files[f"libraries/{name}/index.html"].decode()
    assert re.search(r"<strong>\d+</strong> of 100 points", page)
    assert "The last release is less than a year old" in page.replace("the last", "The last")
    assert f"libraries/{name}/quality.svg" in files
    workshop.commit({"README.md": b"Two years on.\n"}, when=4_000_000_000)
    report = build_catalogue(workshop.registry, out, jobs=1, search=False)
    assert report.rendered == 1
    assert "more than two years old" in site_files(out)[f"libraries/{name}/index.html"].decode()
    assert site_files(out) == build(workshop, tmp_path / "fresh")


def test_a_feed_tells_each_release_with_what_its_changelog_says(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.force(release_of(1, "1.0.0", notes="- The *first* one"))
    workshop.force(release_of(1, "1.1.0", notes=f"- Better than {HOSTILE}"))
    files = build(workshop, tmp_path / "site")
    feed = ET.fromstring(files[f"libraries/{name}/feed.xml"])  # noqa: S314 - our own
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 2
    notes = [entry.findtext(f"{ATOM}content") or "" for entry in entries]
    assert any("<em>first</em>" in text for text in notes)
    assert not [text for text in notes if "<script" in text or "<img" in text]
    for entry in entries:
        link = entry.find(f"{ATOM}link")
        assert link is not None
        path = link.attrib["href"].removeprefix("https://steps.example.com/")
        assert f"{path}index.html" in files
    page = files[f"libraries/{name}/index.html"].decode()
    assert re.search(r'<link rel="alternate" [^>]*href="../../libraries/[^"]*/feed.xml">', page)


def test_a_step_that_releases_share_is_read_once(workshop: Workshop) -> None:
    name = LibraryName(workshop.release(release_of(1, "1.0.0")))
    workshop.release(release_of(1, "1.1.0"))
    workshop.release(release_of(1, "1.2.0", extra={"type": "string"}))
    registry = workshop.registry
    (source,) = read_sources(registry, registry.snapshot(), [name])
    newest, middle, oldest = (release.content.steps for release in source.releases)
    assert [one is other for one, other in zip(middle, oldest, strict=True)] == [True, True]
    assert sorted(one is other for one, other in zip(newest, middle, strict=True)) == [False, True]


def test_the_greatest_hundred_releases_have_a_page_and_the_active_one_always(
    workshop: Workshop,
) -> None:
    name = LibraryName(workshop.release(release_of(1, "1.0.0")))
    library = workshop.registry.snapshot().library(name)
    assert library.active is not None
    assert library.content is not None
    records = [
        replace(library.active, version=parse_version(f"2.{minor}.0"), state=ReleaseState.RELEASED)
        for minor in range(SHOWN_RELEASES + 20)
    ]
    records.reverse()
    releases = tuple(
        ReadableRelease(record=record, content=library.content)
        for record in [*records, library.active]
    )
    source = Source(
        library=replace(library, releases=(*records, library.active)), releases=releases
    )
    theme = Theme(shipped("catalog-site"), facts=workshop.registry.snapshot().facts, base_url="")
    context = Context(theme=theme, as_of="2026-01-01T00:00:00Z", listed=frozenset([name]))
    files = render_library(source, key="k", context=context).rendered.files
    pages = [path for path in files if re.search(r"/\d+\.\d+\.\d+/index", path)]
    assert len(pages) == SHOWN_RELEASES + 1
    assert f"libraries/{name}/1.0.0/index.html" in files
    assert f"libraries/{name}/2.19.0/index.html" not in files
    assert b"Only the 101 greatest" in files[f"libraries/{name}/changes/index.html"]
