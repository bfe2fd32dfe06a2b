"""``opsteps release``: release candidates that the registry's rules accept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.releasing import releasable, release_candidate
from registry.commands.acting import read_key
from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
)
from registry.commands.writing import let_follow, writing
from registry.errors import GitError, NotARegistryError, ReportedError
from registry.locating.hints import with_registry
from registry.names import LibraryName, parse_library_name
from registry.problems import printable
from registry.publishing.release import Released
from registry.remotes.release_branch import refuse_aside, standing
from registry.remotes.unsent import missing_tags, unpublished
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, keep_up
from registry.trust.errors import UntrustedHistoryError
from registry.versions import Version, parse_version

if TYPE_CHECKING:  # cryptography takes its time to load, and few releases are signed
    from registry.signing.private_keys import PrivateKey

_HERE = Path()
# What would refuse every other candidate as well.
_OF_ALL = (GitError, NotARegistryError, UntrustedHistoryError)


def release(
    name: Annotated[str | None, typer.Argument(help="The library.")] = None,
    version: Annotated[
        str | None, typer.Argument(help="The version; the greatest candidate when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    every: Annotated[
        bool, typer.Option("--all", help="Release every candidate of every library.")
    ] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="A publisher's private key: it signs the release.")
    ] = None,
    on_this_branch: Annotated[
        bool,
        typer.Option(
            "--on-this-branch", help="Release here, though it is not the registry's main branch."
        ),
    ] = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a candidate: enter its digest into the ledger, and tag it. It is served from then.

    A version below what its changes demand is refused; 'opsteps diff' shows why. --all goes on with
    the others, names what it could not release, and ends with the first of these errors' codes.
    """
    if every == (name is not None):
        raise typer.BadParameter("name a library, or all candidates with --all")
    signer = read_key(sign) if sign is not None else None
    run = _Run(is_quiet=as_json)
    with writing(registry, actor, request, key, remote, follow=None) as (opened, by):
        opened.head()  # without a commit there is no branch to stand on
        refuse_aside(opened, is_meant=on_this_branch)
        if every and remote is not None:
            keep_up(opened)  # what there is to release is the remote's to say
        try:
            if name is None:
                for library, number in releasable(opened):
                    run.attempt(opened, library, number, by=by, signer=signer)
            else:
                wanted = parse_version(version) if version else None
                run.release(opened, parse_library_name(name), wanted, by=by, signer=signer)
        finally:
            let_follow(opened)
        told = [] if as_json else list(_next_lines(opened, run))
    if as_json:
        answers = [_answer(released) for released in run.done]
        all_of_it = {"released": answers, "refused": [refused.data() for refused in run.refused]}
        typer.echo(json.dumps(all_of_it if every else answers[0]))
    for line in told:
        typer.echo(line)
    if run.refused:
        for refused in run.refused:
            refused.show(registry)
        raise typer.Exit(run.refused[0].error.exit_code)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    """A candidate that could not be released, and why."""

    name: LibraryName
    version: Version
    error: ReportedError

    def data(self) -> dict[str, str]:
        return {"name": self.name, "version": str(self.version), "why": str(self.error)}

    def show(self, registry: Path) -> None:
        given = () if registry == _HERE else ("--registry", str(registry))
        said = f"Not released: {self.name} {self.version}: {self.error.message}"
        typer.echo(printable(said), err=True)
        if self.error.next_step:
            typer.echo(f"  {with_registry(self.error.next_step, given)}", err=True)


@dataclass(kw_only=True, slots=True)
class _Run:
    """The releases made so far, and those that could not be made."""

    is_quiet: bool
    done: list[Released] = field(default_factory=list)
    refused: list[_Refused] = field(default_factory=list)

    def attempt(
        self,
        registry: Registry,
        name: LibraryName,
        version: Version,
        *,
        by: Actor,
        signer: PrivateKey | None,
    ) -> None:
        """Release one of many; one that cannot be is in nobody's way."""
        try:
            self.release(registry, name, version, by=by, signer=signer)
        except _OF_ALL:
            raise
        except ReportedError as error:
            self.refused.append(_Refused(name=name, version=version, error=error))

    def release(
        self,
        registry: Registry,
        name: LibraryName,
        version: Version | None,
        *,
        by: Actor,
        signer: PrivateKey | None,
    ) -> None:
        """Release one, and say so at once."""
        self.done.append(release_candidate(registry, name, version, by=by, signer=signer))
        for problem in self.done[-1].problems:
            typer.echo(f"{name}: {problem}", err=True)
        if not self.is_quiet:
            _show(self.done[-1])


def _next_lines(registry: Registry, run: _Run) -> Iterator[str]:
    """Yield the next steps after releasing: what is only here goes to the remote, where one is."""
    if not run.done and not run.refused:
        yield "There is no candidate to release."
    if registry.remote is not None:
        missing = missing_tags(registry) if not run.done else None
        if missing is not None:
            count = len(missing.tags)
            said = "release is" if count == 1 else "releases are"
            yield f"{count:,} {said} not yet on {missing.remote}."
            yield f"  Publish {'it' if count == 1 else 'them'}: {missing.command(registry.path)}"
        return
    found = unpublished(registry) if run.done else None
    if found is None:
        return
    where = standing(registry)
    if where.is_aside:
        said = f"  Publish no tag of it before {where.branch} is merged into {where.default}."
        yield printable(said)
    else:
        yield f"  Publish it: {found.command(registry.path)}"


def _answer(released: Released) -> dict[str, str | None]:
    return {
        "name": released.name,
        "version": str(released.version),
        "tag": released.tag,
        "digest": released.digest,
        "commit": released.commit,
        "signed_by": released.signed_by,
    }


def _show(released: Released) -> None:
    typer.echo(f"Released {released.name} {released.version}")
    typer.echo(f"  tag    {released.tag}")
    typer.echo(f"  digest sha256:{released.digest}")
    if released.signed_by is not None:
        typer.echo(f"  signed by {released.signed_by}")
