"""Completion for fish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.completion.model import Command, Option, Taken

_HEAD = """\
# Completion of opsteps, written by 'opsteps completion fish'.

function __opsteps_libraries
    set -l words (commandline -opc)
    set -l place
    for number in (seq (count $words))
        if contains -- $words[$number] -r --registry --into
            set place --registry $words[(math $number + 1)]
        end
    end
    opsteps completion libraries $place 2>/dev/null
end

function __opsteps_at
    set -l words (commandline -opc)[2..]
    set -l path
    for word in $words
        string match -q -- '-*' $word; and break
        set -a path $word
        test (count $path) -eq $argv[1]; and break
    end
    test "$path" = "$argv[2]"
end

complete -c opsteps -f
"""


def fish_script(commands: Sequence[Command]) -> str:
    """Return the script for fish."""
    lines = [line for command in commands for line in _command_lines(command, commands)]
    return _HEAD + "".join(f"complete -c opsteps {line}\n" for line in lines)


def _command_lines(command: Command, commands: Sequence[Command]) -> Iterator[str]:
    # A command that has others below it is complete only while none of them stands there.
    depth = len(command.path) + bool(command.below)
    at = _quoted(f"__opsteps_at {depth} {_quoted(' '.join(command.path))}")
    summaries = {other.path: other.summary for other in commands}
    for name in command.below:
        summary = summaries.get((*command.path, name), "")
        yield f"-n {at} -a {_quoted(name)} -d {_quoted(summary)}"
    for option in command.options:
        yield f"-n {at} {_option(option)} -d {_quoted(option.summary)}"
    if command.argument is Taken.LIBRARY:
        yield f"-n {at} -a '(__opsteps_libraries)'"
    elif command.argument is Taken.CHOICE:
        yield f"-n {at} -a {_quoted(' '.join(command.choices))}"
    if command.argument in {Taken.LIBRARY, Taken.FILE, Taken.DIRECTORY}:
        yield f"-n {at} -F"


def _option(option: Option) -> str:
    names = [f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names]
    match option.takes:
        case Taken.NOTHING:
            value = ""
        case Taken.CHOICE:
            value = f" -x -a {_quoted(' '.join(option.choices))}"
        case Taken.FILE | Taken.DIRECTORY:
            value = " -r -F"
        case _:
            value = " -x"
    return " ".join(names) + value


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
