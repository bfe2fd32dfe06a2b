"""The same content as a Hugo site: a page a library and a page a step, with the same fields.

Front matter carries what the catalogue reads from the registry, the README is the body, and the
templates in ``hugo_site`` show the same sections. Hugo writes no JSON answers and no search index;
Pagefind then runs over its pages, as its documentation shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
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
    for section in ("libraries", "steps"):
        (root / "content" / section).mkdir(parents=True)
    pages = sum(_write_library(root / "content", library) for library in libraries)
    return HugoSite(root=root, pages=pages)


def build(site: HugoSite) -> float:
    """Build the site from nothing; return seconds. Raises BenchmarkError when Hugo fails."""
    shutil.rmtree(site.public, ignore_errors=True)
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
        page = _step_page(step, manifest)
        page["previous"] = _link(steps[index - 1]) if index else None
        page["next"] = _link(steps[index + 1]) if index + 1 < len(steps) else None
        _write_page(content / "steps" / f"{step['id']}.md", page, "")
    page = _library_page(library, manifest, steps)
    readme = library.files["docs/README.md"].decode()
    _write_page(content / "libraries" / f"{library.name}.md", page, readme)
    return 1 + len(steps)


def _library_page(
    library: SyntheticLibrary, manifest: Mapping[str, Any], steps: list[dict[str, Any]]
) -> dict[str, Any]:
    shown = ("id", "name", "display_name", "description", "icon", "color", "permissions")
    release = {
        "version": library.version,
        "date": RELEASE_DATE,
        "digest": release_digest(library.files),
    }
    return {
        "title": manifest["display_name"],
        "url": f"/libraries/{library.name}/",
        "summary": manifest["description"],
        "version": manifest["version"],
        "platforms": manifest["platform_support"],
        "categories": manifest["categories"],
        "premium": manifest["is_premium"],
        "manifest": {key: value for key, value in manifest.items() if value is not None},
        "steps": [{key: step[key] for key in shown} for step in steps],
        "releases": [release],
        "changelog": library.files["docs/CHANGELOG.md"].decode(),
    }


def _link(step: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": step["id"], "display_name": step["display_name"]}


def _step_page(step: dict[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": step["display_name"],
        "url": f"/steps/{step['id']}/",
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
