import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import registry
import server.running
from opsteps import COMMANDS
from tests.installed import OPSTEPS
from tests.registry.making import files, git, write_files

ROOT = Path(__file__).resolve().parent.parent
# What takes long to load: `opsteps --help` stays quick as long as none of it is.
HEAVY = {
    "builder", "server", "registry.snapshots.registry", "registry.git.repository",
    "registry.formats.schema", "msgspec",
    "jsonschema", "jsonschema_rs", "yaml", "orjson", "packaging", "re2", "whoosh",
    "fastapi", "server.connections", "pydantic", "jinja2", "nh3", "prometheus_client",
}  # fmt: skip


def run(*arguments: object, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=where,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "GIT_AUTHOR_NAME": "Ada"},
    )  # fmt: skip


def test_help_lists_every_command_with_its_summary() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name, command in COMMANDS.items():
        assert f" {name} " in done.stdout
        assert command.summary in done.stdout


def test_help_and_version_load_no_room() -> None:
    for argument in ("--help", "--version"):
        code = (
            "import sys, opsteps\n"
            f"try: opsteps.main([{argument!r}])\n"
            "except SystemExit: pass\n"
            "print('LOADED', *sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        loaded = set(done.stdout.partition("LOADED")[2].split())
        assert "registry.errors" in loaded
        assert not loaded & HEAVY


def test_no_command_loads_gitpython_before_it_needs_it() -> None:
    """It takes a twentieth of a second, and `serve` answers lookups."""
    code = (
        "import importlib, sys, opsteps\n"
        "for command in opsteps.COMMANDS.values():\n"
        "    command.module and importlib.import_module(command.module)\n"
        f"import {server.running.__name__}\n"
        "print('LOADED', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.partition("LOADED")[2].split())
    assert {one.module for one in COMMANDS.values() if one.module} <= loaded
    assert not {"git", "gitdb"} & loaded


def test_version_is_the_packages() -> None:
    assert run("--version").stdout == f"opsteps {registry.__version__}\n"


@pytest.mark.parametrize("name", sorted(n for n, c in COMMANDS.items() if c.module))
def test_function_of_a_command_exists_and_says_what_it_does(name: str) -> None:
    command = COMMANDS[name]
    function = getattr(importlib.import_module(command.module), command.function)
    assert inspect.getdoc(function)
    done = run(name, "--help")
    assert done.returncode == 0
    assert "Usage: opsteps" in done.stdout


def test_unknown_command_ends_with_2() -> None:
    done = run("valdate")
    assert done.returncode == 2
    assert "No such command" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message", "next_step"),
    [
        (["validate", "missing"], 4, "there is no library", "Name a directory"),
        (["add", "missing", "-r", "."], 3, "not a Git repository", "opsteps init"),
        (["release", "x", "-r", "."], 3, "not a Git repository", "opsteps init"),
        (["init", "full"], 5, "not empty", "empty or new"),
        (["init", "new", "--name", "Bad Name"], 2, "not a library name", "Write 'bad-name'"),
    ],
)
def test_error_is_one_message_a_next_step_and_an_exit_code(
    tmp_path: Path, arguments: list[str], code: int, message: str, next_step: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    done = run(*arguments, where=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith("opsteps: ")
    assert message in done.stderr
    assert next_step in done.stderr
    assert "Traceback" not in done.stderr


def test_init_add_release_from_the_command_line(tmp_path: Path) -> None:
    library = write_files(
        tmp_path / "library",
        files(step_fields={"permissions": {}}, extra={"tests/test_copy.py": b""}),
    )
    place = tmp_path / "registry"
    assert run("init", place, "--name", "my-steps").returncode == 0
    added = run("add", library, "--registry", place, "--actor", "jane", "--json")
    assert added.returncode == 0, added.stderr
    assert '"version": "1.0.0"' in added.stdout
    assert "Already there" in run("add", library, "-r", place).stdout
    released = run("release", "file-tools", "-r", place)
    assert "file-tools/v1.0.0" in released.stdout
    assert run("release", "file-tools", "1.0.0", "-r", place).returncode == 5
    for name, code in (("-x", 2), ("a@{b", 2), ("..", 2), ("not-there", 4)):
        assert run("release", "-r", place, "--", name).returncode == code
    assert git(place, "status", "--porcelain") == ""
    write_files(library, {"manifest.json": b"{"})
    refused = run("add", library, "-r", place)
    assert refused.returncode == 1
    assert "manifest.json:1:1: error:" in refused.stderr
