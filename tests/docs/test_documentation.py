"""The documentation is true: its examples run, its links lead somewhere, its pages are current."""

from __future__ import annotations

import fnmatch
import importlib.util
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from opsteps import COMMANDS
from tests.installed import OPSTEPS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(
    r"^(?:registry|builder|server|catalog-site|examples|tests|benchmarks|docs|scripts|requirements)/"
)
_MODULE = re.compile(r"^(?:registry|builder|server)(?:\.[A-Za-z_]\w*)+$")
_MEMBER = re.compile(r"^([A-Z]\w*[a-z]\w*)\.([a-z_]\w*)")
# Classes of Whoosh, and a file of Windows.
_NOT_OURS = {"Segment", "SegmentWriter", "TermInfo", "Thumbs", "W3Codec"}
# These are spelled as paths and modules of ours, and are files of a library and of a registry.
_OTHERS = {
    "docs/README.md",
    "docs/CHANGELOG.md",
    "registry.bundle",
    "registry.yaml",
    "registry.yaml.sig",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [str(OPSTEPS), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    missing = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert not missing


def test_the_generated_pages_are_current() -> None:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts/write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, page in module.PAGES.items():
        assert (ROOT / path).read_text(encoding="utf-8") == page(), (
            f"{path} is out of date: run 'make docs'"
        )


def _has_name(module: str) -> bool:
    """True if a module is there, or a name in one: ``a.b``, or ``a.b.Class``."""
    place = ROOT.joinpath(*module.split("."))
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    file = place.parent.with_suffix(".py")
    file = file if file.is_file() else place.parent / "__init__.py"
    definition = rf"^(?:class |def |async def )?{place.name}\b"
    return file.is_file() and bool(re.search(definition, file.read_text("utf-8"), re.MULTILINE))


@cache
def _has_member(name: str, member: str) -> bool:
    """True if a class of ours has an attribute or a method of that name."""
    for room in ("registry", "builder", "server"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if f"\nclass {name}" in text and re.search(
                rf"(?:def |\bself\.|^ +){member}\b", text, re.MULTILINE
            ):
                return True
    return False


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md"],  # it tells of files that are gone
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_path_module_and_member_that_is_named_exists(page: Path) -> None:
    named = set(_CODE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))) - _OTHERS
    missing = [name for name in named if _PATH.match(name) and not (ROOT / name).exists()]
    missing += [name for name in named if _MODULE.match(name) and not _has_name(name)]
    members = [match.groups() for match in map(_MEMBER.match, named) if match]
    missing += [f"{a}.{b}" for a, b in members if a not in _NOT_OURS and not _has_member(a, b)]
    assert not missing


def test_the_page_about_the_architecture_names_only_what_is_there() -> None:
    """It names files by the end of their paths as well: ``planning.py``, ``catalogue/views/``."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = {name for name in _CODE.findall(_FENCE.sub("", page)) if name.endswith((".py", "/"))}
    assert len(named) > 100
    paths = [*ROOT.glob("*/"), *ROOT.glob("*.py"), *ROOT.glob("docs/*")]
    for room in ("registry", "builder", "server", "tests", "catalog-site"):
        paths += ROOT.joinpath(room).rglob("*")
    there = {f"/{path.relative_to(ROOT).as_posix()}{'/' * path.is_dir()}" for path in paths}
    missing = [name for name in named if not fnmatch.filter(there, f"*/{name}")]
    assert not missing


def test_the_page_about_the_architecture_names_every_package() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for room in ("registry", "builder", "server"):
        section = page.partition(f"### {room}/\n")[2].partition("\n#")[0]
        packages = {path.parent.name for path in ROOT.glob(f"{room}/*/__init__.py")}
        assert packages
        assert packages <= set(re.findall(r"`(\w+)/`", section))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(body for _, body in _FENCE.findall(text))
    named = set(re.findall(r"^\s*opsteps ([a-z][a-z-]*)", blocks, re.MULTILINE))
    assert named <= set(COMMANDS)


def test_the_authors_page_works_as_it_is_written(tmp_path: Path) -> None:
    text = (ROOT / "docs/authors.md").read_text(encoding="utf-8")
    library = tmp_path / "my-library"
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        fence = _FENCE.search(body)
        if "." in title and fence is not None:
            file = library / title.strip()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fence[2], encoding="utf-8")
    _run(["init", "steps"], tmp_path)
    commands = re.findall(r"^opsteps ((?:validate|add|release) .*)$", text, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        _run(command.split(), tmp_path)
    log = subprocess.run(
        ["git", "-C", "steps", "tag", "--list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.split() == ["my-library/v1.0.0"]


def test_every_exit_code_has_one_meaning_and_every_meaning_a_use() -> None:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts/write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    used = {code for code, _ in module.error_codes()}
    assert used <= module.EXIT_CODES.keys()
    # What no error class ends with: done, an audit that could not read everything, a bug, Ctrl+C,
    # and a reader that left.
    assert module.EXIT_CODES.keys() - used == {0, 26, 70, 130, 141}
    assert len(set(module.EXIT_CODES.values())) == len(module.EXIT_CODES)
