"""Pages of the catalogue as Lighthouse judges them on a phone: real content, our own server.

Lighthouse is an npm package; `lighthouse_tools/package-lock.json` pins it and all that it needs. It
slows the network and the processor down as it does for everybody.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, absolute
from benchmarks.serving import Server, serving
from benchmarks.session import Session

SCORE = Promise(
    key="lighthouse",
    what="Lighthouse on a phone, the lowest of performance, accessibility, best practices and SEO: "
    "home, a library with 90 releases, its step, their comparison",
    bound=Bound.AT_LEAST,
    limit=100,
    unit="points",
)
PROMISES = (SCORE,)
TOOLS = Path(__file__).resolve().parent / "lighthouse_tools"
_CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
_PAGES = {
    "home": "",
    "library": "libraries/{name}/",
    "step": "libraries/{name}/steps/{step}/",
    "comparison": "libraries/{name}/changes/",
}
_BUILD_SECONDS = 600.0
_LOOK_SECONDS = 180.0
_INSTALL_SECONDS = 300.0
_TRIES = 3
_MANY_RELEASES = "git-clone"


def measure(session: Session) -> list[Row]:
    """Look at each page a few times; of a page its median counts, of the pages the lowest."""
    _install()
    work = session.directory("lighthouse")
    rounds = session.choose(3, 1)
    with serving(session.bitrise_registry, work) as server:
        if not server.wait_until_steady(seconds=_BUILD_SECONDS).reached:
            raise BenchmarkError("the catalogue was not built", next_step="Look into serve.log")
        looks = {
            title: [_look(server, path, work) for _ in range(rounds)]
            for title, path in _addresses(server).items()
        }
    lowest = [
        min(min(scores[number].values()) for scores in looks.values()) for number in range(rounds)
    ]
    notes = "; ".join(f"{title} {_shown(scores)}" for title, scores in looks.items())
    return [absolute(SCORE, lowest, notes=f"{_version()}: {notes}")]


def _addresses(server: Server) -> dict[str, str]:
    """The pages of a library with many releases, of which a quick run has none, and of its step."""
    listed: list[dict[str, Any]] = json.loads(server.get("/api/v1/libraries"))
    names = sorted((one["name"] for one in listed), key=lambda name: name != _MANY_RELEASES)
    name = next(name for name in names if _is_compared(server, name))
    detail = json.loads(server.get(f"/api/v1/libraries/{name}"))
    step = detail["steps"][0]["type"]
    return {title: path.format(name=name, step=step) for title, path in _PAGES.items()}


def _is_compared(server: Server, name: str) -> bool:
    try:
        return bool(server.get(f"/libraries/{name}/changes/"))
    except OSError:
        return False


def _look(server: Server, path: str, work: Path) -> dict[str, int]:
    """Lighthouse's points for a page, by category."""
    chromium, node = shutil.which("chromium"), shutil.which("node")
    if chromium is None or node is None:
        raise BenchmarkError("Chromium or Node is missing", next_step="Install Debian's packages")
    report = work / "report.json"
    command = [
        *(node, str(TOOLS / "node_modules/lighthouse/cli/index.js")),
        *(f"http://localhost:{server.port}/{path}", f"--chrome-path={chromium}", "--quiet"),
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        *("--output=json", f"--output-path={report}"),
        *("--no-enable-error-reporting", f"--only-categories={','.join(_CATEGORIES)}"),
    ]
    for _ in range(_TRIES - 1):
        try:
            _run(command, work, _LOOK_SECONDS)
            break
        except BenchmarkError:  # "please run Lighthouse again": its recording fails now and then
            continue
    else:
        _run(command, work, _LOOK_SECONDS)
    categories = json.loads(report.read_bytes())["categories"]
    return {name: round(100 * (categories[name]["score"] or 0)) for name in _CATEGORIES}


def _shown(scores: list[dict[str, int]]) -> str:
    return "/".join(str(min(one[name] for one in scores)) for name in _CATEGORIES)


def _version() -> str:
    package = json.loads((TOOLS / "node_modules/lighthouse/package.json").read_bytes())
    return f"Lighthouse {package['version']}"


def _install() -> None:
    """What package-lock.json pins, in the folder that Git leaves alone."""
    if not (TOOLS / "node_modules/lighthouse").is_dir():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, TOOLS, _INSTALL_SECONDS)


def _run(command: list[str], where: Path, seconds: float) -> None:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, check=False, timeout=seconds
    )
    if done.returncode != 0:
        raise BenchmarkError(
            f"{command[0]} failed: {done.stderr.strip()[-500:]}", next_step="Run it by hand"
        )
