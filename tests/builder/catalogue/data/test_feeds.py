"""Feeds are valid Atom, and an entry stays the same entry wherever the site is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from builder.catalogue import build_catalogue
from registry.formats.timestamps import parse_time
from tests.builder.catalogue.conftest import Workshop, site_files

ATOM = "{http://www.w3.org/2005/Atom}"


def feeds(workshop: Workshop, out: Path, address: str) -> dict[str, ET.Element]:
    build_catalogue(workshop.registry, out, base_url=address, jobs=1, search=False)
    return {
        path: ET.fromstring(raw)  # noqa: S314 - our own
        for path, raw in site_files(out).items()
        if path.endswith("feed.xml")
    }


def check(feed: ET.Element, address: str) -> None:
    """The rules of RFC 4287, section 4.1, as far as a schema could say them."""
    has_author = feed.find(f"{ATOM}author/{ATOM}name") is not None
    entries = feed.findall(f"{ATOM}entry")
    assert has_author
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    for one in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert len(one.findall(f"{ATOM}{name}")) == 1, name
        parse_time(one.findtext(f"{ATOM}updated") or "")
        assert (one.findtext(f"{ATOM}id") or "").startswith("urn:uuid:")
        for link in one.findall(f"{ATOM}link"):
            assert (link.get("href") or "").startswith(f"{address}/")
    ids = [one.findtext(f"{ATOM}id") for one in (feed, *entries)]
    assert len(set(ids)) == len(ids)


def ids_of(feed: ET.Element) -> list[str | None]:
    return [one.text for one in feed.iter(f"{ATOM}id")]


def test_feeds_are_valid_and_keep_their_ids_at_another_address(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release_synthetic(1)
    workshop.release_synthetic(1, "1.1.0")
    workshop.release_synthetic(2)
    here, there = "http://127.0.0.1:4242", "https://steps.example.com/below"
    one = feeds(workshop, tmp_path / "one", here)
    other = feeds(workshop, tmp_path / "other", there)
    assert f"libraries/{name}/feed.xml" in one
    assert len(one) == len(other) == 4
    for path, feed in one.items():
        check(feed, here)
        check(other[path], there)
        assert ids_of(feed) == ids_of(other[path])
    own = set(ids_of(one[f"libraries/{name}/feed.xml"])[1:])
    assert len(own) == 2
    assert own <= set(ids_of(one["feed.xml"]))


def test_a_registry_without_releases_has_a_valid_feed(workshop: Workshop, tmp_path: Path) -> None:
    for feed in feeds(workshop, tmp_path / "site", "https://steps.example.com").values():
        check(feed, "https://steps.example.com")
