"""Documents on the pages of a built site: pictures, links between them, notes in feeds."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from builder.catalogue import build_catalogue
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.builder.catalogue.pictures import png

README = """# Kit

![The window](../assets/window.png) [![build](https://ci.example/b.svg)](https://ci.example)

[Changes](CHANGELOG.md), [one step](../steps/one.json), [the guide](GUIDE.md), [use](#how-to-use-it)

## How to use it

Say it.[^1]

[^1]: Once.
"""
CHANGELOG = """# Changelog

## {version}

- [The page](README.md) has ![a window](../assets/window.png)[^1]

[^1]: A small one.
"""


def release_of(version: str, window: bytes) -> dict[str, bytes]:
    step = {"name": "one", "display_name": "One", "description": "Does one thing."}
    manifest = {
        "name": "kit",
        "version": version,
        "display_name": "Kit",
        "description": "A kit.",
        "author": "Ada",
        "license": "MIT",
        "steps": [{"file": "steps/one.json"}],
    }
    return {
        "manifest.json": orjson.dumps(manifest),
        "steps/one.json": orjson.dumps(step),
        "docs/README.md": README.encode(),
        "docs/CHANGELOG.md": CHANGELOG.format(version=version).encode(),
        "docs/GUIDE.md": b"# Guide\n",
        "assets/window.png": window,
        "assets/unused.png": png(1, 1),
    }


@pytest.fixture
def files(workshop: Workshop, tmp_path: Path) -> dict[str, bytes]:
    workshop.release(release_of("1.0.0", png(30, 20)))
    workshop.release(release_of("1.1.0", png(60, 40)))
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    return site_files(tmp_path / "site")


def section(files: dict[str, bytes], page: str, name: str) -> str:
    text = files[f"libraries/kit/{page}index.html"].decode()
    begin = text.index(f'id="{name}"')
    return text[begin : text.index("</section>\n", text.index("</section>", begin) - 1)]


def test_pictures_are_published_with_the_pages_that_show_them(files: dict[str, bytes]) -> None:
    published = {path: raw for path, raw in files.items() if "/pictures/" in path}
    assert sorted(published.values()) == sorted([png(30, 20), png(60, 40)])
    for page, way in (("", ""), ("1.1.0/", "../"), ("1.0.0/", "../")):
        found = re.search(
            r'<img src="([^"]+)" alt="The window"[^>]*>', section(files, page, "readme")
        )
        assert found is not None
        assert found[1].startswith(f"{way}pictures/")
        old = page == "1.0.0/"
        size = 'width="30" height="20"' if old else 'width="60" height="40"'
        assert f"{size} loading=" in found[0]
        assert published[f"libraries/kit/{found[1].removeprefix(way)}"] == (
            png(30, 20) if old else png(60, 40)
        )


def test_links_lead_to_what_shows_the_file(files: dict[str, bytes]) -> None:
    rows = {
        "": ("#changelog", "steps/one/", "#readme"),
        "1.1.0/": ("../#changelog", "../steps/one/", "#readme"),
        "1.0.0/": ("#changes", None, "#readme"),
    }
    for page, (changes, step, readme) in rows.items():
        shown = section(files, page, "readme")
        assert f'<a href="{changes}">Changes</a>' in shown
        assert (f'<a href="{step}">one step</a>' if step else ", one step,") in shown
        assert ", the guide," in shown
        assert '<a href="#readme-how-to-use-it">use</a>' in shown
        where = "changelog" if page == "" else "changes"
        assert f'<a href="{readme}">The page</a>' in section(files, page, where)


def test_every_link_to_a_part_of_a_page_leads_to_one(files: dict[str, bytes]) -> None:
    pages = {path: raw.decode() for path, raw in files.items() if path.endswith(".html")}
    for path, text in pages.items():
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        for fragment in re.findall(r'href="#([^"]+)"', text):
            assert fragment in ids, (path, fragment)


def test_a_changelog_does_not_repeat_its_section_s_heading(files: dict[str, bytes]) -> None:
    assert section(files, "", "changelog").count("Changelog</h") == 1


def test_a_feed_has_notes_without_links_into_pages(files: dict[str, bytes]) -> None:
    feed = files["libraries/kit/feed.xml"].decode()
    assert "The page has a window" in feed
    assert "&lt;img" not in feed
    assert "href=&quot;#" not in feed
    assert "anchor" not in feed


def test_a_picture_that_no_document_shows_any_more_is_gone(
    workshop: Workshop, tmp_path: Path
) -> None:
    first = release_of("1.0.0", png(30, 20))
    workshop.release(first)
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    assert any("/pictures/" in path for path in site_files(tmp_path / "site"))
    workshop.commit({"libraries/kit/library.yaml": None})
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    assert not any("/pictures/" in path for path in site_files(tmp_path / "site"))
