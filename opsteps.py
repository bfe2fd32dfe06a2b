"""The command line: a table of commands, each loaded from its room only when it runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any

import typer
import typer.core
import typer.main

import registry
from registry.errors import ReportedError
from registry.files.os_errors import file_system_error

_DEBUG = "OPSTEPS_DEBUG"
_BUG = 70
_INTERRUPTED = 130
# As of a program that SIGPIPE ended.
_READER_LEFT = 141


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Where a command's function is, and what ``opsteps --help`` says without loading it."""

    module: str
    function: str
    summary: str


def _command(place: str, summary: str) -> Command:
    module, _, function = place.partition(":")
    return Command(module=module, function=function, summary=summary)


COMMANDS = {
    "init": _command("registry.commands.init:init", "Make a new registry."),
    "new": _command("builder.commands.new:new", "Begin a library from a template."),
    "validate": _command(
        "builder.commands.validate:validate", "Check libraries, or what a pull request changes."
    ),
    "diff": _command(
        "builder.commands.diff:diff", "Show what a release changes and the version it demands."
    ),
    "add": _command("builder.commands.add:add", "Put a library into a registry, as a candidate."),
    "remove": _command("registry.commands.remove:remove", "Take a candidate back."),
    "release": _command("builder.commands.release:release", "Release a candidate."),
    "install": _command(
        "registry.commands.install:install", "Install libraries from ZIPs or upstreams."
    ),
    "update": _command("registry.commands.update:update", "Update what is installed."),
    "toggle": _command("registry.commands.instance:toggle", "Turn a library on or off."),
    "uninstall": _command(
        "registry.commands.instance:uninstall", "Uninstall a library, or versions of it."
    ),
    "lock": _command("registry.commands.lock:lock", "Write down what is installed, to repeat it."),
    "upstream": _command(
        "registry.commands.upstream:app", "Other registries that libraries come from."
    ),
    "yank": _command("registry.commands.withdraw:yank", "Withdraw a release."),
    "unyank": _command("registry.commands.withdraw:unyank", "Take a withdrawal back."),
    "deprecate": _command("registry.commands.withdraw:deprecate", "Advise against a library."),
    "rollback": _command(
        "registry.commands.withdraw:rollback", "Go back to an earlier release, or state."
    ),
    "maintain": _command("registry.commands.maintain:maintain", "Keep the repository small."),
    "repair": _command("registry.commands.repair:repair", "Put tags, ledger and leftovers right."),
    "log": _command("registry.commands.log:log", "Show who changed what, and when."),
    "verify": _command(
        "registry.commands.verify:verify", "Prove that nothing released was ever altered."
    ),
    "trust": _command("registry.commands.verify:trust", "Trust a commit as the head."),
    "attest": _command(
        "registry.commands.attest:attest", "Vouch for commits that no key had signed."
    ),
    "sign-head": _command("registry.commands.verify:sign_head", "Sign what the head is, and when."),
    "audit": _command("builder.commands.audit:audit", "Find releases with known vulnerabilities."),
    "package": _command("builder.commands.package:package", "Pack a release into a ZIP."),
    "bundle": _command(
        "builder.commands.package:bundle", "Pack a whole registry, for a machine without network."
    ),
    "import": _command(
        "builder.commands.import_:import_", "Bring the libraries of another source into a registry."
    ),
    "build": _command("builder.commands.build:build", "Build the catalogue and the search index."),
    "search": _command("builder.commands.search:search", "Find libraries and steps."),
    "show": _command("builder.commands.search:show", "Show a library or a step."),
    "serve": _command("server.commands.serve:serve", "Serve a registry over HTTP."),
    "backup": _command(
        "server.commands.backup:backup", "Write a registry, with its rows, into one file."
    ),
    "restore": _command("server.commands.backup:restore", "Restore a backup into a new directory."),
    "token": _command(
        "server.commands.token:app", "Bearer tokens of the server: create, list, revoke, reset."
    ),
    "demo": _command(
        "server.commands.serve:demo", "Make and serve a registry with examples in it."
    ),
    "completion": _command(
        "registry.commands.completion:completion", "Print what completes commands in your shell."
    ),
    "help": _command("", "Show this, or the help of a command: opsteps help COMMAND."),
    "version": _command("", "Show the version."),
}
_EXTRA_ARGUMENT = "unexpected extra argument"
# What Typer's own errors of use have in common; it publishes only the class below it.
_UsageError: Any = typer.BadParameter.__mro__[1]


class _Root(typer.core.TyperGroup):
    """All commands; where a registry stands in the wrong place, says where it belongs."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            from registry.locating.hints import named_wrongly

            head, _, extra = error.message.rpartition("(")
            words = extra.removesuffix(")")
            hint = named_wrongly([words, *words.split()]) if _EXTRA_ARGUMENT in head else ""
            error.message += f". {hint}" if hint else ""
            error.message = error.message.removeprefix("Value error, ")  # Pydantic's words
            raise


def make_app(*wanted: str | None) -> typer.Typer:
    """The application with these commands loaded and the others only named.

    ``opsteps --help`` loads no room, which keeps it quick.
    """
    app = typer.Typer(
        cls=_Root,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, command in COMMANDS.items():
        is_wanted = name in wanted and bool(command.module)
        loaded = _load(command) if is_wanted else _not_loaded
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name, help=command.summary)
        else:
            app.command(name, help=None if is_wanted else command.summary)(loaded)
    return app


def whole_app() -> Any:
    """Every command with its options, as Click sees them; this loads all rooms."""
    return typer.main.get_command(make_app(*COMMANDS))


def _load(command: Command) -> Callable[..., Any] | typer.Typer:
    """The function of a command, or the application of a group of commands."""
    loaded: Callable[..., Any] | typer.Typer = getattr(
        importlib.import_module(command.module), command.function
    )
    return loaded


def _not_loaded() -> None:
    """Stand for a command in the list of commands."""


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"opsteps {registry.__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    *,
    version: bool = typer.Option(
        False, "--version", help="Show the version and end.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Publish, find, serve and install libraries of automation steps, kept in Git."""
    del version  # its callback has answered already
    context.obj = whole_app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error becomes one message and its own exit code."""
    given = _spelled_out(sys.argv[1:] if arguments is None else arguments)
    wanted = next((text for text in given if not text.startswith("-")), None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file's name need not be text
            stream.reconfigure(errors="backslashreplace")
    try:
        make_app(wanted)(given, prog_name="opsteps")
    except SystemExit as error:
        sys.exit(_last_words(error, given))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(_reader_left())
    except Exception as error:
        if _DEBUG in os.environ and not isinstance(error, ReportedError):
            raise
        sys.exit(_reported(error, given))


def _reported(error: Exception, given: Sequence[str]) -> int:
    """Say what went wrong; what nobody expected is one line, and a traceback on request."""
    if isinstance(error, OSError):
        error = file_system_error(error)
    if not isinstance(error, ReportedError):
        reason = " ".join(ascii(str(error))[1:-1].split())[:200]
        typer.echo(f"opsteps: a bug in opsteps: {type(error).__name__}: {reason}", err=True)
        typer.echo(f"  Report it, with what {_DEBUG}=1 in front of the command prints", err=True)
        return _BUG
    _tell(error, given)
    return error.exit_code


def _last_words(end: SystemExit, given: Sequence[str]) -> int | str | None:
    """The exit code of a command that ended, once all that it printed is out."""
    if isinstance(end.__context__, BrokenPipeError):  # noticed by who printed
        return _reader_left()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except OSError as error:  # a full disk below a redirection
        _silence()
        return _reported(error, given)
    return end.code


def _reader_left() -> int:
    """Who read our output wants no more, such as ``head``: nothing is wrong, and nothing said."""
    _silence()
    return _READER_LEFT


def _silence() -> None:
    """Whatever is still to be flushed at the end goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spelled_out(given: Sequence[str]) -> list[str]:
    """``help`` and ``version`` as the options that they stand for."""
    match list(given):
        case ["help", ("-h" | "--help"), *_]:
            return ["--help"]
        case ["help", *command]:
            return [*command, "--help"]
        case ["version"]:
            return ["--version"]
        case other:
            return other


def _tell(error: ReportedError, given: Sequence[str]) -> None:
    """What is wrong on the first line, what to do on the next; all of it printable."""
    from registry.errors import InvalidNameError, NotARegistryError, NotFoundError
    from registry.locating.hints import meant_by, named_wrongly, with_registry
    from registry.problems import printable

    is_elsewhere = isinstance(error, (InvalidNameError, NotARegistryError, NotFoundError))
    misplaced = named_wrongly(given) if is_elsewhere else ""
    where = f"{error.where}: " if error.where else ""
    next_step = misplaced or " ".join(
        part for part in (meant_by(error, given), with_registry(error.next_step, given)) if part
    )
    for text, before in ((f"{where}{error.message}", "opsteps: "), (next_step, "  ")):
        if text:
            lines = map(printable, text.splitlines())
            typer.echo(before + "\n  ".join(lines), err=True)


if __name__ == "__main__":
    main()
