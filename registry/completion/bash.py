"""Completion for Bash, and for Zsh by its emulation of Bash's completion."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from registry.completion.model import Command, Option, Taken

_HEAD = """\
_opsteps_libraries() {
    if [ -n "$1" ]; then
        opsteps completion libraries --registry "$1" 2>/dev/null
    else
        opsteps completion libraries 2>/dev/null
    fi
}

# Sets what can stand below a command, its options, and what its argument is.
_opsteps_command() {
    below='' options='' argument=nothing
    case "$1" in
"""
_MIDDLE = """\
    esac
}

# Sets what an option of a command takes, and the words to choose from.
_opsteps_option() {
    kind=nothing choices=''
    case "$1" in
"""
_TAIL = """\
    esac
}

_opsteps() {
    local IFS=$' \\t\\n'
    local word at='' below options argument kind=nothing choices place='' option=''
    local current="${COMP_WORDS[COMP_CWORD]}" i
    COMPREPLY=()
    [ "$current" = '=' ] && current=''
    _opsteps_command "$at"
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if [ "$word" = '=' ]; then
            continue
        elif [ -n "$option" ]; then
            case "$option" in -r | --registry | --into) place="$word" ;; esac
            option=''
        elif [[ "$word" == -* ]]; then
            _opsteps_option "$at $word"
            [ "$kind" = nothing ] || option="$word"
        elif [[ " $below " == *" $word "* ]]; then
            at="$at${at:+ }$word"
            _opsteps_command "$at"
        fi
    done
    if [ -n "$option" ]; then
        _opsteps_option "$at $option"
    elif [[ "$current" == -* ]]; then
        kind=choice choices="$options"
    elif [ -n "$below" ]; then
        kind=choice choices="$below"
    else
        kind="$argument"
        _opsteps_option "$at ."
        kind="$argument"
    fi
    case "$kind" in
        choice) COMPREPLY=($(compgen -W "$choices" -- "$current")) ;;
        library) COMPREPLY=($(compgen -W "$(_opsteps_libraries "$place")" -- "$current")) ;;
        directory) COMPREPLY=($(compgen -d -- "$current")) ;;
    esac
}

complete -o bashdefault -o default -F _opsteps opsteps
"""
_ZSH = "autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n\n"


def bash_script(commands: Sequence[Command]) -> str:
    """Return the script for Bash; it starts no program except the look for libraries."""
    head = "# Completion of opsteps, written by 'opsteps completion'.\n\n"
    return head + _functions(commands)


def zsh_script(commands: Sequence[Command]) -> str:
    """Return the script for Zsh."""
    head = "# Completion of opsteps, written by 'opsteps completion'.\n\n"
    return head + _ZSH + _functions(commands)


def _functions(commands: Sequence[Command]) -> str:
    cases = [line for command in commands for line in _command_lines(command)]
    values = [line for command in commands for line in _value_lines(command)]
    return "".join([_HEAD, *cases, _MIDDLE, *values, _TAIL])


def _command_lines(command: Command) -> Iterator[str]:
    names = " ".join(name for option in command.options for name in option.names)
    yield f"        {shlex.quote(' '.join(command.path))})\n"
    yield f"            below={shlex.quote(' '.join(command.below))}\n"
    yield f"            options={shlex.quote(names)}\n"
    yield f"            argument={command.argument} ;;\n"


def _value_lines(command: Command) -> Iterator[str]:
    path = " ".join(command.path)
    for option in command.options:
        if option.takes is not Taken.NOTHING:
            patterns = " | ".join(shlex.quote(f"{path} {name}") for name in option.names)
            yield f"        {patterns}) {_value(option)} ;;\n"
    if command.choices:
        pattern = shlex.quote(f"{path} .")
        yield f"        {pattern}) choices={shlex.quote(' '.join(command.choices))} ;;\n"


def _value(option: Option) -> str:
    return f"kind={option.takes} choices={shlex.quote(' '.join(option.choices))}"
