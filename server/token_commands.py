"""``opsteps token``: create, list, revoke."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from registry.commands import ActorOption, JsonOption, RegistryOption, actor_or_user
from registry.problems import printable
from registry.snapshot import Registry
from server.database.engine import Database, database_url
from server.database.tokens import (
    SCOPES,
    Token,
    TokenError,
    create_token,
    list_tokens,
    revoke_token,
)

app = typer.Typer(no_args_is_help=True, help="Bearer tokens of the server: create, list, revoke.")
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="OPSTEPS_DATABASE_URL",
        help="Where the server keeps rows; a file beside the registry when left out.",
    ),
]
_HERE = Path()
_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])\Z")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for: it shows in the audit trail.")],
    scope: Annotated[
        list[str], typer.Option(help=f"{', '.join(SCOPES)}: each allows what those before it do.")
    ],
    expires: Annotated[
        str | None, typer.Option(help="After so long, such as 12h, 90d or 52w; never without.")
    ] = None,
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
    actor: ActorOption = None,
) -> None:
    """Make a token and print it, the only time that it can be seen. A server knows it in seconds.

    With the first token that is made, only those who have one may change anything over HTTP.
    """
    until = datetime.now(UTC) + _duration(expires) if expires is not None else None
    with _opened(registry, database) as opened:
        is_first = not list_tokens(opened)
        secret = create_token(opened, name, scope, by=actor_or_user(actor), expires_at=until)
    typer.echo(secret)
    typer.echo("  Keep it now: only its hash is stored.", err=True)
    if is_first:
        typer.echo(
            "  It is the first: from now on callers on this machine need a token as well.", err=True
        )


@app.command(name="list")
def list_(
    registry: RegistryOption = _HERE, database: DatabaseOption = "", as_json: JsonOption = False
) -> None:
    """List all tokens that were ever made, without what they are."""
    with _opened(registry, database) as opened:
        found = list_tokens(opened)
    if as_json:
        typer.echo(json.dumps([_row(token) for token in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "scopes", "state", "created", "by", "expires", "last used"):
        table.add_column(title, overflow="fold")
    for token in found:
        cells = (str(cell or "") for cell in _row(token).values())
        table.add_row(*(escape(printable(cell)) for cell in cells))
    Console().print(table)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
) -> None:
    """Accept a token no more: within seconds no server does. Its name stays taken."""
    with _opened(registry, database) as opened:
        revoke_token(opened, name)
    typer.echo(f"Revoked {printable(name)}")


@contextmanager
def _opened(registry: Path, url: str) -> Iterator[Database]:
    with Registry.open(registry, check_clone=False) as opened:
        directory = opened.state_directory
    with Database(database_url(url, directory)) as database:
        yield database


def _duration(text: str) -> timedelta:
    match = _DURATION.match(text)
    if match is None:
        raise TokenError(f"{text[:40]!r} is no duration", next_step="Use such as 12h, 90d or 52w")
    return int(match[1]) * _UNITS[match[2]]


def _row(token: Token) -> dict[str, str | None]:
    now = datetime.now(UTC)
    state = "revoked" if token.revoked_at else "live" if token.is_live(now) else "expired"
    return {
        "name": token.name,
        "scopes": ",".join(scope for scope in SCOPES if scope in token.scopes),
        "state": state,
        "created_at": _time(token.created_at),
        "created_by": token.created_by,
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None
