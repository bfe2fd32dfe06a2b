"""A site names the address that it is published at, and no other."""

from __future__ import annotations

import gzip
import html
import re
from pathlib import Path

from builder.catalogue import build_catalogue
from registry.publishing.create_registry import init_registry
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.installed import opsteps

ROOT = Path(__file__).resolve().parents[4]
PLACEHOLDER = "http://127.9.8.7:4242"
PUBLISHED = "https://steps.example.com/below"


def text_of(raw: bytes) -> bytes:
    return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw


def examples(root: Path, url: str) -> Workshop:
    registry = init_registry(
        root / "registry", name="demo", title="Demo", url=url, by=Actor(name="author")
    )
    workshop = Workshop(registry=registry, path=root / "registry")
    for release in sorted((ROOT / "examples/registry/libraries").glob("*/*/manifest.json")):
        workshop.release(dict(read_source(release.parent)))
    return workshop


def test_no_other_address_is_left_anywhere(tmp_path: Path) -> None:
    workshop = examples(tmp_path, PLACEHOLDER)
    build_catalogue(workshop.registry, tmp_path / "site", base_url=PUBLISHED, jobs=1)
    workshop.registry.close()
    files = site_files(tmp_path / "site")
    assert len(files) > 100
    for name, raw in files.items():
        for foreign in (b"127.9.8.7", b"127.0.0.1:3011", b"localhost:3011"):
            assert foreign not in text_of(raw), name


def test_every_command_on_its_pages_names_a_file_that_is_there(tmp_path: Path) -> None:
    workshop = examples(tmp_path, PUBLISHED)
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    workshop.registry.close()
    files = site_files(tmp_path / "site")
    pages = [raw.decode() for name, raw in files.items() if name.endswith(".html")]
    blocks = [
        block for page in pages for block in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)
    ]
    texts = [html.unescape(re.sub(r"<[^>]+>", "", block)) for block in blocks]
    curls = {line for text in texts for line in text.split("\n") if line.startswith("curl http")}
    schemas = {found for text in texts for found in re.findall(r'"\$schema": "([^"]+)"', text)}
    assert any("/api/v1/steps/" in line for line in curls)
    assert any(f"{PUBLISHED}/schemas/" in text for text in schemas)
    for address in [line.removeprefix("curl ") for line in curls] + list(schemas):
        assert address.startswith(f"{PUBLISHED}/"), address
        assert address.removeprefix(f"{PUBLISHED}/") in files, address


def test_a_library_is_recommended_as_what_follows_its_source(tmp_path: Path) -> None:
    for url, address in (
        ("https://acme.github.io/steps", "https://github.com/acme/steps.git"),
        (PUBLISHED, "ADDRESS"),
    ):
        root = tmp_path / address.rpartition("/")[2]
        workshop = examples(root, url)
        build_catalogue(workshop.registry, root / "site", jobs=1, search=False)
        workshop.registry.close()
        page = site_files(root / "site")["libraries/file-operations-basic/index.html"].decode()
        assert f"opsteps upstream add demo {address}\nopsteps install file-operations-basic" in page
        assert "opsteps install 'file-operations-basic==" in page
        assert "opsteps add libraries/" not in page
    # First what a visitor can do who has no clone of this registry.
    assert page.index("opsteps upstream add") < page.index("opsteps package")


def test_building_for_nobody_but_this_machine_is_warned_of(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "reg")
    said = opsteps(tmp_path, "build", "reg", "--no-search")
    assert "warning: feeds, badges and commands on these pages name http://127.0.0.1:3011" in said
    assert "Next: opsteps serve --site site --registry reg" in said
    said = opsteps(tmp_path, "build", "reg", "--no-search", "--base-url", PUBLISHED)
    assert "warning" not in said
    opsteps(tmp_path, "init", "public", "--url", PUBLISHED)
    assert "warning" not in opsteps(tmp_path, "build", "public", "--no-search")
    opsteps(tmp_path, "build", "public", "--no-search", "--json")
