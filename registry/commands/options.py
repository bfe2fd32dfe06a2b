"""The options that commands share, and what they stand for."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.errors import NotARegistryError
from registry.git.identity import git_identity
from registry.locating.location import choose_registry
from registry.problems import Problem, printable
from registry.transactions.transaction import Actor

if TYPE_CHECKING:  # cryptography takes its time to load, and few commands sign
    from registry.signing.private_keys import PrivateKey


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
_HERE = Path()


def whole_registry(argument: Path | None, option: Path | None) -> Path:
    """The registry that a command is about, however it was named.

    Raises NotARegistryError where it was not named and none is around here.
    """
    if argument is not None and option is not None:
        raise typer.BadParameter("name the registry once: as an argument, or with --registry")
    return choose_registry(argument if argument is not None else option)


def actor_or_user(actor: str | None) -> str:
    """Return the name that an operation is recorded under."""
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def make_actor(
    actor: str | None,
    request: str | None = None,
    key: Path | None = None,
    *,
    at: Path = _HERE,
) -> Actor:
    """Return the actor that an operation is recorded for; raises SigningError for a bad key.

    The one who is named, else whom Git knows at the registry ``at``, else the user of the machine:
    then a line on standard error says so.
    """
    author = git_identity(at)
    name = actor or author.name or _nobody_named()
    private = read_key(key) if key is not None else None
    if request is None:
        return Actor(name=name, key=private, author=author)
    return Actor(name=name, request=request, key=private, author=author)


def _nobody_named() -> str:
    """The user of the machine, who need not be the name that a library's owner has at a Git host.

    Said on standard error: what is recorded stays so.
    """
    name = actor_or_user(None)
    said = f"nobody is named: what is committed is by {name}; set 'git config user.name', or give"
    typer.echo(printable(f"{said} --actor"), err=True)
    return name


def read_key(path: Path) -> PrivateKey:
    """A private key; its passphrase is in OPSTEPS_KEY_PASSPHRASE. Raises SigningError."""
    from registry.signing.private_keys import read_private_key

    return read_private_key(path, os.environ.get("OPSTEPS_KEY_PASSPHRASE"))


def tell(problem: Problem) -> None:
    """Say a problem that stops nothing."""
    typer.echo(str(problem), err=True)
