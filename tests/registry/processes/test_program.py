"""One way to start a program of ours, and the few places that start those of others."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from registry.processes.program import hand_over, program, start_program

ROOT = Path(__file__).parents[3]
_OTHERS = (
    "registry/git/",  # Git, which is kept from a person's configuration
    "builder/catalogue/build/workers.py",  # forks, so that what it has in memory is not sent
)
"""Those that start other things than programs of ours."""
_STARTS = {"Popen", "run", "call", "check_call", "check_output", "posix_spawn", "fork"}


def _starting(source: str) -> Iterator[int]:
    """Yield the lines that start a process."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"subprocess", "os"}
            and node.func.attr in _STARTS
        ):
            yield node.lineno


def test_one_module_starts_our_programs() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("registry", "builder", "server")
        for path in (ROOT / room).rglob("*.py")
        if "library_templates" not in path.parts
        and any(_starting(path.read_text(encoding="utf-8")))
    }
    ours = {place for place in found if not place.startswith(_OTHERS)}
    assert ours == {"registry/processes/program.py"}
    assert found > ours  # the search finds those of others too


def test_a_program_finds_our_rooms_wherever_it_is_started(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    code = "import json, os, registry; print(os.environ.get('OPSTEPS_PARENT_FD'))"
    command = [*program("x")[:2], "-c", f"import os; os.chdir({str(tmp_path)!r}); {code}"]
    process = start_program(command, stdout=subprocess.PIPE)
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, b"None\n")


def test_what_is_handed_over_to_a_program_that_has_ended_is_not_an_error() -> None:
    process = start_program(
        program("timeit", "-n1", "pass"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.wait() == 0
    hand_over(process, b"x" * 1_000_000)
    assert process.stdin is not None
    assert process.stdin.closed
