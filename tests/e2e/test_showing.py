"""``opsteps show`` tells what became of each version, and all that a step declares."""

from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files

STEP = {
    "parameters": {
        "source": {"type": "file", "required": True, "description": "What is copied."},
        "mode": {"type": "select", "options": ["fast", "safe"], "default": "safe"},
    },
    "permissions": {
        "filesystem": {"read": ["{source}"]},
        "network": ["*.example.com:443"],
        "limits": {"wall_seconds": 30},
    },
    "returns": {
        "type": "object",
        "properties": {"bytes": {"type": "integer", "description": "How many were copied."}},
        "required": ["bytes"],
    },
    "examples": [{"name": "One file", "parameters": {"source": "a.txt"}}],
}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "reg") as registry:
        for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
            put(registry, files(version=version, step_fields=STEP))
    git(tmp_path / "reg", "reset", "-q", "--hard")
    return tmp_path


def line(said: str, *words: str) -> str:
    """The one line of what was said with all of these words."""
    (found,) = [one for one in said.splitlines() if all(word in one for word in words)]
    return found


def test_every_version_says_what_became_of_it(where: Path) -> None:
    candidate = write_files(where / "next", files(version="1.4.0", step_fields=STEP))
    opsteps(where, "add", candidate, "-r", "reg")
    opsteps(where, "yank", "file-tools", "1.1.0", "--reason", "it loses files",
            "--replacement", "1.2.0", "-r", "reg")  # fmt: skip
    opsteps(where, "uninstall", "file-tools", "1.2.0", "-r", "reg", "--actor", "olga")
    opsteps(where, "rollback", "file-tools", "--to", "1.0.0", "-r", "reg")
    opsteps(where, "toggle", "file-tools", "--off", "--instance", "staging", "--new-instance",
            "-r", "reg")  # fmt: skip
    opsteps(where, "deprecate", "file-tools", "--reason", "nobody needs it", "-r", "reg")
    said = opsteps(where, "show", "file-tools", "-r", "reg")
    assert "a candidate, not released" in line(said, "1.4.0  ")
    assert "released" in line(said, "1.3.0  ")
    assert "by olga" in line(said, "1.2.0  ", "removed")
    assert "yanked: it loses files (use 1.2.0)" in line(said, "1.1.0  ")
    assert "active" in line(said, "1.0.0  ", "released")
    assert "pinned to 1.0.0 in production" in said
    assert "disabled in staging" in said
    assert "deprecated: nobody needs it" in said
    assert "yanked: it loses files" in opsteps(
        where, "show", "file-tools.file.copy@1.1.0", "-r", "reg"
    )


def test_a_step_says_all_that_it_declares(where: Path) -> None:
    said = opsteps(where, "show", "file-tools.file.copy", "-r", "reg")
    assert "source  (file, required)" in said
    assert "one of: fast, safe" in said
    assert "bytes  (integer, always)  How many were copied." in said
    assert "Reads what the parameter source names, and what is below it" in said
    assert "Connects to any host below example.com on port 443" in said
    assert "A run gets at most 30 s of time." in said
    assert "One file" in said
    assert '{"source": "a.txt"}' in said


def test_a_library_of_which_nothing_is_served_is_shown_all_the_same(where: Path) -> None:
    opsteps(where, "uninstall", "file-tools", "-r", "reg")
    said = opsteps(where, "show", "file-tools", "-r", "reg")
    assert "nothing of it is served" in said
    assert "uninstalled: its name, ledger and tags stay" in said
    assert "not here any more" in line(said, "1.0.0  ")
    opsteps(where, "show", "file-tools.file.copy", "-r", "reg", expect=4)
    assert '"versions"' in opsteps(where, "show", "file-tools", "-r", "reg", "--json")


def test_a_strangers_text_moves_no_cursor(where: Path) -> None:
    opsteps(where, "yank", "file-tools", "1.0.0", "--reason", "bad\x1b[2J\x1b]0;x\x07", "-r", "reg")
    said = opsteps(where, "show", "file-tools", "-r", "reg")
    assert "yanked: bad" in said
    assert "\x1b" not in said
