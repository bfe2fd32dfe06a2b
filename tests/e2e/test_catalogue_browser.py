"""The catalogue as a visitor meets it: plain files from a plain host, in a real browser."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import content
from builder.catalogue import build_catalogue
from registry.adding import add_release
from registry.creating import init_registry
from registry.names import parse_library_name
from registry.operation import Actor
from registry.releasing import release
from registry.snapshot import Registry
from registry.sources import read_source
from registry.versions import parse_version
from scripts.system_packages import find_program

pytestmark = [pytest.mark.needs_chromium, pytest.mark.xdist_group("chromium")]

# A machine that is busy with other tests is slow, not wrong.
expect.set_options(timeout=20_000)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "registry" / "libraries"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
LIBRARY = "libraries/file-operations-basic/"
PAGES = {
    "home": "",
    "browse": "browse/",
    "category": "browse/category/file-operations/",
    "library": LIBRARY,
    "premium": "libraries/network-tools-premium/",
    "step": f"{LIBRARY}steps/file.copy/",
    "core step": "libraries/core/steps/flow.start/",
    "search": "search/?q=copy",
    "schemas": "schemas/",
    "about": "about/",
    "missing": "404.html",
    "awkward library": "libraries/awkward-texts/",
    "awkward step": "libraries/awkward-texts/steps/awkward/",
}


@dataclass(kw_only=True, slots=True)
class Visit:
    """A page in a browser, and what went wrong on it."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("networkidle")
        return self.page


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site on a plain host; it stands below a path, not at the host's root.

    Its registry has the examples, and enough libraries for two pages of lists.
    """
    root = tmp_path_factory.mktemp("catalogue")
    registry = init_registry(
        root / "registry",
        name="demo",
        title="Demo registry",
        url="https://steps.example.com",
        by=Actor(name="author"),
    )
    for manifest in sorted(EXAMPLES.glob("*/*/manifest.json")):
        publish(registry, dict(read_source(manifest.parent)))
    for number in range(30):
        publish(registry, dict(content.library(number, steps=1).files))
    publish(registry, awkward_library())
    handler = functools.partial(QuietHandler, directory=str(root / "host"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/below/site/"
        build_catalogue(registry, root / "host/below/site", jobs=1, base_url=address)
        registry.close()
        yield address
        server.shutdown()
        thread.join()


def awkward_library() -> dict[str, bytes]:
    """Names, defaults and descriptions that are longer than any column."""
    long = "x" * 120
    step = {
        "name": "awkward",
        "display_name": f"Awkward {long[:100]}",
        "category": "Tests",
        "description": f"Long {long}\n\n```\n{long}\n```",
        "parameters": {
            f"a_{long[:60]}": {"type": "multiselect", "default": [long], "options": [long]},
            "b": {"type": "string", "description": f"| {long} | {long} |\n| - | - |\n| a | b |"},
        },
    }
    manifest = {
        "name": "awkward-texts",
        "version": "1.0.0",
        "display_name": f"Awkward {long[:100]}",
        "description": f"Long {long}",
        "author": long,
        "license": "MIT",
        "tags": [long[:60]],
        "steps": [{"file": "steps/awkward.json"}],
    }
    return {
        "manifest.json": orjson.dumps(manifest),
        "steps/awkward.json": orjson.dumps(step),
        "docs/README.md": f"# {long}\n\n```\n{long * 2}\n```\n".encode(),
    }


def publish(registry: Registry, files: dict[str, bytes]) -> None:
    added = add_release(registry, files, by=Actor(name="author"))
    release(
        registry,
        parse_library_name(added.name),
        parse_version(str(added.version)),
        by=Actor(name="author"),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, base: str) -> Iterator[Visit]:
    """A visit without trouble: no console error, no request that leaves the host or fails."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield from visited(Visit(page=context.new_page(), base=base))
    context.close()


def visited(visit: Visit) -> Iterator[Visit]:
    page, troubles = visit.page, visit.troubles
    page.on(
        "console", lambda m: troubles.append(m.text) if m.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            troubles.append(f"left: {request.url}")
            if not request.url.startswith((visit.base, "blob:", "data:"))
            else None
        ),
    )
    yield visit
    assert troubles == []


def test_search_finds_a_library_while_one_types(visit: Visit) -> None:
    page = visit.go("search/")
    status = page.locator("[data-status]")
    expect(status).to_have_text("35 libraries")
    page.keyboard.type("checks")
    expect(page.get_by_role("link", name="File Operations Basic")).to_be_visible()
    expect(page.get_by_role("link", name="Checksum", exact=False).first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.base + LIBRARY)


def test_a_search_can_be_linked_to_and_filtered(visit: Visit) -> None:
    page = visit.go("search/?q=network")
    status = page.locator("[data-status]")
    expect(status).to_contain_text("for “network”")
    page.get_by_role("checkbox", name="Premium").check()
    expect(page.get_by_role("link", name="Network Tools Premium")).to_be_visible()
    for card in page.locator("[data-results] > li").all():
        expect(card).to_contain_text("Premium")


def test_a_step_among_the_results_leads_to_its_page(visit: Visit) -> None:
    page = visit.go("search/?q=copy+file")
    page.get_by_role("link", name="Copy File", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy File")


def test_nothing_found_is_said(visit: Visit) -> None:
    page = visit.go("search/?q=zzzzqqqq")
    expect(page.locator("[data-status]")).to_contain_text("Nothing found")


def test_the_slash_key_focuses_search_and_enter_searches(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}steps/file.copy/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.get_by_role("searchbox")).to_have_value("a/b")
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.base + "search/?q=a%2Fb")


def test_the_choice_between_light_and_dark_is_remembered(visit: Visit) -> None:
    page = visit.go("")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(background)
    assert light != dark
    visit.go("about/")
    assert page.evaluate(background) == dark
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(background) == light


def test_examples_can_be_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.go(f"{LIBRARY}steps/file.copy/")
    page.locator(".example .code").first.hover()
    page.locator(".example .copy").first.click()
    expect(page.locator(".example .copy").first).to_have_text("Copied")
    assert '"source": "/etc/app/app.conf"' in page.evaluate("navigator.clipboard.readText()")


def test_the_skip_link_comes_first(visit: Visit) -> None:
    page = visit.go(LIBRARY)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_pages_are_accessible(browser: Browser, base: str, path: str, scheme: str) -> None:
    dark = scheme == "dark"
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go(path)
        if path == PAGES["search"]:
            expect(page.locator("[data-results] > li").first).to_be_visible()
        for details in page.locator("details").all():
            details.evaluate("node => { node.open = true }")
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_scrolls_sideways(browser: Browser, base: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    for visit in visited(Visit(page=context.new_page(), base=base)):
        for path in PAGES.values():
            page = visit.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_a_table_of_parameters_never_leaves_its_column(visit: Visit) -> None:
    page = visit.go("libraries/awkward-texts/steps/awkward/")
    column = page.locator(".column-main").bounding_box()
    assert column is not None
    for table in page.locator(".params").all():
        box = table.bounding_box()
        assert box is not None
        assert box["width"] <= column["width"]


def test_search_says_what_to_do_without_scripts(browser: Browser, base: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + "search/")
    expect(page.get_by_text("Searching here needs JavaScript")).to_be_visible()
    page.goto(base + LIBRARY)
    expect(page.get_by_role("heading", name="File Operations Basic")).to_be_visible()
    context.close()
