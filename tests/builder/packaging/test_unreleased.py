"""``opsteps package ./dir``: what an author has becomes a ZIP that everybody takes."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from registry.library.digest import release_digest
from registry.sources.release_source import examine_source, read_source
from tests.installed import opsteps
from tests.registry.making import files, new_registry, put, write_files

NAME = "file-tools-1.0.0.zip"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    left = {".DS_Store": b"x", ".gitignore": b"x", "node_modules/a.js": b"x"}
    return write_files(tmp_path / "my tools", {**files(), **left})


def test_a_directory_is_packed_and_told_of(library: Path, tmp_path: Path) -> None:
    said = opsteps(tmp_path, "package", "./my tools")
    packed = (tmp_path / NAME).read_bytes()
    assert f"file   {NAME} ({len(packed):,} bytes)" in said
    assert f"sha256 {hashlib.sha256(packed).hexdigest()}" in said
    assert f"digest sha256:{release_digest(files())}" in said
    assert "node_modules: warning" in said
    assert examine_source(tmp_path / NAME).problems == ()
    assert read_source(tmp_path / NAME) == read_source(library) == files()


def test_the_same_directory_is_the_same_bytes(library: Path, tmp_path: Path) -> None:
    again = shutil.copytree(library, tmp_path / "copy")
    for path in again.rglob("*"):
        path.chmod(0o700)
    opsteps(tmp_path, "package", library, "-o", "one.zip")
    opsteps(tmp_path, "package", again, "-o", "two.zip", env={"TZ": "Pacific/Kiritimati"})
    opsteps(tmp_path, "package", "./one.zip", "-o", "three.zip")
    one, two, three = ((tmp_path / f"{n}.zip").read_bytes() for n in ("one", "two", "three"))
    assert one == two == three


@pytest.mark.parametrize("folder", [".", "steps"])
def test_the_directory_one_stands_in_is_packed_beside_itself(library: Path, folder: str) -> None:
    where = library / folder
    given = "." if folder == "." else ".."
    answer = json.loads(opsteps(where, "package", given, "--json"))
    assert answer["file"] == str(library.parent / NAME)
    assert not list(library.rglob("*.zip"))
    assert answer == {
        "name": "file-tools", "version": "1.0.0", "digest": release_digest(files()),
        "is_signed": False, "is_yanked": False, "file": str(library.parent / NAME),
        "bytes": (library.parent / NAME).stat().st_size,
        "sha256": hashlib.sha256((library.parent / NAME).read_bytes()).hexdigest(),
    }  # fmt: skip


def test_what_is_packed_installs_and_is_released_as_it_was(library: Path, tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "steps")
    opsteps(tmp_path, "package", library)
    assert "Installed file-tools 1.0.0" in opsteps(tmp_path, "install", NAME, "-r", "steps")
    assert "Already there" in opsteps(tmp_path, "install", library, "-r", "steps")


def test_a_library_with_errors_is_not_packed(library: Path, tmp_path: Path) -> None:
    (library / ".env").write_text("TOKEN=x")
    (library / "docs/README.md").unlink()
    said = opsteps(tmp_path, "package", "./my tools", expect=1)
    assert said.index(".env: error") < said.index("docs/README.md: warning")
    assert not list(tmp_path.glob("*.zip"))


def test_a_name_is_a_release_first_and_then_a_directory(tmp_path: Path) -> None:
    write_files(tmp_path / "file-tools", files(version="2.0.0"))
    assert "Packed file-tools 2.0.0" in opsteps(tmp_path, "package", "file-tools")
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
    assert "Packed file-tools 1.0.0" in opsteps(tmp_path, "package", "file-tools", "-r", "r")
    assert "Packed file-tools 2.0.0" in opsteps(tmp_path, "package", "./file-tools", "-r", "r")


def test_a_version_beside_a_directory_is_refused(library: Path, tmp_path: Path) -> None:
    said = opsteps(tmp_path, "package", library, "1.0.0", expect=2)
    assert "its version in its manifest.json" in said
    assert "there is nothing here" in opsteps(tmp_path, "package", "./nothing", expect=4)
