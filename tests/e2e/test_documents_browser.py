"""A README as its author meant it, in a real browser: pictures, anchors, code, footnotes."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright

from builder.catalogue import build_catalogue
from builder.markdown.code import LANGUAGES
from registry.publishing.create_registry import init_registry
from registry.transactions.transaction import Actor
from scripts.system_packages import find_program
from tests.builder.catalogue.eventful import publish
from tests.builder.catalogue.pictures import png
from tests.e2e.plain_host import QuietHandler
from tests.e2e.test_catalogue_browser import ARGUMENTS, Visit, visited

pytestmark = [pytest.mark.needs_chromium, pytest.mark.xdist_group("chromium")]

expect.set_options(timeout=20_000)

KIT = "libraries/kit/"
_SAMPLES = {
    "diff": "-old\n+new\n@@ -1 +1 @@\n",
    "json": '{"name": "Ada", "age": 36, "here": true}\n',
    "python": '# A comment.\n@cache\ndef add(a: int) -> int:\n    return a + 1.5 + len("x")\n',
    "bash": '# A comment.\nfor name in "$@"; do echo \'x\' | grep -c "${name}"; done\n',
    "console": "$ opsteps build\nbuilt\n",
}
_CODE = "".join(f"```{language}\n{code}```\n\n" for language, code in _SAMPLES.items())
README = f"""# Kit

![The window that opens](../assets/window.png)
[![build](https://ci.example/b.svg)](https://ci.example/runs)

- [x] says hello
- [ ] says goodbye, see [the changes](CHANGELOG.md) and https://e.example/more

##### Use it

{"Some words about it. " * 20}[^1]

| {"| ".join(f"a long heading {n}" for n in range(9))} |
| {"| ".join("---" for n in range(9))} |
| {"| ".join(f"`{n}`" for n in range(9))} |

{_CODE}
<b>HTML is text</b>

![Elsewhere](https://tracker.example/pixel.png)

> A quote

# Another part

~~Gone~~.

[^1]: Or two.
"""


class LateHandler(QuietHandler):
    """Sends pictures only when a test lets it."""

    pictures = threading.Event()
    pictures.set()

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        if "/pictures/" in self.path:
            self.pictures.wait(20)
        super().do_GET()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site with one library, below a path of a plain host."""
    root = tmp_path_factory.mktemp("documents")
    author = Actor(name="author")
    registry = init_registry(
        root / "registry", name="demo", title="Demo", url="https://steps.example.com", by=author
    )
    manifest = {
        "name": "kit", "version": "1.0.0", "display_name": "Kit", "description": "A kit.",
        "author": "Ada", "license": "MIT", "steps": [{"file": "steps/one.json"}],
    }  # fmt: skip
    files = {
        "manifest.json": orjson.dumps(manifest),
        "steps/one.json": orjson.dumps({"name": "one", "description": "Does one thing."}),
        "docs/README.md": README.encode(),
        "docs/CHANGELOG.md": b"# Changelog\n\n## 1.0.0\n\n- First[^1]\n\n[^1]: Of many.\n",
        "assets/window.png": png(1200, 300),
    }
    publish(registry, files, by=author)
    handler = functools.partial(LateHandler, directory=str(root / "host"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/below/site/"
        build_catalogue(registry, root / "host/below/site", jobs=1, base_url=address, search=False)
        registry.close()
        yield address
        server.shutdown()
        thread.join()


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
    """A visit without trouble: nothing is loaded from elsewhere, and nothing is missing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield from visited(Visit(page=context.new_page(), base=base))
    context.close()


def test_samples_are_of_known_languages() -> None:
    assert set(_SAMPLES) <= LANGUAGES


@pytest.mark.parametrize("path", [KIT, f"{KIT}1.0.0/"])
def test_a_picture_is_shown_and_nothing_moves_when_it_comes(visit: Visit, path: str) -> None:
    page = visit.page
    LateHandler.pictures.clear()
    page.goto(visit.base + path, wait_until="domcontentloaded")
    picture = page.get_by_role("img", name="The window that opens")
    picture.scroll_into_view_if_needed()
    below = page.get_by_text("HTML is text")
    before = below.bounding_box()
    expect(picture).to_have_js_property("naturalWidth", 0)
    LateHandler.pictures.set()
    expect(picture).to_have_js_property("naturalWidth", 1200)
    assert below.bounding_box() == before
    box = picture.bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 4) < 0.1


def test_a_badge_is_a_link_with_its_words(visit: Visit) -> None:
    page = visit.go(KIT)
    badge = page.get_by_role("link", name="build", exact=True)
    expect(badge).to_have_attribute("href", "https://ci.example/runs")
    expect(page.get_by_role("link", name="Elsewhere")).to_have_attribute(
        "href", "https://tracker.example/pixel.png"
    )
    expect(page.get_by_role("link", name="https://e.example/more")).to_be_visible()


def test_a_heading_s_anchor_appears_under_the_pointer_and_at_the_keyboard(visit: Visit) -> None:
    page = visit.go(KIT)
    heading = page.locator("#readme-use-it")
    anchor = heading.get_by_role("link")
    expect(anchor).to_have_css("opacity", "0")
    heading.hover()
    expect(anchor).to_have_css("opacity", "1")
    page.mouse.move(0, 0)
    expect(anchor).to_have_css("opacity", "0")
    page.get_by_role("link", name="https://e.example/more").focus()
    page.keyboard.press("Tab")
    expect(anchor).to_be_focused()
    expect(anchor).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.base + KIT + "#readme-use-it")
    expect(heading).to_be_in_viewport()


def test_headings_are_in_one_order(visit: Visit) -> None:
    page = visit.go(KIT)
    levels = page.locator(":is(h1, h2, h3, h4, h5, h6)").evaluate_all(
        "nodes => nodes.map(node => Number(node.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_code_of_a_document_can_be_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.go(KIT)
    block = page.locator(".prose .code").nth(1)
    block.hover()
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == _SAMPLES["json"]


def test_footnotes_lead_there_and_back(visit: Visit) -> None:
    page = visit.go(KIT)
    page.locator("#readme").locator("..").get_by_role("link", name="Footnote 1", exact=True).click()
    expect(page).to_have_url(visit.base + KIT + "#readme--fn-1")
    expect(page.locator("#readme--fn-1")).to_be_in_viewport()
    page.locator("#readme--fn-1").get_by_role("link").click()
    expect(page).to_have_url(visit.base + KIT + "#readme--fnref-1")
    page.get_by_role("link", name="the changes").click()
    expect(page).to_have_url(visit.base + KIT + "#changelog")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_document_is_for_everybody(
    browser: Browser, base: str, theme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce"
    )
    for visit in visited(Visit(page=context.new_page(), base=base)):
        page = visit.go(KIT)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        table = page.locator(".prose .scroll")
        if width == 320:
            assert table.evaluate("node => node.scrollWidth > node.clientWidth")
    context.close()
