"""A sitemap holds at most 50,000 addresses; more of them are split over several."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from builder.catalogue import build_catalogue
from builder.catalogue.data.feeds import feed_files
from builder.catalogue.output.site_state import load_state
from builder.catalogue.views.overview import Overview
from tests.builder.catalogue.conftest import Workshop

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
URL = "https://steps.example.com"
MOST = 50_000


def addresses(raw: bytes) -> list[str]:
    root = ET.fromstring(raw)  # noqa: S314 - our own
    return [one.text or "" for one in root.iter(f"{SPACE}loc")]


def test_many_pages_are_told_in_several_files(workshop: Workshop, tmp_path: Path) -> None:
    name = workshop.release_synthetic(1, steps=5)
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    state = load_state(next((tmp_path / "site.builds").glob("*.state")))
    assert state is not None
    one = state.libraries[name]
    count = 9_000
    many = {
        f"lib-{number}": msgspec.structs.replace(one, name=f"lib-{number}")
        for number in range(count)
    }
    facts = workshop.registry.snapshot().facts
    files = feed_files(facts, URL, Overview(many))
    parts = [path.removeprefix(f"{URL}/") for path in addresses(files["sitemap.xml"])]
    assert len(parts) == len(set(parts)) == 2
    told = [address for part in parts for address in addresses(files[part])]
    assert all(len(addresses(files[part])) <= MOST for part in parts)
    assert len(told) == len(set(told)) > count * 6
    assert f"{URL}/libraries/lib-8999/" in told
    pages = {path.parent for path in (tmp_path / "site").resolve().rglob("index.html")}
    site = (tmp_path / "site").resolve()
    alone = {one.removeprefix(f"{URL}/") for one in told if "/libraries/" not in one}
    assert {site / path for path in alone} <= pages
    assert {"", "log/", "publishers/", "advisories/"} <= alone
    assert files["robots.txt"].endswith(f"Sitemap: {URL}/sitemap.xml\n".encode())
