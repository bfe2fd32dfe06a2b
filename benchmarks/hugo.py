"""The same content as a Hugo site: a page a library, a release and a step, with the same fields.

Front matter carries what the catalogue reads from the registry, the README is the body, and the
templates in ``hugo_site`` show the same sections. What Hugo can reuse it reuses: a release's page
takes its steps and its README from their own pages. Quality and badges, which the catalogue works
out, are given to Hugo. It writes no JSON answers, feeds or pictures and no search index; Pagefind
then runs over its pages, as its documentation shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pagefind_bin import get_executable

from benchmarks import processes
from benchmarks.content import RELEASE_DATE, SyntheticLibrary
from benchmarks.errors import BenchmarkError
from registry.library.digest import release_digest

_TEMPLATES = Path(__file__).parent / "hugo_site"
_BADGE = {"width": 109, "left": 55, "colour": "#0b6e5f"}
# As the catalogue judges such a library.
_CRITERIA = [
    {"title": title, "earned": earned, "possible": possible, "why": why, "improve": improve}
    for title, earned, possible, why, improve in (
        ("Minimal permissions", 14, 14, "every step asks for exactly what it names", ""),
        ("No known vulnerability", 10, 10, "no advisory hits the active release", ""),
        ("Descriptions", 10, 10, "steps and parameters with a description: all 20", ""),
        ("Examples", 10, 10, "steps with parameters that have examples, all of them valid", ""),
        ("Tests", 0, 10, "there are no files below tests/", "test what each executor does"),
        ("README", 8, 8, "it has 100 words or more", ""),
        ("Changelog", 7, 7, "it says what is new in 1.0.0", ""),
        ("Described outputs", 6, 6, "steps with an output that say what it looks like", ""),
        ("Licence", 6, 6, "it is an SPDX licence", ""),
        ("Signed", 0, 6, "no publisher signed the release", "release it with a key"),
        ("Maintained", 6, 6, "the last release is less than a year old", ""),
        ("Bounded dependencies", 4, 4, "dependencies with an upper bound: all 1", ""),
        ("Current", 3, 3, "it is neither deprecated nor yanked", ""),
    )
]


@dataclass(frozen=True, kw_only=True, slots=True)
class HugoSite:
    """A site that Hugo can build: its directory and how many pages of content it holds."""

    root: Path
    pages: int

    @property
    def public(self) -> Path:
        """Where Hugo writes."""
        return self.root / "public"


def make_site(root: Path, libraries: Iterable[SyntheticLibrary]) -> HugoSite:
    """Write libraries as a Hugo site at ``root``, which must not exist yet."""
    shutil.copytree(_TEMPLATES, root)
    for section in ("libraries", "releases", "steps"):
        (root / "content" / section).mkdir(parents=True)
    pages = sum(_write_library(root / "content", library) for library in libraries)
    return HugoSite(root=root, pages=pages)


def build(site: HugoSite) -> float:
    """Build the site from nothing; return seconds. Raises BenchmarkError when Hugo fails."""
    if site.public.exists():
        # Not removed: ext4 is slow to give out what was free a moment ago, to us and to Hugo.
        site.public.rename(Path(tempfile.mkdtemp(prefix="earlier-", dir=site.root)) / "public")
    command = [processes.program("hugo", "hugo"), "--quiet", "--source", str(site.root)]
    return _timed(command, site.root)


def index(site: HugoSite) -> float:
    """Run Pagefind over the pages that Hugo built; return seconds."""
    shutil.rmtree(site.public / "pagefind", ignore_errors=True)
    return _timed([str(get_executable()), "--site", str(site.public), "--quiet"], site.root)


def version() -> str:
    """Such as ``Hugo 0.111.3``."""
    program = processes.program("hugo", "hugo")
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=True)
    return "Hugo " + done.stdout.split()[1].lstrip("v").split("+")[0].split("-")[0]


def html_files(root: Path) -> tuple[int, int]:
    """How many HTML files there are below ``root``, and their bytes together."""
    sizes = [
        entry.stat().st_size
        for folder, _, names in os.walk(root)
        for entry in (Path(folder, name) for name in names if name.endswith(".html"))
    ]
    return len(sizes), sum(sizes)


def _timed(command: list[str], workdir: Path) -> float:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("HUGO_")}
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=workdir, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[-1000:]
        raise BenchmarkError(f"{Path(command[0]).name} failed: {said}", next_step="Run it by hand")
    return seconds


def _write_library(content: Path, library: SyntheticLibrary) -> int:
    manifest = json.loads(library.files["manifest.json"])
    steps = [json.loads(library.files[item["file"]]) for item in manifest["steps"]]
    for step in steps:
        step["id"] = f"{library.name}.{step['name']}"
    for index, step in enumerate(steps):
        page = _step_page(step, manifest) | {"has_executor": "executor" in manifest["steps"][index]}
        page["previous"] = _link(steps[index - 1]) if index else None
        page["next"] = _link(steps[index + 1]) if index + 1 < len(steps) else None
        _write_page(content / "steps" / f"{step['id']}.md", page, "")
    shared = _shared(library, manifest)
    readme = library.files["docs/README.md"].decode()
    page = _library_page(library, manifest, steps)
    _write_page(content / "libraries" / f"{library.name}.md", shared | page, readme)
    page = _release_page(library, manifest, steps)
    _write_page(content / "releases" / f"{library.name}.md", shared | page, "")
    return 2 + len(steps)


def _shared(library: SyntheticLibrary, manifest: Mapping[str, Any]) -> dict[str, Any]:
    release = {
        "version": library.version,
        "date": RELEASE_DATE,
        "digest": release_digest(library.files),
    }
    return {
        "library": library.name,
        "summary": manifest["description"],
        "version": manifest["version"],
        "manifest": {key: value for key, value in manifest.items() if value is not None},
        "releases": [release],
        "feed": f"libraries/{library.name}/feed.xml",
    }


def _library_page(
    library: SyntheticLibrary, manifest: Mapping[str, Any], steps: list[dict[str, Any]]
) -> dict[str, Any]:
    shown = ("id", "name", "display_name", "description", "icon", "color", "permissions")
    return {
        "title": manifest["display_name"],
        "url": f"/libraries/{library.name}/",
        "root": "../../",
        "platforms": manifest["platform_support"],
        "categories": manifest["categories"],
        "premium": manifest["is_premium"],
        "steps": [{key: step[key] for key in shown} for step in steps],
        "changelog": library.files["docs/CHANGELOG.md"].decode(),
        "quality": {"points": 84, "criteria": _CRITERIA},
        "badges": [
            {"name": "badge", "label": "steps", "value": f"v{library.version}"} | _BADGE,
            {"name": "quality", "label": "quality", "value": "84/100"} | _BADGE,
            {"name": "status", "label": "status", "value": "released"} | _BADGE,
        ],
    }


def _release_page(
    library: SyntheticLibrary, manifest: Mapping[str, Any], steps: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "title": f"{manifest['display_name']} {library.version}",
        "url": f"/libraries/{library.name}/{library.version}/",
        "root": "../../../",
        "supported": manifest["platform_support"],
        "steps": [step["id"] for step in steps],
        "notes": f"- First release with {len(steps)} steps\n",
    }


def _link(step: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": step["name"], "display_name": step["display_name"]}


def _step_page(step: dict[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": step["display_name"],
        "url": f"/libraries/{manifest['name']}/steps/{step['name']}/",
        "root": "../../../../",
        "id": step["id"],
        "summary": step["description"],
        "library": manifest["name"],
        "library_title": manifest["display_name"],
        "version": manifest["version"],
        "step": step,
    }


def _write_page(path: Path, front_matter: Mapping[str, Any], body: str) -> None:
    text = json.dumps(front_matter, ensure_ascii=False, indent=1)
    path.write_text(f"{text}\n\n{body}", encoding="utf-8")
