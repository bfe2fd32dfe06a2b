"""One version is removed by the installed command, and every copy of the registry stays sound."""

import json
import shutil
from pathlib import Path

import pytest

from registry.snapshots.registry import Registry
from tests.installed import opsteps
from tests.registry.making import NAME, files, git, new_registry, put, write_files


@pytest.fixture
def where(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "reg") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
    git(tmp_path / "reg", "reset", "-q", "--hard")
    return tmp_path


def sound_everywhere(where: Path) -> None:
    """Here, in a fresh clone, and where a bundle was taken in."""
    assert "Sound" in opsteps(where, "verify", "--deep", "-r", "reg")
    git(where, "clone", "-q", "reg", "clone")
    assert "Sound" in opsteps(where, "verify", "--deep", "-r", "clone")
    opsteps(where, "bundle", "all.bundle", "-r", "reg")
    opsteps(where, "import", "bundle", "all.bundle", "taken")
    for place in ("clone", "taken"):
        shutil.rmtree(where / place)
    (where / "all.bundle").unlink()


def test_every_copy_is_sound_through_a_whole_life(where: Path) -> None:
    opsteps(where, "package", "file-tools", "1.0.0", "-r", "reg", "-o", "old.zip")
    opsteps(where, "package", "file-tools", "1.1.0", "-r", "reg", "-o", "new.zip")
    said = opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg", "--actor", "olga")
    assert said == "file-tools 1.0.0 is removed; 1.1.0 is active\n"
    sound_everywhere(where)
    opsteps(where, "uninstall", "file-tools", "-r", "reg")
    sound_everywhere(where)
    opsteps(where, "install", "new.zip", "old.zip", "-r", "reg")
    sound_everywhere(where)
    said = opsteps(where, "uninstall", "file-tools", "1.1.0", "1.0.0", "-r", "reg")
    assert "are removed; nothing of it is left, so the library is uninstalled" in said
    sound_everywhere(where)


def test_the_log_says_what_happened(where: Path) -> None:
    opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg", "--actor", "olga")
    (entry, *_) = json.loads(opsteps(where, "log", "-r", "reg", "--json"))
    assert (entry["operation"], entry["actor"]) == ("remove-release", "olga")
    assert entry["summary"] == "Remove file-tools 1.0.0"


def test_unyank_of_a_removed_version_says_what_is_so(where: Path) -> None:
    opsteps(where, "yank", "file-tools", "1.0.0", "--reason", "x", "-r", "reg")
    opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg")
    said = opsteps(where, "unyank", "file-tools", "1.0.0", "-r", "reg")
    assert "it is removed; callers without a pin get 1.1.0" in said
    opsteps(where, "yank", "file-tools", "1.0.0", "--reason", "x", "-r", "reg")
    opsteps(where, "uninstall", "file-tools", "-r", "reg")
    (entry, *_) = json.loads(opsteps(where, "log", "-r", "reg", "--json"))
    assert entry["summary"] == "Uninstall file-tools"
    said = opsteps(where, "unyank", "file-tools", "1.0.0", "-r", "reg")
    assert "it is removed; nothing is active\n" in said
    assert "any more" not in said


def test_a_removed_version_is_named_by_whoever_asks_for_it(where: Path) -> None:
    opsteps(where, "rollback", "file-tools", "--to", "1.0.0", "-r", "reg")
    said = opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg")
    assert "its pin to 1.0.0 is gone with it" in said
    said = opsteps(where, "rollback", "file-tools", "--to", "1.0.0", "-r", "reg", expect=5)
    assert "was removed on" in said
    assert "can be installed again" in said
    said = opsteps(where, "package", "file-tools", "1.0.0", "-r", "reg", expect=4)
    assert "it is removed, since" in said


def test_a_registry_from_before_is_healed_for_every_clone(where: Path) -> None:
    registry = where / "reg"
    git(registry, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(registry, "commit", "-qm", "Uninstall file-tools 1.0.0\n\nOperation: uninstall\nActor: x")
    said = opsteps(where, "verify", "-r", "reg", expect=1)
    assert "opsteps uninstall file-tools 1.0.0" in said
    said = opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg")
    assert "removed before; library.yaml says so from now on" in said
    git(where, "clone", "-q", "reg", "other")
    assert "note: file-tools 1.0.0 was removed without" in opsteps(where, "verify", "-r", "other")


def test_other_bytes_never_come_back(where: Path) -> None:
    opsteps(where, "uninstall", "file-tools", "1.0.0", "-r", "reg")
    other = write_files(where / "other", files(extra={"docs/README.md": b"# Other\n"}))
    for command in ("install", "add"):
        said = opsteps(where, command, other, "-r", "reg", expect=5)
        assert "with other content" in said
    said = opsteps(where, "add", write_files(where / "same", files()), "-r", "reg")
    assert "1.0.0" in said
    with Registry.open(registry := where / "reg") as opened:
        assert len([r for r in opened.snapshot().library(NAME).releases if r.is_served]) == 2
    assert git(registry, "status", "--porcelain") == ""
