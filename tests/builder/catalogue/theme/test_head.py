"""The things that search engines, other sites and browsers read of pages."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.data.preview import preview
from tests.builder.catalogue.conftest import Workshop, site_files

URL = "https://steps.example.com"
HOSTILE = "</script><script>alert(1)</script><!--\u2028]]>"
DATA = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


def hostile_library() -> dict[str, bytes]:
    files = dict(content.library(1, steps=1).files)
    manifest = orjson.loads(files["manifest.json"])
    manifest |= {"display_name": HOSTILE, "description": HOSTILE, "author": HOSTILE}
    return files | {"manifest.json": orjson.dumps(manifest | {"tags": [HOSTILE]})}


def data_of(page: str) -> Any:
    (text,) = DATA.findall(page)
    return json.loads(text)


def test_structured_data_says_what_strangers_wrote_and_ends_nowhere_else(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.force(hostile_library())
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    files = site_files(tmp_path / "site")
    page = files[f"libraries/{name}/index.html"].decode()
    said = data_of(page)
    assert said["@type"] == "SoftwareSourceCode"
    assert said["name"] == HOSTILE
    assert said["author"]["name"] == HOSTILE
    assert said["url"] == f"{URL}/libraries/{name}/"
    assert "<script>" not in page
    home = data_of(files["index.html"].decode())
    assert home["potentialAction"]["target"] == f"{URL}/search/?q={{query}}"


def test_every_page_says_how_a_link_to_it_is_shown(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release_synthetic(1)
    workshop.release_synthetic(1, "1.1.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    files = site_files(tmp_path / "site")
    titles: dict[str, str] = {}
    for path, raw in files.items():
        if not path.endswith("index.html"):
            continue
        page = raw.decode()
        found = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
        assert set(found) == {"type", "title", "description", "url", "image"}, path
        assert found["image"] == f"{URL}/preview.png"
        assert f'<link rel="canonical" href="{found["url"]}">' in page, path
        title = page.partition("<title>")[2].partition("</title>")[0]
        assert found["title"] in title
        titles.setdefault(title, path)
        assert titles[title] == path, "two pages have the same title"
    assert 'content="noindex"' in files["404.html"].decode()
    assert 'content="noindex"' in files[f"libraries/{name}/1.0.0/index.html"].decode()


def test_browsers_can_search_by_its_description(workshop: Workshop, tmp_path: Path) -> None:
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    raw = site_files(tmp_path / "site")["opensearch.xml"]
    space = "{http://a9.com/-/spec/opensearch/1.1/}"
    root = ET.fromstring(raw)  # noqa: S314 - ours
    assert root.findtext(f"{space}ShortName") == "Demo registry"
    templates = [url.get("template") for url in root.findall(f"{space}Url")]
    assert f"{URL}/search/?q={{searchTerms}}" in templates


def test_a_library_gets_a_picture_of_its_own_when_asked_for(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release_synthetic(1)
    for wanted in (True, False):
        build_catalogue(
            workshop.registry, tmp_path / "site", jobs=1, search=False, has_pictures=wanted
        )
        files = site_files(tmp_path / "site")
        own = f"libraries/{name}/preview.png"
        assert (own in files) == wanted
        shown = own if wanted else "preview.png"
        page = files[f"libraries/{name}/index.html"].decode()
        assert f'<meta property="og:image" content="{URL}/{shown}">' in page
        assert Image.open(BytesIO(files[shown])).size == (1_200, 630)


def test_a_picture_never_has_a_letter_that_its_font_lacks() -> None:
    def drawn(title: str) -> bytes:
        return preview(above="Steps", title=title, name="file-ops", text="It works.")

    assert drawn("ملفات") == drawn("文件") == drawn("🚀") == drawn("file-ops")
    assert drawn("Café") == drawn("Cafe")
    assert drawn("x" * 5_000) != drawn("x")
    assert drawn("\0\n\u202e") == drawn("file-ops")
