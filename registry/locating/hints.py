"""Commands that are printed for a person to run: they can be copied as they stand, into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from registry.errors import NotARegistryError, NotFoundError, ReportedError
from registry.locating.library_names import library_names
from registry.locating.location import choose_registry, named_registry, registry_among
from registry.names import is_library_name
from registry.problems import printable
from registry.terminal.pasting import word
from registry.terminal.suggestions import did_you_mean

_HERE = Path()
# A command in quotes inside a sentence. What people fill in is in capitals, or behind dots.
_QUOTED = re.compile(r"'opsteps ([a-z-]+)((?: [^'\n]*)?)'")
_NAMES_ONE = re.compile(r"(^| )(-r|--registry|--into)( |=|$)")
# What keeps its meaning between double quotes.
_SPECIAL = re.compile(r'([\\"$`])')
_ESCAPED = r"\\\1"
WITH_REGISTRY = frozenset(
    {
        "add", "attest", "audit", "backup", "build", "bundle", "deprecate", "diff", "install",
        "lock", "log", "package", "release", "remove", "repair", "rollback", "search", "serve",
        "show", "sign-head", "toggle", "token", "trust", "uninstall", "unyank", "update",
        "upstream", "verify", "yank",
    }
)  # fmt: skip
"""The commands that a hint gives ``--registry``: all that take it, but those that name it apart."""


def command_line(*words: object, registry: Path | None = None) -> str:
    """``opsteps`` with these words, quoted for a shell.

    It names the registry (that of this command when left out) where running it from the current
    directory would not find the same one.
    """
    place = registry if registry is not None else named_registry()
    option = ["--registry", str(place)] if place is not None and not _is_found(place) else []
    return " ".join(word(str(one)) for one in ["opsteps", *words, *option])


def with_registry(text: str, arguments: Sequence[str] = ()) -> str:
    """A sentence whose ``'opsteps …'`` name the registry that was given, if it would not be found.

    Given by these arguments of a command, or by those of this one.
    """
    given = registry_given(arguments)
    place = Path(given) if given is not None else named_registry()
    if "'opsteps " not in text or place is None or _is_found(place):
        return text
    option = printable(f" --registry {_in_a_sentence(str(place))}")

    def named(found: re.Match[str]) -> str:
        command, rest = found.groups()
        if command not in WITH_REGISTRY or _NAMES_ONE.search(rest):
            return found[0]
        return f"'opsteps {command}{rest}{option}'"

    return _QUOTED.sub(named, text)


def registry_given(arguments: Sequence[str]) -> str | None:
    """The registry that a command line names; None where it names none."""
    for place, given in enumerate(arguments):
        if given in {"--registry", "-r"}:
            return arguments[place + 1] if place + 1 < len(arguments) else None
        if given.startswith("--registry="):
            return given.partition("=")[2]
        if given.startswith("-r") and len(given) > 2 and not given.startswith("--"):  # noqa: PLR2004
            return given[2:]
    return None


def named_wrongly(words: Iterable[str]) -> str:
    """Advise how to name the registry when one of these words is one and no argument named any."""
    place = registry_among(words) if named_registry() is None else None
    return f"Name the registry with --registry {word(place)}" if place is not None else ""


def meant_by(error: ReportedError, given: Iterable[str]) -> str:
    """Say which name may have been meant instead of the one that an error calls missing."""
    if error.asked:
        return did_you_mean(error.asked, error.known)
    if not isinstance(error, NotFoundError):
        return ""
    # Where an error does not say what there is, it is about a library that was given as a word.
    words = (word for word in given if is_library_name(word) and repr(word) in error.message)
    asked = next(words, None)
    return did_you_mean(asked, library_names(named_registry())) if asked is not None else ""


def _is_found(place: Path) -> bool:
    """True if a command that names none works on this one."""
    if place == _HERE:
        return True
    try:
        return choose_registry(None).samefile(place)
    except (NotARegistryError, OSError):
        return False


def _in_a_sentence(word: str) -> str:
    """Quoted for a shell where it must be, by other quotes than those around the command."""
    if shlex.quote(word) == word:
        return word
    return f'"{_SPECIAL.sub(_ESCAPED, word)}"'
