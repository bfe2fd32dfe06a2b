"""ZIPs as ordinary tools make them, of one library: all are taken, and are the same release."""

import hashlib
import io
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from registry.library.digest import release_digest
from registry.sources.release_source import examine_source, read_source
from registry.sources.zip_reader import read_archive
from tests.conftest import ROOT, cannot_run
from tests.registry.making import files, write_files
from tests.registry.zip_tools.ways import HERE, WAYS, Way

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
LIBRARY = files(
    extra={
        "docs/Übersicht.md": "# Übersicht\n".encode(),
        "docs/日本.md": b"# Nihon\n" * 300,
        "docs/empty.md": b"",
        "assets/logo.png": PNG,
        "tests/deeper/test_copy.py": b"def test_copy():\n    assert True\n",
        "LICENSE": b"MIT\n",
    }
)
LEFT = {
    ".DS_Store": b"\0\0\0\1Bud1", ".editorconfig": b"root = true\n", ".gitignore": b"*.pyc\n",
    ".gitattributes": b"* text=auto\n", "docs/.gitkeep": b"", "docs/Thumbs.db": b"\xd0\xcf",
    ".github/workflows/test.yml": b"on: push\n", "executors/__pycache__/copy.cpython-311.pyc": b"x",
}  # fmt: skip
pytestmark = pytest.mark.xdist_group("zip-tools")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library as it lies on somebody's disk, on a drive that is shared."""
    made = write_files(tmp_path / "file-tools", {**LIBRARY, **LEFT})
    for folder in (made, made / "steps"):
        folder.chmod(0o2775)
    return made


def _require_node_libraries() -> None:
    """What package-lock.json pins, in the folder that Git leaves alone."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".lock-sha256"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        cannot_run("ZIPs by libraries of Node", f"npm ci failed: {done.stderr.strip()[-200:]}")
    stamp.write_text(lock)


def _marked(way: Way) -> object:
    marks = [getattr(pytest.mark, f"needs_{way.needs}")] if way.needs else []
    return pytest.param(way, id=f"{way.tool}: {way.how}", marks=marks)


@pytest.mark.parametrize("way", [_marked(way) for way in WAYS])
def test_what_a_tool_packs_is_the_release_of_the_directory(
    way: Way, library: Path, tmp_path: Path
) -> None:
    if way.needs == "node":
        _require_node_libraries()
    digest = release_digest(read_source(library))
    assert digest == release_digest(LIBRARY)
    target = tmp_path / "packed.zip"
    way.pack(library, target)
    source = examine_source(target)
    assert not [str(problem) for problem in source.problems if problem.rule != "build-litter"]
    assert release_digest(source.files) == digest
    _require_same_for_python(target.read_bytes())


def _require_same_for_python(raw: bytes) -> None:
    """Python's reader sees the same entries; names in a second field it does not know."""
    entries = read_archive(raw).entries
    with zipfile.ZipFile(io.BytesIO(raw)) as other:
        assert len(other.infolist()) == len(entries)
        for info, entry in zip(other.infolist(), entries, strict=True):
            assert (info.file_size, info.compress_size) == (entry.size, entry.packed)
            assert other.read(info) == entry.content()
            if entry.name.isascii() or info.flag_bits & 0x800:
                assert info.filename == entry.name


def test_the_page_lists_exactly_these_ways() -> None:
    page = (ROOT / "docs/packaging.md").read_text()
    table = page.partition("| tool | how |\n| --- | --- |\n")[2].partition("\n\n")[0]
    cells = [row.removeprefix("| ").removesuffix(" |") for row in table.splitlines()]
    listed = [tuple(re.split(r" (?<!\\)\| ", row)) for row in cells]
    assert listed == [(way.tool, way.how.replace("|", "\\|")) for way in WAYS]


def test_the_lock_names_no_host_of_packages() -> None:
    lock = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock


def test_a_comment_of_an_archive_is_shown_nowhere(library: Path, tmp_path: Path) -> None:
    target = tmp_path / "packed.zip"
    comment = b"\x1b]0;look here\x07"
    with zipfile.ZipFile(target, "w") as archive:
        archive.comment = comment
        for path in sorted(library.rglob("*.*")):
            archive.write(path, path.relative_to(library))
    assert target.read_bytes().endswith(comment)
    assert "look here" not in repr(examine_source(target))
