"""The name that a command records its operation under, and the key that attests it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.git.identity import git_identity
from registry.problems import printable
from registry.transactions.transaction import Actor

if TYPE_CHECKING:  # cryptography takes its time to load, and few commands sign
    from registry.signing.private_keys import PrivateKey

_HERE = Path()


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
