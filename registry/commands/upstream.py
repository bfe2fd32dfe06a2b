"""``opsteps upstream``: add, list, update, available, trust, remove."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
)
from registry.commands.upstream_options import HostOption, InstanceOption, host_of
from registry.commands.writing import let_follow, writing
from registry.errors import RegistryError
from registry.formats.model import SIGNATURE_FILE
from registry.installing.installer import Installer
from registry.locating.hints import command_line
from registry.names import CommitId
from registry.problems import printable, printable_json
from registry.snapshots.registry import Registry
from registry.terminal.fetch_bar import fetch_bar
from registry.terminal.tables import Column, show_table
from registry.upstreams.address import parse_address
from registry.upstreams.declaration import Upstream, parse_alias, parse_prefix
from registry.upstreams.declaration_edit import add_upstream, remove_upstream, trust_upstream
from registry.upstreams.fetched import FetchState, Upstreams
from registry.upstreams.offers import Offer, OfferStatus, described, offers
from registry.words.counting import counted

app = typer.Typer(no_args_is_help=True, help="Other registries that libraries come from.")
AliasArgument = Annotated[str, typer.Argument(help="The upstream's name here.")]
_HERE = Path()
_UPSTREAM_COLUMNS = (
    Column(key="upstream", whole=True, style="bold"),
    Column(key="head", whole=True, style="dim"),
    Column(key="fetched", whole=True),
    Column(key="names"),
    Column(key="address"),
    Column(key="problem", style="red"),
)
_OFFER_COLUMNS = (
    Column(key="library", whole=True, style="bold"),
    Column(key="version", whole=True),
    Column(key="upstream", whole=True),
    Column(key="status", whole=True),
    Column(key="note", title=""),
)


@app.command()
def add(
    alias: AliasArgument,
    url: Annotated[str, typer.Argument(help="Its Git repository: https, ssh or file.")],
    prefix: Annotated[
        list[str] | None,
        typer.Option(help="It gives only names under this one, and owns them; repeat for more."),
    ] = None,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private", help="It may be on this machine or in a private network."),
    ] = False,
    trusted: Annotated[
        str | None, typer.Option(help="A commit its history must have; its head when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Declare an upstream, once it could be fetched. Where it is now must be in its history later.

    A private one over https takes its access token from OPSTEPS_UPSTREAM_<ALIAS>_TOKEN.
    """
    upstream = Upstream(
        alias=parse_alias(alias),
        address=parse_address(url),
        prefixes=tuple(map(parse_prefix, prefix or ())),
        trusted=CommitId(trusted) if trusted is not None else None,
        allow_private=allow_private,
    )
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        upstreams = Upstreams(opened)
        upstreams.declared.refuse_taken(upstream.alias)
        typer.echo(f"Fetching {upstream.address} …", err=True)
        try:
            with fetch_bar() as watch:
                head = upstreams.fetch(upstream, watch=watch)
            upstream = replace(upstream, trusted=upstream.trusted or head)
            add_upstream(opened, upstream, by=by)
        except RegistryError:
            upstreams.remove(upstream.alias)
            raise
        count = len(upstreams.view(upstream).names())
        upstreams.forget_view(upstream)
        _warn_of_signature(opened)
    if as_json:
        typer.echo(json.dumps({"alias": alias, "head": head, "libraries": count}))
        return
    typer.echo(f"Added {alias}: {counted(count, 'library')} at {head[:12]}")
    typer.echo(f"  Next: {command_line('upstream', 'available')}")


@app.command(name="list")
def list_(registry: RegistryOption = _HERE, as_json: JsonOption = False) -> None:
    """List the upstreams: where they are, and when they were fetched."""
    with Registry.open(registry) as opened:
        upstreams = Upstreams(opened)
        rows = [(upstream, upstreams.state(upstream)) for upstream in upstreams]
    if as_json:
        typer.echo(json.dumps([_row(*row) for row in rows], indent=2))
        return
    if not rows:
        adding = command_line("upstream", "add", "ALIAS", "URL")
        typer.echo(f"There are no upstreams yet. Next: {adding}", err=True)
        return
    shown = [
        (
            upstream.alias,
            (state.head or "")[:12],
            state.fetched_at or "never",
            ", ".join(f"{prefix}-…" for prefix in upstream.prefixes) or "all",
            upstream.address.url,
            state.problem,
        )
        for upstream, state in rows
    ]
    show_table(_UPSTREAM_COLUMNS, shown)


@app.command()
def update(
    aliases: Annotated[
        list[str] | None, typer.Argument(help="Their names; all when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    as_json: JsonOption = False,
) -> None:
    """Fetch what upstreams have now; nothing is installed. Ends with 6 when one cannot be had."""
    with Registry.open(registry) as opened:
        upstreams = Upstreams(opened)
        chosen = [upstreams.declared.get(alias) for alias in aliases or ()] or list(upstreams)
        failed: list[RegistryError] = []
        for upstream in chosen:
            typer.echo(f"Fetching {upstream.alias} …", err=True)
            try:
                with fetch_bar() as watch:
                    head = upstreams.fetch(upstream, watch=watch)
            except RegistryError as error:
                failed.append(error)
                typer.echo(printable(str(error)), err=True)
            else:
                if not as_json:
                    typer.echo(f"{upstream.alias} is at {head[:12]}")
        if as_json:
            rows = [_row(upstream, upstreams.state(upstream)) for upstream in chosen]
            typer.echo(json.dumps(rows, indent=2))
    if failed:
        raise typer.Exit(failed[0].exit_code)


@app.command()
def available(
    status: Annotated[OfferStatus | None, typer.Option(help="Only those.")] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    host: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what upstreams offer, as it was when they were fetched, beside what is installed."""
    with Registry.open(registry, instance=instance) as opened:
        upstreams = Upstreams(opened)
        here = Installer(opened).view()
        found = offers(here, upstreams, host=host_of(host))
        shown = [one for one in found if status is None or one.status is status]
        told = described(upstreams, shown)
        upstreams.close()
    if as_json:
        offered = json.dumps([offer_data(one) for one in told], indent=2, ensure_ascii=False)
        typer.echo(printable_json(offered))
        return
    show_table(_OFFER_COLUMNS, list(map(_offer_row, told)))


@app.command()
def trust(
    alias: AliasArgument,
    commit: Annotated[str, typer.Argument(help="A commit that its history must have.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept another history of an upstream, such as after it was rewritten on purpose."""
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        upstreams = Upstreams(opened)
        upstream = upstreams.declared.get(alias)
        whole = upstreams.fetched_commit(upstream, commit)
        with fetch_bar() as watch:
            head = upstreams.fetch(replace(upstream, trusted=whole), watch=watch)
        trust_upstream(opened, upstream.alias, whole, by=by)
        _warn_of_signature(opened)
    if as_json:
        typer.echo(json.dumps({"alias": alias, "trusted": whole, "head": head}))
        return
    typer.echo(f"{alias} is trusted from {whole[:12]} on, and is at {head[:12]}")


@app.command()
def remove(
    alias: AliasArgument,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove an upstream; what was installed from it stays as it is."""
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        name = parse_alias(alias)
        remove_upstream(opened, name, by=by)
        Upstreams(opened).remove(name)
        _warn_of_signature(opened)
    typer.echo(json.dumps({"alias": alias}) if as_json else f"Removed {alias}")


def _offer_row(one: Offer) -> tuple[str, ...]:
    is_update = one.status is OfferStatus.UPDATE
    note = f"from {one.installed}" if is_update else one.why or one.display_name
    return one.name, str(one.version), one.upstream, str(one.status.value), note


def offer_data(offer: Offer) -> dict[str, Any]:
    """An offer as JSON."""
    return {
        "name": offer.name,
        "upstream": offer.upstream,
        "version": str(offer.version),
        "installed": str(offer.installed) if offer.installed is not None else None,
        "status": offer.status,
        "why": offer.why,
        "display_name": offer.display_name,
        "description": offer.description,
    }


def _row(upstream: Upstream, state: FetchState) -> dict[str, Any]:
    return {
        "alias": upstream.alias,
        "url": upstream.address.url,
        "prefixes": list(upstream.prefixes),
        "trusted": upstream.trusted,
        "allow_private": upstream.allow_private,
        "head": state.head,
        "fetched_at": state.fetched_at,
        "problem": state.problem,
    }


def _warn_of_signature(registry: Registry) -> None:
    if registry.repository.object(f"HEAD:{SIGNATURE_FILE}") is not None:
        typer.echo(
            f"{SIGNATURE_FILE} signs registry.yaml as it was: an administrator must sign it again",
            err=True,
        )
