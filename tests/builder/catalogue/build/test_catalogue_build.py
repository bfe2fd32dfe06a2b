from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_sources import Source
from builder.catalogue.pages.one_library import render_library
from builder.catalogue.theme.theme import Theme
from builder.errors import OutputError
from registry.files.shipped import shipped
from registry.library import wire
from registry.names import CORE, LibraryName, library_id
from tests.builder.catalogue.conftest import Workshop, site_files

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>&{{ 7*7 }}'


def hostile_library() -> dict[str, bytes]:
    """A library with HTML in every text that its format lets one write."""
    files = dict(content.library(1, steps=1).files)
    manifest = orjson.loads(files["manifest.json"])
    for field in ("display_name", "description", "author", "price_note"):
        if field in manifest:
            manifest[field] = HOSTILE
    manifest["categories"] = [HOSTILE]
    manifest["tags"] = [HOSTILE]
    path = manifest["steps"][0]["file"]
    step: dict[str, Any] = orjson.loads(files[path])
    for field in ("display_name", "description", "category", "deprecation_message"):
        step[field] = HOSTILE
    step["icon"] = "<b>"
    step["is_deprecated"] = True
    step["tags"] = [HOSTILE]
    step["permissions"] = {}
    step["parameters"] = {
        "mode": {"type": "select", "description": HOSTILE, "options": [HOSTILE], "default": HOSTILE}
    }
    step["examples"] = [{"name": HOSTILE, "description": HOSTILE, "parameters": {"mode": HOSTILE}}]
    step["returns"] = {"type": "object", "properties": {"x": {"description": HOSTILE}}}
    files |= {
        "manifest.json": orjson.dumps(manifest),
        path: orjson.dumps(step),
        "docs/README.md": f"# Title\n\n{HOSTILE}\n\n[x](javascript:alert(1))\n".encode(),
        "docs/CHANGELOG.md": HOSTILE.encode(),
    }
    return files


class Elements(HTMLParser):
    """Every element of a page with its attributes, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def build(workshop: Workshop, out: Path, **settings: Any) -> Any:
    return build_catalogue(workshop.registry, out, jobs=1, **settings)


def test_a_site_has_every_kind_of_page_and_file(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release_synthetic(1)
    report = build(workshop, tmp_path / "site")
    files = site_files(tmp_path / "site")
    assert {
        *("index.html", "browse/index.html", "search/index.html", "schemas/index.html"),
        *("about/index.html", "404.html", "sitemap.xml", "feed.xml", "robots.txt"),
        *("browse/platform/linux/index.html", "search-index/entry.bin"),
        *("schemas/manifest.schema.json", "api/v1/steps.json", "api/v1/libraries.json"),
        f"libraries/{name}/index.html",
        f"libraries/{CORE}/steps/flow.start/index.html",
        f"api/v1/libraries/{name}.json",
        f"api/v1/libraries/{library_id(LibraryName(name))}.json",
    } <= files.keys()
    assert report.files == len(files)
    assert report.pages == sum(path.endswith(".html") for path in files)


def test_links_between_pages_lead_somewhere(workshop: Workshop, tmp_path: Path) -> None:
    workshop.release_synthetic(1)
    workshop.release_synthetic(2)
    build(workshop, tmp_path / "site")
    site = (tmp_path / "site").resolve()
    for path, raw in site_files(site).items():
        if not path.endswith(".html") or path == "404.html":
            continue
        here = site / path
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', raw.decode()):
            if "://" in link or link.startswith(("mailto:", "#")):
                continue
            target = (here.parent / link.partition("#")[0].partition("?")[0]).resolve()
            assert (target / "index.html" if target.is_dir() else target).is_file(), (path, link)


def test_json_is_what_the_wire_makes(workshop: Workshop, tmp_path: Path) -> None:
    name = LibraryName(workshop.release_synthetic(1, "1.0.0"))
    workshop.release_synthetic(1, "1.1.0")
    build(workshop, tmp_path / "site", search=False)
    files = site_files(tmp_path / "site")
    snapshot = workshop.registry.snapshot()
    library = snapshot.library(name)
    steps = wire.library_steps(library)
    step, body = steps[0]
    assert files[f"api/v1/steps/{name}.{step}.json"] == body
    assert files[f"api/v1/steps/{name}.{step}@1.1.0.json"] == body
    older = orjson.loads(files[f"api/v1/steps/{name}.{step}@1.0.0.json"])
    assert older["version"] == "1.0.0"
    detail = wire.library_detail_bytes(library, [body for _, body in steps])
    assert files[f"api/v1/libraries/{name}.json"] == detail
    everything = [snapshot.library(CORE), library]
    bodies = [body for item in everything for _, body in wire.library_steps(item)]
    categories = [s.category for i in everything if i.content for s in i.content.steps]
    names = [item.name for item in everything]
    assert files["api/v1/steps.json"] == wire.step_list_bytes(bodies, categories, names)
    summaries = [wire.library_summary_bytes(item) for item in everything]
    assert files["api/v1/libraries.json"] == wire.library_list_bytes(summaries)


def test_hostile_texts_stay_texts(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.force(hostile_library())
    build(workshop, tmp_path / "site")
    files = site_files(tmp_path / "site")
    for path, raw in files.items():
        if not path.endswith((".html", ".xml")):
            continue
        page = raw.decode()
        assert "<script>" not in page, path
        for tag, attributes in Elements(page).found:
            assert tag not in {"img", "style", "iframe", "object", "embed", "base"}, path
            is_run = tag == "script" and attributes.get("type") != "application/ld+json"
            assert not is_run or str(attributes["src"]).startswith((".", "/")), path
            assert not [key for key in attributes if key.startswith("on") or key == "style"], path
            assert not str(attributes.get("href")).lower().startswith(("javascript", "data")), path
    page = files[f"libraries/{name}/index.html"].decode()
    assert "needs its publisher" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", 'https://e.example/"><script>', "//e.example"]
)
def test_an_address_that_is_not_safe_to_follow_is_text(workshop: Workshop, url: str) -> None:
    theme = Theme(shipped("catalog-site"), facts=workshop.registry.snapshot().facts, base_url="")
    name = workshop.release_synthetic(1)
    library = workshop.registry.snapshot().library(LibraryName(name))
    assert library.content is not None
    manifest = replace(library.content.manifest, homepage=url, repository=url, support_email=url)
    library = replace(library, content=replace(library.content, manifest=manifest))
    context = Context(theme=theme, as_of="2026-01-01T00:00:00Z", listed=frozenset([name]))
    rendered = render_library(Source(library=library), key="k", context=context)
    page = rendered.rendered.files[f"libraries/{name}/index.html"].decode()
    links = re.findall(r'<a href="([^"]*)" rel="nofollow noopener ugc">', page)
    assert all(re.match(r"https?://[^/]|mailto:", link) for link in links)
    assert "<script>" not in page
    assert not [link for link in links if link.startswith("javascript")]


def test_every_page_has_a_strict_policy(workshop: Workshop, tmp_path: Path) -> None:
    workshop.release_synthetic(1)
    build(workshop, tmp_path / "site", search=False)
    for path, raw in site_files(tmp_path / "site").items():
        if path.endswith(".html"):
            page = raw.decode()
            assert "default-src 'none'; script-src 'self'" in page
            assert "unsafe" not in page.partition("</head>")[0]
            assert ("connect-src 'self'" in page) == (path == "search/index.html")
            assert " style=" not in page
            assert "<style" not in page


def test_the_same_input_gives_the_same_bytes(workshop: Workshop, tmp_path: Path) -> None:
    for number in range(70):
        workshop.release_synthetic(number, steps=1)
    build(workshop, tmp_path / "one")
    build_catalogue(workshop.registry, tmp_path / "two", jobs=3)
    assert site_files(tmp_path / "one") == site_files(tmp_path / "two")


def test_a_build_without_changes_touches_nothing(workshop: Workshop, tmp_path: Path) -> None:
    workshop.release_synthetic(1)
    out = tmp_path / "site"
    build(workshop, out)
    before = {path: (out / path).stat() for path in site_files(out)}
    tree = out.readlink()
    report = build(workshop, out)
    assert (report.written, report.removed, report.rendered) == (0, 0, 0)
    assert out.readlink() == tree
    assert {path: (out / path).stat() for path in site_files(out)} == before


def test_a_changed_library_leaves_the_files_of_others_untouched(
    workshop: Workshop, tmp_path: Path
) -> None:
    changed, other = workshop.release_synthetic(1), workshop.release_synthetic(2)
    out = tmp_path / "site"
    build(workshop, out)
    before = {path: (out / path).stat() for path in site_files(out)}
    workshop.release_synthetic(1, "1.1.0")
    report = build(workshop, out)
    assert report.rendered == 1
    after = {path: (out / path).stat() for path in site_files(out)}
    touched = {
        path for path in before if path in after and _mark(before[path]) != _mark(after[path])
    }
    assert f"libraries/{changed}/index.html" in touched
    assert not {path for path in touched if f"/{other}" in path}
    assert "schemas/index.html" not in touched


def _mark(stat: Any) -> tuple[int, int]:
    return stat.st_ino, stat.st_mtime_ns


def test_incremental_builds_equal_a_full_one(workshop: Workshop, tmp_path: Path) -> None:
    names = [workshop.release_synthetic(number) for number in range(3)]
    out = tmp_path / "site"
    build(workshop, out)
    disabled, gone = names[0], names[1]
    changes: list[Callable[[], object]] = [
        lambda: workshop.release_synthetic(2, "1.1.0"),
        lambda: workshop.commit({f"instances/production/{disabled}.yaml": b"enabled: false\n"}),
        lambda: workshop.commit({f"libraries/{gone}": None}),
        lambda: workshop.release_synthetic(9),
        lambda: workshop.commit({f"instances/production/{disabled}.yaml": None}),
        lambda: workshop.commit({f"libraries/{names[2]}/1.1.0/manifest.json": b"{"}),
    ]
    for number, change in enumerate(changes):
        change()
        build(workshop, out)
        fresh = tmp_path / f"fresh-{number}"
        build(workshop, fresh)
        assert site_files(out) == site_files(fresh), number
        spare = {"a": "b", "b": "a"}[out.readlink().name]
        assert site_files(out.with_name("site.builds") / spare) == site_files(fresh), number


def test_a_dependency_is_a_link_only_while_it_has_a_page(
    workshop: Workshop, tmp_path: Path
) -> None:
    needed = workshop.release_synthetic(1)
    files = dict(content.library(2, steps=1).files)
    manifest = orjson.loads(files["manifest.json"])
    manifest["dependencies"] = [f"{needed}>=1.0"]
    name = workshop.release({**files, "manifest.json": orjson.dumps(manifest)})
    out = tmp_path / "site"
    page = f"libraries/{name}/index.html"
    build(workshop, out, search=False)
    assert f'href="../../libraries/{needed}/"'.encode() in site_files(out)[page]
    workshop.commit({f"instances/production/{needed}.yaml": b"enabled: false\n"})
    build(workshop, out, search=False)
    assert f'href="../../libraries/{needed}/"'.encode() not in site_files(out)[page]
    assert f"{needed}&gt;=1.0".encode() in site_files(out)[page]


def test_disabled_libraries_and_candidates_are_absent(workshop: Workshop, tmp_path: Path) -> None:
    name, candidate = workshop.release_synthetic(1), content.library(2, steps=1)
    root = f"libraries/{candidate.name}/1.0.0"
    workshop.commit({f"{root}/{path}": raw for path, raw in candidate.files.items()})
    workshop.commit({f"instances/production/{name}.yaml": b"enabled: false\n"})
    build(workshop, tmp_path / "site")
    for path, raw in site_files(tmp_path / "site").items():
        assert name not in path
        assert name.encode() not in raw
        assert candidate.name.encode() not in raw


def test_a_library_that_cannot_be_read_is_listed_with_its_error(
    workshop: Workshop, tmp_path: Path
) -> None:
    broken, sound = workshop.release_synthetic(1), workshop.release_synthetic(2)
    workshop.commit({f"libraries/{broken}/1.0.0/manifest.json": b"{ not json"})
    build(workshop, tmp_path / "site")
    files = site_files(tmp_path / "site")
    page = files[f"libraries/{broken}/index.html"].decode()
    assert "needs its publisher" in page
    assert "its files differ from those that were tagged" in page
    assert "Needs attention" in files["browse/index.html"].decode()
    assert f"libraries/{sound}/index.html" in files


def test_yanked_and_deprecated_are_said(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release_synthetic(1)
    facts = workshop.registry.snapshot().library(LibraryName(name)).facts
    entry = facts.ledger["1.0.0"]
    workshop.commit(
        {
            f"libraries/{name}/library.yaml": (
                f"owners: [author]\nledger:\n  1.0.0: {{digest: '{entry.digest}', "
                f"date: '{entry.date}'}}\nyanked:\n  1.0.0: {{reason: 'It <b>lost</b> data'}}\n"
                "deprecated: {reason: 'Use <i>another</i>', replacement: other-library}\n"
            ).encode(),
        }
    )
    workshop.release_synthetic(1, "1.1.0")
    build(workshop, tmp_path / "site", search=False)
    page = site_files(tmp_path / "site")[f"libraries/{name}/index.html"].decode()
    assert "Yanked" in page
    assert "It &lt;b&gt;lost&lt;/b&gt; data" in page
    assert "This library is deprecated" in page
    assert "Use &lt;i&gt;another&lt;/i&gt;" in page


def test_many_libraries_come_in_pages(workshop: Workshop, tmp_path: Path) -> None:
    for number in range(31):
        workshop.release_synthetic(number, steps=1)
    build(workshop, tmp_path / "site", search=False)
    files = site_files(tmp_path / "site")
    assert files["browse/index.html"].count(b'<li class="card') == 30
    assert files["browse/page/2/index.html"].count(b'<li class="card') == 2
    assert "browse/page/3/index.html" not in files


def test_the_base_url_is_where_feeds_point_to(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release_synthetic(1)
    build(workshop, tmp_path / "site", search=False, base_url="https://host.example/steps/")
    files = site_files(tmp_path / "site")
    assert f"https://host.example/steps/libraries/{name}/".encode() in files["sitemap.xml"]
    assert f"https://host.example/steps/libraries/{name}/".encode() in files["feed.xml"]
    assert b'href="/steps/browse/"' in files["404.html"]
    assert b"host.example" in files["index.html"]


def test_a_directory_with_something_else_is_left_alone(workshop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="not a site that an earlier build made"):
        build(workshop, out)
    assert (out / "precious.txt").read_text() == "mine"
    elsewhere = tmp_path / "link"
    elsewhere.symlink_to(out)
    with pytest.raises(OutputError, match="no build made"):
        build(workshop, elsewhere)


def test_an_empty_directory_becomes_the_site(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    build(workshop, tmp_path / "site", search=False)
    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "site" / "index.html").is_file()
