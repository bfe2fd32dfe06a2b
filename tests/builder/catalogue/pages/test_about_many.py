"""Pages about many libraries: publishers, advisories, and what the home page features."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from builder.catalogue import build_catalogue
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.builder.catalogue.eventful import FILES, INTEGRATIONS, NETWORK, PUBLISHER, advisory, fill


def build(workshop: Workshop, out: Path) -> dict[str, str]:
    build_catalogue(workshop.registry, out, jobs=1, search=False)
    return {
        path.removesuffix("index.html"): raw.decode()
        for path, raw in site_files(out).items()
        if path.endswith("index.html")
    }


def test_a_publisher_has_a_page_with_its_keys_and_all_its_libraries(
    workshop: Workshop, tmp_path: Path
) -> None:
    fill(workshop)
    pages = build(workshop, tmp_path / "site")
    (key,) = workshop.registry.snapshot().facts.publishers[PUBLISHER]["keys"]
    page = pages[f"publishers/{PUBLISHER}/"]
    assert "SHA256:" in page
    assert key["key"] not in page
    signed, _, _ = page.partition("Without its signature")
    assert f"libraries/{FILES}/" in signed
    assert "no administrator’s signature over that was checked" in page
    assert f'<a href="../../publishers/{PUBLISHER}/">' in pages[f"libraries/{FILES}/"]
    # Network tools has one release, which nobody signed, and names a publisher nobody declared.
    said = pages["publishers/opsconductor-examples/"]
    assert "no key proves it" in said
    assert f"libraries/{NETWORK}/" in said
    assert "(not signed)" in pages[f"libraries/{NETWORK}/"]
    assert pages["publishers/"].index(PUBLISHER) < pages["publishers/"].index("opsconductor-ex")


def test_a_publisher_that_no_address_can_hold_has_no_page(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = "../../<script>alert(1)</script>"
    manifest = {
        "name": "odd", "version": "1.0.0", "publisher": name, "steps": [{"file": "steps/a.json"}]
    }  # fmt: skip
    files = {"manifest.json": orjson.dumps(manifest), "steps/a.json": b'{"name": "do.it"}'}
    workshop.force(files)
    pages = build(workshop, tmp_path / "site")
    assert [path for path in pages if path.startswith("publishers/")] == ["publishers/"]
    assert "&lt;script&gt;" in pages["libraries/odd/"]
    assert "No library names a publisher" in pages["publishers/"]


def test_all_advisories_are_on_one_page(workshop: Workshop, tmp_path: Path) -> None:
    assert "None is known." in build(workshop, tmp_path / "empty")["advisories/"]
    fill(workshop)
    out = tmp_path / "site"
    page = build(workshop, out)["advisories/"]
    assert f'<a href="../libraries/{FILES}/#advisories">' in page
    assert f'Fixed in <a href="../libraries/{FILES}/2.0.0/">2.0.0</a>' in page
    assert "No release fixes it yet." in page
    assert page.count("active release affected") == 1
    workshop.commit({f"instances/production/{NETWORK}.yaml": b"enabled: false\n"})
    page = build(workshop, out)["advisories/"]
    assert NETWORK not in page
    assert FILES in page


def test_home_shows_steps_of_this_registry_alone(workshop: Workshop, tmp_path: Path) -> None:
    assert 'class="flow"' not in build(workshop, tmp_path / "empty")[""]
    fill(workshop)
    pages = build(workshop, tmp_path / "site")
    flow = pages[""].partition('class="flow"')[2].partition("</ul>")[0]
    shown = re.findall("<small>([^<]*)</small>", flow)
    assert shown
    for step in shown:
        assert any(path.endswith(f"/steps/{step}/") for path in pages)


def test_a_library_with_a_known_vulnerability_is_not_featured(
    workshop: Workshop, tmp_path: Path
) -> None:
    fill(workshop)
    featured = build(workshop, tmp_path / "site")[""].partition('id="recent"')[0]
    assert f'href="./libraries/{FILES}/"' in featured
    assert f'href="./libraries/{NETWORK}/"' not in featured
    named = {"name": "demo", "title": "Demo", "policy": {"featured": [NETWORK, INTEGRATIONS]}}
    workshop.commit({"registry.yaml": orjson.dumps(named)})
    featured = build(workshop, tmp_path / "named")[""].partition('id="recent"')[0]
    assert f'href="./libraries/{NETWORK}/"' not in featured
    assert f'href="./libraries/{INTEGRATIONS}/"' in featured
    hit = advisory(INTEGRATIONS, fixed=None)
    workshop.commit({f"advisories/{hit['id']}.yaml": orjson.dumps(hit)})
    assert "Featured" not in build(workshop, tmp_path / "named")[""]


def test_no_page_about_many_libraries_is_out_of_the_way(workshop: Workshop, tmp_path: Path) -> None:
    links = ('href="../publishers/"', 'href="../advisories/"')
    about, _, _ = build(workshop, tmp_path / "empty")["about/"].partition("<footer")
    assert not any(link in about for link in links)
    fill(workshop)
    pages = build(workshop, tmp_path / "site")
    assert all(link in pages["about/"] for link in links)
    assert 'href="../browse/">Browse all' in pages["libraries/"]
    assert '<link rel="canonical" href="https://steps.example.com/browse/">' in pages["libraries/"]
