"""A step's page at any release."""

from __future__ import annotations

import html
import re
from pathlib import Path

import orjson
import pytest

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.views import library_view
from registry.names import LibraryName
from tests.builder.catalogue.conftest import Workshop, site_files


def releases(workshop: Workshop, *versions: str) -> tuple[str, str]:
    """Releases of one library, each with one parameter more; its name and its first step's."""
    name = ""
    for number, version in enumerate(versions):
        files = dict(content.library(1, steps=2, version=version).files)
        path = min(path for path in files if path.startswith("steps/"))
        step = orjson.loads(files[path])
        step["parameters"] |= {f"since_{n}": {"type": "string"} for n in range(number)}
        name = workshop.release({**files, path: orjson.dumps(step)})
    return name, step["name"]


def test_a_step_has_a_page_at_every_release_and_one_to_be_found(
    workshop: Workshop, tmp_path: Path
) -> None:
    name, step = releases(workshop, "1.0.0", "1.1.0", "1.2.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    files = site_files(tmp_path / "site")
    here = f"libraries/{name}/"
    assert f"{here}1.2.0/steps/{step}/index.html" not in files
    now = files[f"{here}steps/{step}/index.html"].decode()
    old = files[f"{here}1.0.0/steps/{step}/index.html"].decode()
    middle = files[f"{here}1.1.0/steps/{step}/index.html"].decode()
    assert ["since_0" in page for page in (old, middle, now)] == [False, True, True]
    assert ["since_1" in page for page in (old, middle, now)] == [False, False, True]
    for page in (old, middle):
        assert '<meta name="robots" content="noindex">' in page
        assert f'rel="canonical" href="https://steps.example.com/{here}steps/{step}/"' in page
        assert "See the step as it is now" in page
    assert "noindex" not in now
    assert f"{name}.{step}@1.0.0" in old
    assert f"{name}.{step}@1.2.0" in now


def test_its_releases_are_a_switch_that_works_without_scripts(
    workshop: Workshop, tmp_path: Path
) -> None:
    name, step = releases(workshop, "1.0.0", "1.1.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    files = site_files(tmp_path / "site")
    for path in (f"steps/{step}/", f"1.0.0/steps/{step}/"):
        page = files[f"libraries/{name}/{path}index.html"].decode()
        menu = page.partition('<details class="switch"')[2].partition("</details>")[0]
        links = re.findall(rf'href="[./]*libraries/{name}/([^"]*)"', menu)
        assert links == [f"steps/{step}/", f"1.0.0/steps/{step}/", "changes/"]
        assert menu.count('aria-current="page"') == 1


def test_a_step_of_one_release_has_nothing_to_switch(workshop: Workshop, tmp_path: Path) -> None:
    name, step = releases(workshop, "1.0.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    page = site_files(tmp_path / "site")[f"libraries/{name}/steps/{step}/index.html"].decode()
    assert "data-switch" not in page
    assert f'href="../../../../libraries/{name}/1.0.0/">1.0.0</a>' in page


def test_pages_of_older_steps_have_a_limit_and_links_keep_within_it(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_view, "_OLDER_STEP_PAGES", 2)
    name, step = releases(workshop, "1.0.0", "1.1.0", "1.2.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    files = site_files(tmp_path / "site")
    here = f"libraries/{name}/"
    assert f"{here}1.1.0/steps/{step}/index.html" in files
    assert f"{here}1.0.0/steps/{step}/index.html" not in files
    assert f'href="../../../../{here}1.0.0/"' in files[f"{here}steps/{step}/index.html"].decode()
    assert b"What it may do, examples, outputs" in files[f"{here}1.1.0/index.html"]
    assert b"What it may do, examples, outputs" not in files[f"{here}1.0.0/index.html"]
    site = (tmp_path / "site").resolve()
    for path, raw in files.items():
        if not path.startswith(here) or not path.endswith(".html"):
            continue
        for link in re.findall(r'href="([./][^"#?]*)', raw.decode()):
            target = ((site / path).parent / link).resolve()
            assert (target / "index.html" if target.is_dir() else target).is_file(), (path, link)


def test_a_job_gets_the_step_with_what_its_first_example_gives(
    workshop: Workshop, tmp_path: Path
) -> None:
    name, step = releases(workshop, "1.0.0", "1.1.0")
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    snapshot = workshop.registry.snapshot()
    found = snapshot.library(LibraryName(name)).content
    assert found is not None
    example = next(one for one in found.steps if one.name == step).examples[0]
    page = site_files(tmp_path / "site")[f"libraries/{name}/steps/{step}/index.html"].decode()
    way = page.partition('class="use-way way-job"')[2]
    block = way.partition("<code>")[2].partition("</code>")[0]
    node = orjson.loads(re.sub("<[^>]*>", "", block).replace("&#34;", '"'))
    assert node == {
        "type": step,
        "library": name,
        "step": f"{name}.{step}@1.1.0",
        "parameters": example.parameters,
    }


def test_required_is_what_a_caller_has_to_give(workshop: Workshop, tmp_path: Path) -> None:
    files = dict(content.library(1, steps=1).files)
    path = min(path for path in files if path.startswith("steps/"))
    step = orjson.loads(files[path]) | {"examples": [], "permissions": {}}
    step["parameters"] = {
        "webhook": {"type": "string", "required": True},
        "unfilled": {"type": "string", "required": True, "default": ""},
        "times": {"type": "number", "required": True},
        "colour": {"type": "string", "required": True, "default": "red"},
        "sometimes": {"type": "string"},
    }
    name = workshop.release({**files, path: orjson.dumps(step)})
    build_catalogue(workshop.registry, tmp_path / "site", jobs=1, search=False)
    page = site_files(tmp_path / "site")[f"libraries/{name}/steps/{step['name']}/index.html"]
    needed = re.findall(r'<code>(\w+)</code><span class="need">required', page.decode())
    assert needed == ["webhook", "unfilled", "times"]
    way = page.decode().partition('class="use-way way-job"')[2]
    block = way.partition("<code>")[2].partition("</code>")[0]
    node = orjson.loads(html.unescape(re.sub("<[^>]*>", "", block)))
    assert node["parameters"] == {"webhook": "", "unfilled": "", "times": 0}
