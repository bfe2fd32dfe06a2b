"""Plain English in the help of commands, and the rules by which ``make lint`` reads all else."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from opsteps import COMMANDS, whole_app
from registry.completion.model import commands_of
from registry.words.counting import counted
from tests.installed import OPSTEPS

ROOT = Path(__file__).parents[2]


def wording() -> ModuleType:
    """The script that ``make lint`` runs."""
    spec = importlib.util.spec_from_file_location("wording", ROOT / "scripts/wording.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


WORDING = wording()


def helps() -> Iterator[Any]:
    """The help of every command and option, and the whole of each as it is shown."""
    for command in commands_of(whole_app()):
        place = " ".join(("opsteps", *command.path))
        for words in (command.summary, *(option.summary for option in command.options)):
            yield WORDING.Text(kind="strings", place=place, words=words)
            yield WORDING.Text(kind="helps", place=place, words=words)
    for name in COMMANDS:
        shown = subprocess.run(
            [OPSTEPS, "help", name], capture_output=True, text=True, check=True
        ).stdout
        yield WORDING.Text(
            kind="strings", place=f"opsteps help {name}", words=" ".join(shown.split())
        )


def test_no_help_has_a_phrase_that_people_stumble_over() -> None:
    assert not list(WORDING.found_in(helps()))


@pytest.mark.parametrize("rule", WORDING.RULES, ids=lambda rule: rule.instead)
def test_each_rule_finds_its_example(rule: Any) -> None:
    for kind in rule.where:
        text = WORDING.Text(kind=kind, place="here", words=rule.example)
        assert any(rule.instead in line for line in WORDING.found_in([text]))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""A module that is made anew."""', True),
        ('def f():\n    """What it is."""\n', True),
        ('class C:\n    a = 1\n    """Whether it is."""\n', True),
        ("# It is made\n# anew.\n", True),
        ('raise ValueError(f"{1} is no number")', True),
        ('"""There is no such module."""', False),
        ("# What follows is fine: a comment may begin like that.\n", False),
    ],
)
def test_docstrings_comments_and_strings_are_read(source: str, *, found: bool) -> None:
    assert bool(list(WORDING.found_in(WORDING.texts_of_code("a.py", source.encode())))) is found


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
