"""``opsteps token``: create, list, revoke."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from registry.commands.acting import actor_or_user
from registry.commands.options import ActorOption, JsonOption, RegistryOption
from registry.formats.timestamps import format_time
from registry.problems import printable
from registry.snapshots.registry import Registry
from registry.terminal.tables import Column, show_table
from server.access.token_marker import TokenMarker, put_aside
from server.database.engine import Database, DatabaseUrl, database_url
from server.database.errors import DatabaseDamagedError
from server.database.tokens import (
    SCOPES,
    Token,
    TokenError,
    create_token,
    list_tokens,
    revoke_token,
)

app = typer.Typer(
    no_args_is_help=True, help="Bearer tokens of the server: create, list, revoke, reset."
)
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="OPSTEPS_DATABASE_URL",
        help="The server's database; a file beside the registry when left out.",
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
    name: Annotated[
        str, typer.Argument(help="A name that says its purpose: it shows in the audit trail.")
    ],
    scope: Annotated[
        list[Scope],
        typer.Option(help="Its scope; each one also allows what those before it allow."),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            help="Its lifetime, such as 30s, 15m, 12h, 90d or 52w; without end if left out."
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
    with _registry(registry) as place, Database(_url(place, database)) as opened:
        is_first = not list_tokens(opened)
        secret = create_token(opened, name, scopes, by=actor_or_user(actor), expires_at=until)
        TokenMarker(place).note()
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


@app.command()
def reset(
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it: from then on nobody needs a token.")
    ] = False,
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go on without tokens, after the rows that held them were lost, or are damaged.

    From then on the server accepts changes from its own machine without a token, until one is
    created. A damaged file of rows is put aside. Where there are tokens, they stay: revoke them.
    """
    with _registry(registry) as place:
        url = _url(place, database)
        damaged = _damaged(url)
        if not yes:
            raise TokenError(
                "the server would accept changes from its own machine without a token again",
                next_step="If that is meant, say it with 'opsteps token reset --yes'",
            )
        aside = _put_aside(damaged, place) if damaged is not None else None
        TokenMarker(place).forget()
    if as_json:
        typer.echo(json.dumps({"put_aside": str(aside) if aside else None}))
        return
    if aside is not None:
        typer.echo(printable(f"Put the damaged rows aside: {aside}"))
    typer.echo("No token is needed any more, until one is created")


def _damaged(url: DatabaseUrl) -> Path | None:
    """The file of rows that cannot be read; raises TokenError where there are tokens."""
    with Database(url) as opened:
        try:
            found = list_tokens(opened)
        except DatabaseDamagedError:
            return Path(str(url.database))
    if found:
        raise TokenError(
            f"there are tokens: {len(found):,}",
            next_step="They are not lost; see them with 'opsteps token list'",
        )
    return None


def _put_aside(path: Path, place: Registry) -> Path:
    name = f"{path.name}.{time.time_ns()}"
    return put_aside(path, place.state_directory, name)


def _registry(path: Path) -> Registry:
    return Registry.open(path, check_clone=False)


def _url(registry: Registry, url: str) -> DatabaseUrl:
    return database_url(url, registry.state_directory)


@contextmanager
def _opened(registry: Path, url: str) -> Iterator[Database]:
    with _registry(registry) as opened, Database(_url(opened, url)) as database:
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
    return format_time(moment) if moment is not None else None
