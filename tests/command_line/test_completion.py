import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsteps import COMMANDS
from tests.command_line.conftest import LONG
from tests.installed import OPSTEPS, opsteps
from tests.test_opsteps import HEAVY, ROOT

PATH = f"{OPSTEPS.parent}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        (where / shell).write_text(opsteps(where, "completion", shell))
    return where


def offered(
    where: Path, scripts: Path, words: list[str], env: dict[str, str] | None = None
) -> set[str]:
    """What Bash offers for the last word."""
    program = (
        f'source {scripts}/bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _opsteps;'
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", "opsteps", *words],
        cwd=where, capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": PATH, **(env or {})},
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ver"], {"verify", "version"}),
        (["upstream", ""], {"add", "list", "update", "available", "trust", "remove"}),
        (["upstream", "add", "--allow"], {"--allow-private"}),
        (["new", "--template", ""], {"files", "http", "command", "definitions"}),
        (["new", "--template", "=", "ht"], {"http"}),
        (["token", "create", "robot", "--scope", "m"], {"manage"}),
        (["toggle", "file"], {"file-tools"}),
        (["toggle", "--off", "conf"], {LONG}),
        (["show", "--registry", "nowhere", "f"], set()),
        (["completion", "z"], {"zsh"}),
        (["no-such-command", "x"], set()),
        (["search", "--limit", ""], set()),
    ],
)
def test_bash_completes(place: Path, scripts: Path, words: list[str], expected: set[str]) -> None:
    assert offered(place, scripts, words) == expected


def test_bash_completes_libraries_of_the_registry_that_was_named(
    place: Path, scripts: Path, tmp_path: Path
) -> None:
    assert offered(tmp_path, scripts, ["show", "file"]) == set()
    assert offered(tmp_path, scripts, ["show", "-r", str(place), "file"]) == {"file-tools"}
    named = {"OPSTEPS_REGISTRY": str(place)}
    assert offered(tmp_path, scripts, ["show", "file"], env=named) == {"file-tools"}


def test_a_directory_that_is_not_a_librarys_name_is_never_given_to_a_shell(
    own_place: Path, scripts: Path
) -> None:
    trap = own_place.parent / "trap"
    (own_place / "libraries" / f"$(touch {trap.name})").mkdir()
    assert offered(own_place, scripts, ["show", ""]) == {"file-tools"}
    assert not (own_place / trap.name).exists()


def test_an_interactive_bash_reads_the_script_and_completes(place: Path, scripts: Path) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-i"],
        input=f"source {scripts}/bash\ncomplete -p opsteps\nexit\n",
        cwd=place, capture_output=True, text=True, check=True, env={**os.environ, "PATH": PATH},
    )  # fmt: skip
    assert "-F _opsteps opsteps" in done.stdout


@pytest.mark.needs_zsh
def test_zsh_completes(place: Path, scripts: Path, tmp_path: Path) -> None:
    """By the function that Zsh's own emulation of Bash's completion calls."""
    program = (
        f"export HOME={tmp_path}; source {scripts}/zsh; emulate -L sh; setopt kshglob noshglob"
        ' braceexpand ksharrays; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _opsteps;'
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    for words, expected in (
        (["upstream", "av"], {"available"}),
        (["new", "--template", "ht"], {"http"}),
        (["show", "file"], {"file-tools"}),
    ):
        done = subprocess.run(
            ["zsh", "-f", "-c", program, "zsh", "opsteps", *words],
            cwd=place, capture_output=True, text=True, check=True,
            env={**os.environ, "PATH": PATH},
        )  # fmt: skip
        # What is here is filtered by Zsh itself.
        assert (expected & set(done.stdout.split()), done.stderr) == (expected, "")


@pytest.mark.needs_fish
def test_fish_completes(place: Path, scripts: Path, tmp_path: Path) -> None:
    for line, expected in (
        ("opsteps ver", {"verify", "version"}),
        ("opsteps upstream av", {"available"}),
        ("opsteps upstream add --allow", {"--allow-private"}),
        ("opsteps new --template=ht", {"--template=http"}),
        ("opsteps show file", {"file-tools"}),
    ):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {scripts}/fish; complete -C '{line}'"],
            cwd=place, capture_output=True, text=True, check=True,
            env={**os.environ, "PATH": PATH, "HOME": str(tmp_path)},
        )  # fmt: skip
        found = {row.split("\t")[0] for row in done.stdout.splitlines()}
        assert (found, done.stderr) == (expected, "")


def test_every_command_is_in_the_scripts(scripts: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = (scripts / shell).read_text()
        assert [name for name in COMMANDS if name not in text] == []


def test_names_that_cannot_be_had_are_no_error(tmp_path: Path) -> None:
    assert opsteps(tmp_path, "completion", "libraries") == ""
    assert opsteps(tmp_path, "completion", "libraries", "-r", tmp_path / "nowhere") == ""


def test_names_load_no_room(place: Path) -> None:
    code = (
        "import sys, opsteps\n"
        "try: opsteps.main(['completion', 'libraries'])\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    loaded = set(done.stdout.partition("LOADED")[2].split())
    # Typer reads arguments by Pydantic; Git is asked for the names, and nothing else is needed.
    assert loaded & HEAVY <= {"pydantic", "registry.git.repository"}
