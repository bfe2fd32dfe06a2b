"""``opsteps token``: create, list, revoke."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from registry.commands import ActorOption, JsonOption, RegistryOption, actor_or_user
from registry.problems import printable
from registry.snapshot import Registry
from registry.tables import Column, show_table
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
_COLUMNS = (
    Column(key="name", whole=True, style="bold"),
    Column(key="scopes"),
    Column(
        key="state", whole=True, styles={"live": "green", "revoked": "red", "expired": "yellow"}
    ),
    Column(key="created_at", title="created", whole=True, is_labelled=True),
    Column(key="created_by", title="by"),
    Column(key="expires_at", title="expires", whole=True, is_labelled=True),
    Column(key="last_used_at", title="last used", whole=True, is_labelled=True),
)
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])\Z")
_LONGEST = timedelta(days=36_500)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Scope(StrEnum):
    """`SCOPES` as choices: a wrong one is answered with all of them."""

    READ = "read"
    EXECUTE = "execute"
    MANAGE = "manage"
    ADMIN = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for: it shows in the audit trail.")],
    scope: Annotated[
        list[Scope],
        typer.Option(help="What it allows; each scope also allows what those before it allow."),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            help="When it expires, such as 30s, 15m, 12h, 90d or 52w from now; never if left out."
        ),
    ] = None,
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token and print it, once: it cannot be shown again. Servers know it in seconds.

    Once there is a token, a server accepts changes only with one, also from its own machine.
    """
    until = datetime.now(UTC) + _duration(expires) if expires is not None else None
    scopes = [one.value for one in scope]
    with _opened(registry, database) as opened:
        is_first = not list_tokens(opened)
        secret = create_token(opened, name, scopes, by=actor_or_user(actor), expires_at=until)
    typer.echo(json.dumps({"name": name, "token": secret}) if as_json else secret)
    typer.echo("  Keep it now: only its hash is stored.", err=True)
    if is_first:
        typer.echo(
            "  This is the first token: from now on the server accepts changes only with a token,"
            " also from programs on its own machine.",
            err=True,
        )


@app.command(name="list")
def list_(
    registry: RegistryOption = _HERE, database: DatabaseOption = "", as_json: JsonOption = False
) -> None:
    """List every token that was ever created, without its secret."""
    with _opened(registry, database) as opened:
        found = list_tokens(opened)
    if as_json:
        typer.echo(json.dumps([_row(token) for token in found], indent=2))
        return
    rows = [[str(cell or "") for cell in _row(token).values()] for token in found]
    show_table(_COLUMNS, rows)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Revoke a token: within seconds no server accepts it. Its name stays taken."""
    with _opened(registry, database) as opened:
        revoke_token(opened, name)
    typer.echo(json.dumps({"name": name}) if as_json else f"Revoked {printable(name)}")


@contextmanager
def _opened(registry: Path, url: str) -> Iterator[Database]:
    with Registry.open(registry, check_clone=False) as opened:
        directory = opened.state_directory
    with Database(database_url(url, directory)) as database:
        yield database


def _duration(text: str) -> timedelta:
    match = _DURATION.match(text)
    if match is None:
        raise TokenError(
            f"{text[:40]!r} is not a duration",
            next_step="Use for example 30s, 15m, 12h, 90d or 52w",
        )
    if int(match[1]) > _LONGEST // _UNITS[match[2]]:
        raise TokenError(
            f"{text} is longer than {_LONGEST.days:,} days",
            next_step="Leave --expires out for a token that never expires",
        )
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
