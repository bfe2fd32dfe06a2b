"""Plain English in everything that a command prints: phrases that people stumbled over."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsteps import COMMANDS, whole_app
from registry.completion.model import commands_of
from registry.words.counting import counted
from tests.installed import OPSTEPS

ROOT = Path(__file__).parents[2]
REFUSED = {
    r"(?<![Tt]here )\b(is|are) no (?!longer\b|more\b)": "is not a …, are not …",
    r"\b(is|are) none\b(?<!there is none)(?<!there are none)": "is not one, is not valid",
    r"\banew\b": "again",
    r"\b[Ww]hoever\b": "those who, anybody who",
    r"\b([Hh]e|[Ss]he|[Hh]is|[Hh]im(self)?|[Hh]er(self)?)\b": "they, their, themselves",
    r"\bbelongs? into\b": "belongs in",
    r"\b(be|is) a text\b": "text",
    r"\b1 (errors|warnings|libraries|releases|steps)\b": "the singular",
    r"\bValue error,": "leave it out",
}


def strings() -> Iterator[tuple[str, str]]:
    """Every string of the rooms that is not a docstring, with its place."""
    for room in ("registry", "builder", "server"):
        for path in sorted((ROOT / room).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if "library_templates" in place:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            documentation = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and id(node) not in documentation
                ):
                    yield f"{place}:{node.lineno}", node.value


def helps() -> Iterator[tuple[str, str]]:
    """The help of every command and option."""
    for command in commands_of(whole_app()):
        place = " ".join(("opsteps", *command.path))
        yield place, command.summary
        for option in command.options:
            yield f"{place} {option.names[-1]}", option.summary


@pytest.mark.parametrize("phrase", REFUSED, ids=REFUSED.values())
def test_no_text_has_a_phrase_that_people_stumble_over(phrase: str) -> None:
    pattern = re.compile(phrase)
    found = [f"{at}: {text[:100]}" for at, text in (*strings(), *helps()) if pattern.search(text)]
    assert not found, f"write {REFUSED[phrase]!r} instead"


def test_whole_help_is_plain() -> None:
    """Docstrings of commands, as they are shown."""
    for name in COMMANDS:
        text = " ".join(
            subprocess.run(
                [OPSTEPS, "help", name], capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for phrase in REFUSED:
            assert not re.search(phrase, text), (name, phrase)


@pytest.mark.parametrize(
    ("amount", "one", "many", "expected"),
    [
        (0, "error", "", "0 errors"),
        (1, "error", "", "1 error"),
        (2_000, "library", "", "2,000 libraries"),
        (2, "advisory", "advisories", "2 advisories"),
        (1, "index", "indices", "1 index"),
    ],
)
def test_numbers_have_the_right_noun(amount: int, one: str, many: str, expected: str) -> None:
    assert counted(amount, one, many) == expected
