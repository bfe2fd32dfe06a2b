"""Everything that can be completed: commands, their options, and the values of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, get_args

# Arguments with these names are libraries of the registry.
_LIBRARIES = frozenset({"library", "libraries", "name", "what", "sources"})
# Commands whose argument of such a name is not there already.
_NOT_THERE_YET = frozenset({"new", "create", "revoke"})
_DIRECTORIES = frozenset({"registry", "into", "place", "directory"})


class Taken(StrEnum):
    """The kind of value of an argument or an option."""

    NOTHING = "nothing"
    """It is a flag."""
    WORD = "word"
    """Something that nobody can guess."""
    CHOICE = "choice"
    FILE = "file"
    DIRECTORY = "directory"
    LIBRARY = "library"


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option, by all its names."""

    names: tuple[str, ...]
    summary: str
    takes: Taken
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command by its path, ``("upstream", "add")``; the root has an empty one."""

    path: tuple[str, ...]
    summary: str
    options: tuple[Option, ...]
    argument: Taken
    choices: tuple[str, ...] = ()
    """The values that the argument may have, where they are known."""
    below: tuple[str, ...] = ()


def commands_of(group: Any, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """A command as Click sees it, and all below it."""
    below = dict(getattr(group, "commands", {}))
    options = [_option(p) for p in group.params if p.param_type_name == "option"]
    arguments = [p for p in group.params if p.param_type_name == "argument"]
    yield Command(
        path=path,
        summary=_first_line(group.help or ""),
        options=(*options, Option(names=("-h", "--help"), summary="Help.", takes=Taken.NOTHING)),
        argument=_argument(arguments[0], path) if arguments else Taken.NOTHING,
        choices=_choices(arguments[0]) if arguments else (),
        below=tuple(below),
    )
    for name, command in below.items():
        yield from commands_of(command, (*path, name))


def _option(parameter: Any) -> Option:
    names = tuple(name for name in (*parameter.opts, *parameter.secondary_opts))
    takes = Taken.NOTHING if parameter.is_flag else _taken(parameter)
    return Option(
        names=names,
        summary=_first_line(parameter.help or ""),
        takes=takes,
        choices=_choices(parameter),
    )


def _argument(parameter: Any, path: tuple[str, ...]) -> Taken:
    if parameter.name in _LIBRARIES and path[-1] not in _NOT_THERE_YET:
        return Taken.LIBRARY
    return _taken(parameter)


def _taken(parameter: Any) -> Taken:
    if _choices(parameter):
        return Taken.CHOICE
    if _annotation(parameter) is not Path:
        return Taken.WORD
    return Taken.DIRECTORY if parameter.name in _DIRECTORIES else Taken.FILE


def _choices(parameter: Any) -> tuple[str, ...]:
    kind = _annotation(parameter)
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    return tuple(str(one.value) for one in kind) if is_enum else ()


def _annotation(parameter: Any) -> Any:
    """The type of a value, of each where there may be several."""
    annotation = parameter.type_descriptor.annotation
    inner = [one for one in get_args(annotation) if one is not type(None)]
    return inner[0] if inner else annotation


def _first_line(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())
