"""The catalogue as a visitor meets it: plain files from a plain host, in a real browser."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.pages.log_page import ON_A_PAGE
from registry.publishing.create_registry import init_registry
from registry.transactions.transaction import Actor
from scripts.system_packages import find_program
from tests.builder.catalogue.conftest import Workshop
from tests.builder.catalogue.eventful import fill, publish
from tests.e2e.plain_host import QuietHandler
from tests.registry.making import files, new_registry, put
from tests.registry.upstreams.scene import make_scene

pytestmark = [pytest.mark.needs_chromium, pytest.mark.xdist_group("chromium")]

# A machine that is busy with other tests is slow, not wrong.
expect.set_options(timeout=20_000)

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
COLOURS = "color-contrast"
WIDTHS = (320, 390, 768, 1280, 1920)
BROKEN_WORDS = """[...document.querySelectorAll(".menu a, .foot a, .button")].filter(link => {
    const words = document.createRange();
    words.selectNodeContents(link);
    const lines = [...words.getClientRects()].filter(one => one.width > 1).map(one => one.bottom);
    return Math.max(...lines) - Math.min(...lines) > 8;
}).map(link => link.textContent)"""
LIBRARY = "libraries/file-operations-basic/"
RIGHT_TO_LEFT = "a-name-of-sixty-characters-that-fills-every-line-it-stands-on"
PAGES = {
    "home": "",
    "browse": "browse/",
    "category": "browse/category/file-operations/",
    "library": LIBRARY,
    "premium": "libraries/network-tools-premium/",
    "step": f"{LIBRARY}steps/file.copy/",
    "core step": "libraries/core/steps/flow.start/",
    "search": "search/?q=copy",
    "search without words": "search/?category=File+Operations",
    "search mended": "search/?q=chekcsum&premium=no",
    "search that finds nothing": "search/?q=zzzzqqqq",
    "schemas": "schemas/",
    "about": "about/",
    "missing": "404.html",
    "old release": f"{LIBRARY}1.0.0/",
    "old step": f"{LIBRARY}1.0.0/steps/file.copy/",
    "advisories": "advisories/",
    "publishers": "publishers/",
    "publisher": "publishers/acme/",
    "right to left": f"libraries/{RIGHT_TO_LEFT}/",
    "changes": f"{LIBRARY}changes/",
    "log": "log/",
    "older log": "log/page/2/",
    "upstreams": "upstreams/",
    "deprecated": "libraries/custom-integrations/",
    "awkward release": "libraries/awkward-texts/1.0.0/",
    "awkward changes": "libraries/awkward-texts/changes/",
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
    fill(Workshop(registry=registry, path=root / "registry"))
    author = Actor(name="author")
    for number in range(30):
        publish(registry, content.library(number, steps=1).files, by=author)
    for version in ("1.0.0", "2.0.0"):
        publish(registry, awkward_library(version), by=author)
    publish(registry, right_to_left_library(), by=author)
    with new_registry(root / "theirs") as theirs:
        put(theirs, files("offered", "1.0.0", display_name="Offered"))
        scene = make_scene(registry)
        scene.declare("partners", theirs.path)
        scene.upstreams().refresh()
        scene.close()
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


def awkward_library(version: str) -> dict[str, bytes]:
    """Names, defaults and descriptions that are longer than any column."""
    long = ("x" if version == "1.0.0" else "y") * 120
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
        "version": version,
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


def right_to_left_library() -> dict[str, bytes]:
    """A long name, texts in Arabic, and nothing that need not be there."""
    manifest = {
        "name": RIGHT_TO_LEFT,
        "version": "1.0.0",
        "display_name": "مكتبة خطوات للعمل مع الملفات والمجلدات",
        "description": "تنسخ هذه المكتبة الملفات (بإذن المشغل فقط).",
        "steps": [{"file": "steps/copy.json"}],
    }
    step = {"name": "file.copy-everything-from-everywhere", "display_name": "نسخ ملف"}
    return {
        "manifest.json": orjson.dumps(manifest),
        "steps/copy.json": orjson.dumps(step),
        "docs/README.md": "# عنوان\n\nتنسخ هذه المكتبة الملفات. `copy`.\n\n- ملف\n".encode(),
    }


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
    # What the browser gives up because the page is left, such as its icon, has not failed.
    page.on(
        "requestfailed",
        lambda request: (
            None
            if request.failure == "net::ERR_ABORTED"
            else troubles.append(f"failed: {request.url}")
        ),
    )
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
    expect(status).to_have_text("36 libraries")
    page.keyboard.type("checksums")
    expect(page.get_by_role("link", name="File Operations Basic")).to_be_visible()
    expect(page.get_by_role("link", name="Checksum", exact=False).first).to_be_visible()
    expect(page).to_have_url(visit.base + "search/?q=checksums")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.base + LIBRARY)


def test_escape_leaves_the_field_and_keeps_the_question(visit: Visit) -> None:
    page = visit.go("search/?q=checksums")
    expect(page.locator("[data-results] li").first).to_be_visible()
    expect(page.locator(".keys")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("checksums")
    expect(page).to_have_url(visit.base + "search/?q=checksums")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator(".keys")).to_be_hidden()


def test_who_comes_back_to_a_search_is_where_they_were(visit: Visit) -> None:
    page = visit.go("search/")
    cards = page.locator("[data-results] li")
    page.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(20)
    page.evaluate("scrollTo(0, 1800)")
    place = page.evaluate("scrollY")
    assert place > 1000
    cards.nth(15).get_by_role("link").first.evaluate("link => link.click()")
    page.wait_for_url("**/libraries/**")
    page.go_back()
    expect(cards).to_have_count(20)
    page.wait_for_function(f"Math.abs(scrollY - {place}) < 5")


def test_the_bar_keeps_the_name_of_the_registry_and_its_edge(visit: Visit) -> None:
    page = visit.go("about/")
    page.set_viewport_size({"width": 768, "height": 900})
    cut = "brand => brand.scrollWidth - brand.clientWidth"
    assert page.locator(".brand span").evaluate(cut) == 0
    page.set_viewport_size({"width": 320, "height": 900})
    words = """() => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector(".menu a"));
        return range.getBoundingClientRect().left
            - document.querySelector(".brand").getBoundingClientRect().left;
    }"""
    assert abs(page.evaluate(words)) < 1
    visit.go("404.html")
    first, second = (one.bounding_box() for one in page.locator(".center .button").all())
    assert first is not None
    assert second is not None
    across, down = second["x"] - first["x"] - first["width"], second["y"] - first["y"]
    assert across >= 8 or down - first["height"] >= 8


def test_a_search_can_be_linked_to_and_filtered(visit: Visit) -> None:
    page = visit.go("search/?q=network")
    status = page.locator("[data-status]")
    expect(status).to_contain_text("for “network”")
    page.get_by_role("checkbox", name="Premium").check()
    expect(page.get_by_role("link", name="Network Tools Premium")).to_be_visible()
    for card in page.locator("[data-results] > li").all():
        expect(card).to_contain_text("Premium")
    expect(page).to_have_url(visit.base + "search/?q=network&premium=yes")
    page.get_by_role("combobox", name="Sort by").select_option("name")
    expect(page).to_have_url(visit.base + "search/?q=network&premium=yes&sort=name")
    page.go_back()
    expect(page.get_by_role("combobox", name="Sort by")).to_have_value("relevance")
    page.go_back()
    expect(page.get_by_role("checkbox", name="Premium")).not_to_be_checked()


def test_the_whole_state_of_a_search_is_in_its_address(visit: Visit) -> None:
    page = visit.go("search/?category=File+Operations&platform=linux&sort=newest")
    expect(page.get_by_role("checkbox", name="File Operations")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Linux")).to_be_checked()
    expect(page.get_by_role("combobox", name="Sort by")).to_have_value("newest")
    expect(page.locator("[data-results] > li").first).to_be_visible()
    page.get_by_role("button", name="Clear all filters").click()
    expect(page).to_have_url(visit.base + "search/?sort=newest")
    expect(page.locator("[data-status]")).to_have_text("36 libraries")
    page.get_by_role("button", name="Show more").click()
    expect(page).to_have_url(visit.base + "search/?sort=newest&n=20")
    expect(page.locator("[data-results] > li")).to_have_count(20)
    page.reload()
    expect(page.locator("[data-results] > li")).to_have_count(20)


def test_a_list_has_the_facets_of_search_and_leads_to_it(visit: Visit) -> None:
    page = visit.go("browse/category/file-operations/")
    filters = page.get_by_role("navigation", name="Filters")
    licence = filters.get_by_role("link", name="MIT")
    count = licence.locator(".count").text_content()
    licence.click()
    expect(page).to_have_url(visit.base + "search/?category=File+Operations&license=MIT")
    expect(page.locator("[data-status]")).to_contain_text(f"{count} librar")
    expect(page.get_by_role("checkbox", name="File Operations")).to_be_checked()
    visit.go("browse/platform/linux/")
    page.get_by_role("link", name="newest").click()
    expect(page).to_have_url(visit.base + "search/?platform=linux&sort=newest")
    expect(page.get_by_role("combobox", name="Sort by")).to_have_value("newest")


def test_filters_open_by_a_click_where_there_is_no_room_for_them(
    browser: Browser, base: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go("browse/")
        link = page.get_by_role("navigation", name="Filters").get_by_role("link", name="Linux")
        expect(link).to_be_hidden()
        page.get_by_text("Filters", exact=True).click()
        expect(link).to_be_visible()
        visit.go("search/")
        page.get_by_text("Filters", exact=True).click()
        page.get_by_role("checkbox", name="Premium").check()
        expect(page.get_by_text("Filters (1)")).to_be_visible()
    context.close()


def test_a_deprecated_library_is_marked(visit: Visit) -> None:
    page = visit.go("search/?deprecated=yes")
    expect(page.locator("[data-results] > li")).to_have_count(1)
    expect(page.locator("[data-results] > li")).to_contain_text("Deprecated")


def test_a_mistake_is_mended_and_said(visit: Visit) -> None:
    page = visit.go("search/?q=chekcsum")
    expect(page.locator("[data-hints]")).to_contain_text("checksum")
    expect(page.locator("[data-results] h3").first).to_have_text("File Operations Basic")
    page.locator("[data-hints] a").first.click()
    expect(page).to_have_url(visit.base + "search/?q=checksum")
    expect(page.locator("[data-hints]")).to_be_hidden()


def test_a_step_among_the_results_leads_to_its_page(visit: Visit) -> None:
    page = visit.go("search/?q=copy+file")
    page.get_by_role("link", name="Copy File", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy File")


def test_nothing_found_is_said(visit: Visit) -> None:
    page = visit.go("search/?q=zzzzqqqq")
    expect(page.locator("[data-status]")).to_contain_text("Nothing found")
    expect(page.get_by_role("link", name="Browse all libraries")).to_be_visible()
    page.get_by_role("link", name="File Operations", exact=True).click()
    expect(page).to_have_url(visit.base + "search/?category=File+Operations")
    expect(page.get_by_role("checkbox", name="File Operations")).to_be_checked()
    visit.go("search/?q=zzzzqqqq+checksum&premium=yes")
    page.get_by_role("button", name="Search without filters").click()
    expect(page.locator("[data-results] h3").first).to_have_text("File Operations Basic")


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


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_good_at_every_width_in_both_themes(
    browser: Browser, base: str, path: str
) -> None:
    """Axe finds nothing, no page scrolls sideways, no word of the menu is broken.

    Colours are the theme's, at any width, and take axe longer than all else: they are looked at
    once a theme.
    """
    context = browser.new_context(reduced_motion="reduce")
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go(path)
        if path.startswith("search/") and path != PAGES["search that finds nothing"]:
            expect(page.locator("[data-results] > li").first).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        page.evaluate(Axe().axe_script)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(BROKEN_WORDS) == []
            check(page, {"rules": {COLOURS: {"enabled": False}}})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            check(page, {"runOnly": [COLOURS]})
    context.close()


def check(page: Page, options: dict[str, object]) -> None:
    found = page.evaluate("options => axe.run({...options, resultTypes: ['violations']})", options)
    assert not found["violations"], AxeResults(found).generate_report()


def test_a_table_of_parameters_never_leaves_its_column(visit: Visit) -> None:
    page = visit.go("libraries/awkward-texts/steps/awkward/")
    column = page.locator(".column-main").bounding_box()
    assert column is not None
    for table in page.locator(".params").all():
        box = table.bounding_box()
        assert box is not None
        assert box["width"] <= column["width"]


def test_the_list_of_releases_works_with_the_keyboard(visit: Visit) -> None:
    page = visit.go(LIBRARY)
    menu = page.locator("[data-switch] > summary")
    menu.focus()
    page.keyboard.press("Enter")
    old = page.get_by_role("navigation", name="Releases of this library").get_by_role(
        "link", name="1.0.0"
    )
    expect(old).to_be_visible()
    page.keyboard.press("Escape")
    expect(old).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(old).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.base + LIBRARY + "1.0.0/")
    expect(page.get_by_text("Release 1.0.0 was yanked.")).to_be_visible()
    page.locator("[data-switch] > summary").click()
    page.get_by_role("heading", level=1).click()
    expect(page.locator("[data-switch] nav")).to_be_hidden()


def test_any_two_releases_are_compared_and_the_choice_can_be_linked_to(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}changes/?from=1.0.0&to=1.1.0")
    way, result = page.locator("[data-bump]"), page.locator("[data-result]")
    expect(way.nth(0)).to_be_hidden()
    expect(way.nth(1)).to_be_visible()
    expect(result).to_have_text("1.0.0 to 1.1.0: a minor change.")
    page.get_by_label("To", exact=True).select_option("2.0.0")
    expect(page).to_have_url(visit.base + f"{LIBRARY}changes/?from=1.0.0&to=2.0.0")
    expect(way.nth(0)).to_be_visible()
    expect(result).to_have_text("1.0.0 to 2.0.0: a major change.")
    page.get_by_label("To", exact=True).select_option("1.0.0")
    expect(result).to_have_text("These are the same release.")
    expect(page.locator("[data-ends]")).to_be_hidden()
    visit.go(f"{LIBRARY}changes/?from=1.1.0&to=1.0.0")
    expect(result).to_have_text("1.1.0 to 1.0.0: a major change.")
    expect(page.locator("[data-difference] .diff-major")).to_contain_text("a parameter was removed")


def test_the_last_release_is_compared_with_the_one_before(browser: Browser, visit: Visit) -> None:
    ends, last_two = "[data-difference] li", "?from=1.1.0&to=2.0.0"
    page = visit.go(f"{LIBRARY}changes/{last_two}")
    by_script = sorted(page.locator(ends).all_inner_texts())
    visit.go(f"{LIBRARY}changes/")
    expect(page.get_by_label("From", exact=True)).to_have_value("1.1.0")
    expect(page.locator("[data-result]")).to_have_text("1.1.0 to 2.0.0: a major change.")
    expect(page.locator("[data-bump]:visible")).to_have_count(1)
    assert sorted(page.locator(ends).all_inner_texts()) == by_script
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{visit.base}{LIBRARY}changes/")
    assert sorted(plain.locator(ends).all_inner_texts()) == by_script
    context.close()


def test_a_link_to_a_release_on_the_way_opens_it(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}changes/#v1.1.0")
    release = page.locator("[data-bump]").nth(1).locator(".diff").first
    expect(release).to_be_visible()
    expect(release).to_be_in_viewport()
    expect(page.get_by_label("From", exact=True)).to_have_value("1.0.0")


@pytest.mark.parametrize(
    "query",
    [
        "?from=%3Cscript%3Ealert(1)%3C/script%3E&to=9.9.9",
        "?from=1.0.0%00&to=__proto__",
        "?from[]=1.0.0&to=" + "x" * 5000,
        "?from=&to=",
    ],
)
def test_a_query_that_names_no_release_compares_the_last_two(visit: Visit, query: str) -> None:
    page = visit.go(f"{LIBRARY}changes/{query}")
    expect(page.get_by_label("From", exact=True)).to_have_value("1.1.0")
    expect(page.get_by_label("To", exact=True)).to_have_value("2.0.0")
    expect(page.locator("[data-bump]:visible")).to_have_count(1)


def test_the_log_is_filtered_over_all_its_pages(visit: Visit) -> None:
    page = visit.go("log/")
    entries = page.locator("[data-entry]:visible")
    expect(entries).to_have_count(ON_A_PAGE)
    page.get_by_label("Operation").select_option("yank")
    expect(entries).to_have_count(1)
    expect(page.locator("[data-log-status]")).to_contain_text("1 of ")
    expect(page.locator("[data-log-pages]")).to_be_hidden()
    expect(page).to_have_url(visit.base + "log/?operation=yank")
    entries.get_by_role("link").first.click()
    expect(page).to_have_url(visit.base + LIBRARY)
    visit.go("log/page/2/?operation=deprecate&library=integr&actor=operator")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Attested")
    page.get_by_label("Library").fill("<script>")
    expect(entries).to_have_count(0)
    status = page.locator("[data-log-status]")
    expect(status).to_contain_text("Choose another library or anyone or any operation.")
    page.get_by_label("Actor").select_option("")
    expect(status).to_contain_text("Choose another library or any operation.")
    expect(status).not_to_contain_text("latest")
    page.locator("[data-log-form]").evaluate("form => form.dataset.cut = ''")
    page.get_by_label("Library").fill("no-such&library")
    expect(status).to_contain_text("0 of the latest ")
    expect(status.get_by_role("link")).to_have_attribute(
        "href", visit.base + "search/?q=no-such%26library"
    )
    page.get_by_label("Library").fill("")
    page.get_by_label("Actor").select_option("")
    page.get_by_label("Operation").select_option("")
    expect(page.locator("[data-log-pages] [aria-current]")).to_have_text("2")


def test_releases_and_their_differences_are_there_without_scripts(
    browser: Browser, base: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}{LIBRARY}changes/?from=1.0.0&to=1.1.0")
    expect(page.locator("[data-bump]:visible")).to_have_count(2)
    expect(page.locator("[data-difference] li").first).to_be_visible()
    expect(page.locator("[data-compare]")).to_be_hidden()
    page.goto(base + LIBRARY)
    page.locator("[data-switch] > summary").click()
    page.get_by_role("link", name="1.1.0 verified").first.click()
    expect(page).to_have_url(f"{base}{LIBRARY}1.1.0/")
    page.goto(f"{base}log/")
    expect(page.locator("[data-entry]").first).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="2").click()
    expect(page).to_have_url(f"{base}log/page/2/")
    expect(page.locator("[data-entry]").first).to_be_visible()
    context.close()


def test_badges_are_pictures_that_a_page_can_show(visit: Visit) -> None:
    page = visit.go(LIBRARY)
    load = "async name => { const i = new Image(); i.src = name; await i.decode(); return i.width }"
    for name in ("badge.svg", "quality.svg", "status.svg"):
        assert page.evaluate(load, name) > 50


def test_search_says_what_to_do_without_scripts(browser: Browser, base: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + "search/")
    expect(page.get_by_text("Searching here needs JavaScript")).to_be_visible()
    expect(page.get_by_text("/api/v1/search")).to_have_count(0)  # a plain host answers nothing
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(base + "browse/")
    expect(page.get_by_role("link", name="Linux")).to_be_hidden()
    page.get_by_text("Filters", exact=True).click()
    expect(page.get_by_role("link", name="Linux")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(base + "browse/")
    expect(page.get_by_text("Filters", exact=True)).to_be_hidden()
    page.get_by_role("link", name="Linux").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Linux")
    page.goto(base + LIBRARY)
    expect(page.get_by_role("heading", name="File Operations Basic")).to_be_visible()
    context.close()


def test_commands_name_the_address_that_people_look_at(visit: Visit) -> None:
    """The site was built for 127.0.0.1; here it is looked at under another name of the host."""
    built, visit.base = visit.base, visit.base.replace("127.0.0.1", "localhost")
    for path in (LIBRARY, f"{LIBRARY}steps/file.copy/", f"{LIBRARY}1.0.0/", "about/", "schemas/"):
        texts = " ".join(visit.go(path).locator("code").all_text_contents())
        assert built not in texts, path
        if "1.0.0" not in path:
            assert visit.base in texts, path


def test_the_ways_to_use_a_library_are_chosen_with_the_keyboard_and_without_scripts(
    browser: Browser, base: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path, ways in ((LIBRARY, 5), (f"{LIBRARY}1.0.0/", 5), (f"{LIBRARY}steps/file.copy/", 3)):
        page.goto(base + path)
        choices = page.get_by_role("group", name="Ways to use it").get_by_role("radio")
        expect(choices).to_have_count(ways)
        expect(page.locator(".use-way:visible")).to_have_count(1)
        choices.first.focus()
        seen = [page.locator(".use-way:visible").inner_text()]
        for _ in range(ways - 1):
            page.keyboard.press("ArrowRight")
            expect(page.locator(".use-way:visible")).to_have_count(1)
            seen.append(page.locator(".use-way:visible").inner_text())
        assert len(set(seen)) == ways, path
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_how_to_use_a_library_is_seen_before_its_readme(
    browser: Browser, base: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go(LIBRARY)
        places = [
            page.locator(f"#{name}").bounding_box()
            for name in ("use", "steps", "readme", "versions")
        ]
        tops = [place["y"] for place in places if place is not None]
        assert len(tops) == len(places)
        assert tops == sorted(tops)
        assert tops[0] < 800
        # The first way has none here: nobody has said where the repository is.
        page.get_by_text("Pin", exact=True).click()
        copy = page.locator(".use-way:visible .copy").first
        assert copy.evaluate("node => getComputedStyle(node).opacity") == "1"
    context.close()


def test_a_step_is_seen_at_another_release_and_back(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}steps/file.copy/")
    page.locator("[data-switch] > summary").click()
    releases = page.get_by_role("navigation", name="Releases with this step")
    releases.get_by_role("link", name="1.0.0").click()
    expect(page).to_have_url(f"{visit.base}{LIBRARY}1.0.0/steps/file.copy/")
    expect(page.get_by_text("This is the step as it was in release 1.0.0.")).to_be_visible()
    page.get_by_role("link", name="See the step as it is now").click()
    expect(page).to_have_url(f"{visit.base}{LIBRARY}steps/file.copy/")


def test_a_way_into_a_release_opens_the_step_that_it_names(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}1.0.0/")
    page.locator(".step > summary").first.click()
    page.get_by_role("link", name="What it may do, examples, outputs").first.click()
    expect(page.get_by_role("heading", name="What it may do")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_copy_button_never_covers_what_it_copies(browser: Browser, base: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    for visit in visited(Visit(page=context.new_page(), base=base)):
        for path in (LIBRARY, f"{LIBRARY}1.0.0/", f"{LIBRARY}steps/file.copy/", "about/"):
            page = visit.go(path)
            page.evaluate("document.querySelectorAll('[name=way]').forEach(one => one.click())")
            covered = page.evaluate(
                """[...document.querySelectorAll(".copy")].filter(button => {
                    const one = button.getBoundingClientRect();
                    const text = button.previousElementSibling.getBoundingClientRect();
                    return one.width && text.right > one.left && text.top < one.bottom - 1;
                }).map(button => button.previousElementSibling.textContent)"""
            )
            assert covered == [], path
    context.close()


def test_names_of_parameters_are_whole_where_there_is_room(visit: Visit) -> None:
    page = visit.go(f"{LIBRARY}steps/file.copy/")
    name = page.locator(".params th[scope=row] code").first
    one_line = name.bounding_box()
    name.evaluate("code => code.textContent = 'webhook_url_on_error_of_build'")
    long = name.bounding_box()
    assert one_line is not None
    assert long is not None
    assert long["height"] == one_line["height"]


def test_the_list_of_releases_moves_with_the_page_on_a_phone(browser: Browser, base: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go(LIBRARY)
        page.locator("[data-switch] > summary").click()
        menu = page.locator("[data-switch] nav")
        expect(menu).to_be_visible()
        before = menu.bounding_box()
        page.evaluate("scrollTo({top: 300, behavior: 'instant'})")
        after = menu.bounding_box()
        assert before is not None
        assert after is not None
        assert after["y"] == pytest.approx(before["y"] - 300, abs=1)
        assert before["x"] >= 0
        assert before["x"] + before["width"] <= 390
    context.close()


def test_print_says_the_version_and_the_ways_and_keeps_folded_changes_folded(visit: Visit) -> None:
    page = visit.go(LIBRARY)
    page.emulate_media(media="print")
    expect(page.locator("[data-switch] > summary")).to_be_visible()
    expect(page.locator("[data-switch] nav")).to_be_hidden()
    labels = page.locator(".use-way").evaluate_all(
        "ways => ways.map(way => getComputedStyle(way, '::before').content)"
    )
    assert labels == ['"By name"', '"ZIP or HTTP"', '"Pin"', '"In a job"', '"Contribute"']
    visit.go("libraries/awkward-texts/changes/")
    step = page.locator(".way-step").first
    step.evaluate("details => details.open = false")
    expect(step.locator("summary")).to_be_visible()
    expect(step.locator(".diff").first).to_be_hidden()


def test_the_chosen_way_is_seen_in_forced_colours(visit: Visit) -> None:
    page = visit.go(LIBRARY)
    page.emulate_media(forced_colors="active")
    chosen, *others = page.locator(".ways label").evaluate_all(
        "labels => labels.map(label => getComputedStyle(label).backgroundColor)"
    )
    assert chosen not in others


def test_bullets_stand_beside_text_that_runs_from_right_to_left(visit: Visit) -> None:
    page = visit.go(PAGES["right to left"])
    bullets = page.locator("#readme ~ .prose ul")
    assert bullets.evaluate("list => getComputedStyle(list).paddingRight") != "0px"
