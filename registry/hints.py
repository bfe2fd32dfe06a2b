"""Commands that are printed for a person to run: they work as they stand, in a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from registry.problems import printable

_HERE = Path()
# A command in quotes inside a sentence. What people fill in is in capitals, or behind dots.
_QUOTED = re.compile(r"'opsteps ([a-z-]+)((?: [^']*)?)'")
# What keeps its meaning between double quotes.
_SPECIAL = re.compile(r'([\\"$`])')
_ESCAPED = r"\\\1"
WITH_REGISTRY = frozenset(
    {
        "add", "audit", "deprecate", "diff", "install", "lock", "log", "package", "release",
        "remove", "rollback", "search", "serve", "show", "sign-head", "toggle", "trust",
        "uninstall", "unyank", "update", "verify", "yank",
    }
)  # fmt: skip
"""The commands that take ``--registry``."""


def command_line(*words: str | Path, registry: Path = _HERE) -> str:
    """A command with ``--registry`` where one was given, quoted for a shell."""
    given = [] if registry == _HERE else ["--registry", str(registry)]
    return printable(shlex.join(["opsteps", *map(str, words), *given]))


def with_registry(text: str, arguments: Sequence[str]) -> str:
    """A sentence whose commands name the registry that the command before them was given."""
    given = registry_given(arguments)
    if given is None:
        return text
    option = printable(f" --registry {_in_a_sentence(given)}")

    def named(found: re.Match[str]) -> str:
        command, rest = found.groups()
        if command not in WITH_REGISTRY or "--registry" in rest:
            return found[0]
        return f"'opsteps {command}{rest}{option}'"

    return _QUOTED.sub(named, text)


def _in_a_sentence(word: str) -> str:
    """Quoted for a shell where it must be, by other quotes than those around the command."""
    if shlex.quote(word) == word:
        return word
    return f'"{_SPECIAL.sub(_ESCAPED, word)}"'


def registry_given(arguments: Sequence[str]) -> str | None:
    """The registry that a command line names; None where it names none."""
    for place, word in enumerate(arguments):
        if word in {"--registry", "-r"}:
            return arguments[place + 1] if place + 1 < len(arguments) else None
        if word.startswith("--registry="):
            return word.partition("=")[2]
        if word.startswith("-r") and len(word) > 2 and not word.startswith("--"):  # noqa: PLR2004
            return word[2:]
    return None
