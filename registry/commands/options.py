"""The options that commands share, and what they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.errors import NotARegistryError
from registry.locating.location import choose_registry
from registry.problems import Problem


def _named(context: typer.Context, value: Path) -> Path:
    """Return the option's value; where it was left out, the registry that is found."""
    if context.resilient_parsing:
        return value
    source = context.get_parameter_source("registry")
    return choose_registry(None if source is not None and source.name == "DEFAULT" else value)


def _near(context: typer.Context, value: Path) -> Path:
    """As `_named`, for a command that needs no registry: then this directory."""
    try:
        return _named(context, value)
    except NotARegistryError:
        return value


_REGISTRY_HELP = (
    "The registry's directory; else OPSTEPS_REGISTRY, else the one found from here upwards."
)
RegistryOption = Annotated[
    Path,
    typer.Option("--registry", "-r", help=_REGISTRY_HELP, show_default=False, callback=_named),
]
NearRegistryOption = Annotated[
    Path,
    typer.Option("--registry", "-r", help=_REGISTRY_HELP, show_default=False, callback=_near),
]
# For commands about a whole registry: they take it as an argument too, see `whole_registry`.
NamedRegistryOption = Annotated[
    Path | None, typer.Option("--registry", "-r", help=_REGISTRY_HELP, show_default=False)
]
RegistryArgument = Annotated[
    Path | None, typer.Argument(metavar="REGISTRY", help="As --registry.", show_default=False)
]
ActorOption = Annotated[
    str | None, typer.Option(help="The account that does this; Git's user.name when left out.")
]
RequestOption = Annotated[
    str | None, typer.Option("--request", help="An id for what asked for this, kept in the log.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        envvar="OPSTEPS_KEY",
        help="An instance's or CI's private key: it attests the operation.",
    ),
]
RemoteOption = Annotated[
    str | None,
    typer.Option(
        "--remote", envvar="OPSTEPS_REMOTE", help="A Git remote whose refs move first, with ours."
    ),
]
NewInstanceOption = Annotated[
    bool,
    typer.Option(
        "--new-instance", help="The instance is a new one: nothing is switched off in it yet."
    ),
]
AdministratorsOption = Annotated[
    Path | None,
    typer.Option(
        "--administrators",
        envvar="OPSTEPS_ADMINISTRATORS",
        help="OpenSSH public keys, in a file outside the registry: who may sign registry.yaml.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def whole_registry(argument: Path | None, option: Path | None) -> Path:
    """The registry that a command is about, however it was named.

    Raises NotARegistryError where it was not named and none is around here.
    """
    if argument is not None and option is not None:
        raise typer.BadParameter("name the registry once: as an argument, or with --registry")
    return choose_registry(argument if argument is not None else option)


def tell(problem: Problem) -> None:
    """Say a problem that stops nothing."""
    typer.echo(str(problem), err=True)
