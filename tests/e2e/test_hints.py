"""Every command that is printed for a person to run can be run as it stands, in a shell."""

import os
import re
import shlex
import subprocess
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main

import opsteps as launcher
from registry.hints import WITH_REGISTRY, command_line, with_registry
from tests.installed import OPSTEPS, command
from tests.registry.making import files, git, new_registry, put, write_files

# `Next: opsteps …` up to the end of the line, and 'opsteps …' inside a sentence.
_NEXT = re.compile(r"(?:Next|Then): (opsteps [^\n]*)")
_QUOTED = re.compile(r"""'(opsteps (?:"[^"]*"|[^'"])*)'""")
# What a person fills in.
_BLANK = re.compile(r"\b(DIRECTORY|LIBRARY|REMOTE|COMMIT|WHY|NAME|KEY|OPTION|FILE)\b|…")
_USAGE = 2
_NO_REGISTRY = 3


@dataclass(kw_only=True)
class Journey:
    """Runs commands as people type them, and remembers what each told them to run."""

    where: Path
    hints: list[str] = field(default_factory=list)

    def run(self, *words: object, ends: int = 0) -> str:
        done = subprocess.run(
            command(*words), cwd=self.where, capture_output=True, text=True, check=False,
            env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == ends, said
        self.hints += [hint.strip() for hint in (*_NEXT.findall(said), *_QUOTED.findall(said))]
        return said

    def obey(self, hint: str) -> int:
        """Type it into a shell."""
        path = f"{OPSTEPS.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-c", hint], cwd=self.where, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode not in {_USAGE, _NO_REGISTRY, 126, 127}, f"{hint}: {done.stderr}"
        assert "Traceback" not in done.stderr
        return done.returncode


@pytest.fixture(params=["reg", "the team's registry"])
def journey(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Journey, str]:
    """A registry of two releases, in a directory with an easy name and in one without."""
    with new_registry(tmp_path / request.param) as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
    git(tmp_path / request.param, "reset", "-q", "--hard")
    return Journey(where=tmp_path), request.param


def test_every_hint_of_a_journey_is_obeyed(journey: tuple[Journey, str]) -> None:
    person, registry = journey
    here = ("-r", registry)
    write_files(person.where / "next", files(version="1.2.0"))
    low: dict[str, object] = {"parameters": {}}
    write_files(person.where / "low", files(version="1.1.1", step_fields=low))
    said = person.run("add", "next", *here)
    (release,) = _NEXT.findall(said)
    assert person.obey(release) == 0
    person.run("add", "low", *here, ends=12)
    person.run("release", "file-tools", *here, ends=4)
    person.run("release", "file-tools", "1.0.0", *here, ends=5)
    person.run("remove", "file-tools", "1.0.0", *here, ends=5)
    person.run("remove", "file-tools", "7.0.0", *here, ends=4)
    person.run("uninstall", "file-tools", "7.0.0", *here, ends=4)
    person.run("uninstall", "other-tools", *here, ends=4)
    person.run("show", "other-tools", *here, ends=4)
    person.run("yank", "file-tools", "1.0.0", "--reason", "x", *here)
    person.run("yank", "file-tools", "1.0.0", "--reason", "x", *here, ends=5)
    person.run("unyank", "file-tools", "1.1.0", *here, ends=5)
    person.run("rollback", "file-tools", "--to", "7.0.0", *here, ends=4)
    person.run("deprecate", "file-tools", "--reason", "x", *here)
    person.run("deprecate", "file-tools", "--reason", "x", *here, ends=5)
    person.run("uninstall", "file-tools", "1.1.0", *here)
    person.run("uninstall", "file-tools", "1.1.0", *here, ends=4)
    ready = [hint for hint in dict.fromkeys(person.hints) if not _BLANK.search(hint)]
    assert len(ready) >= 6
    for hint in ready:
        assert registry in shlex.split(hint), hint
        person.obey(hint)


def test_hints_of_a_pull_requests_branch_are_obeyed(journey: tuple[Journey, str]) -> None:
    person, registry = journey
    git(person.where / registry, "checkout", "-q", "-b", "a-change")
    write_files(person.where / "next", files(version="1.2.0"))
    (validate,) = _NEXT.findall(person.run("add", "next", "-r", registry))[:1]
    assert person.obey(validate) == 0


def test_every_command_that_is_given_a_registry_takes_one() -> None:
    taking = set()
    for name in launcher.COMMANDS:
        group = typer.main.get_group(launcher.make_app(name))
        chosen = group.commands[name]
        if _takes_registry(chosen):
            taking.add(name)
        elif isinstance(chosen, typer.core.TyperGroup):
            taking |= {name for each in chosen.commands.values() if _takes_registry(each)}
    # The others name it in another place, or no sentence names them.
    assert taking - {"completion", "import", "new", "validate"} == WITH_REGISTRY


def _takes_registry(command: Any) -> bool:
    return any("--registry" in option.opts for option in command.params)


@pytest.mark.parametrize(
    "given",
    [("show", "x", "--registry", "a b"), ("show", "-r", "a b"), ("show", "--registry=a b")],
)
def test_a_sentence_names_the_registry_that_was_given(given: tuple[str, ...]) -> None:
    text = "See 'opsteps show x', or make one with 'opsteps init DIRECTORY'"
    assert with_registry(text, given) == (
        "See 'opsteps show x --registry \"a b\"', or make one with 'opsteps init DIRECTORY'"
    )
    assert Context().run(with_registry, text, ("show", "x")) == text


def test_a_command_line_is_quoted_for_a_shell_and_moves_no_cursor() -> None:
    said = command_line("add", "a b", registry=Path("x\x1b[2J; rm"))
    assert shlex.split(said)[:3] == ["opsteps", "add", "a b"]
    assert "\x1b" not in said
    assert command_line("release", "x", registry=Path()) == "opsteps release x"
