"""``opsteps init``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from registry.commands.acting import make_actor
from registry.commands.options import ActorOption, JsonOption
from registry.formats.model import STRICT
from registry.locating.hints import command_line
from registry.problems import printable
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.files import HostChoice
from registry.publishing.registry_template.published_address import (
    PLACEHOLDER,
    address_of_clone,
    is_loopback,
    repository_of_clone,
)
from registry.publishing.registry_template.tool_source import (
    SOURCE_FILE,
    installed_tool,
    parse_tool,
)
from registry.snapshots.registry import Registry


def init(
    directory: Annotated[Path, typer.Argument(help="The directory to make the registry in.")],
    name: Annotated[
        str, typer.Option(help="A short name: lower-case letters, digits, hyphens.")
    ] = "steps",
    title: Annotated[str, typer.Option(help="The name that people read.")] = "Step libraries",
    url: Annotated[
        str | None,
        typer.Option(
            help="The catalogue's address. Left out in a clone from GitHub or "
            "GitLab, it is the address of that repository's pages."
        ),
    ] = None,
    operator: Annotated[
        list[str] | None,
        typer.Option(help="An account at the Git host that may change all of it; repeat for more."),
    ] = None,
    host: Annotated[
        HostChoice, typer.Option(help="The Git host that gets a workflow.")
    ] = HostChoice.BOTH,
    tool: Annotated[
        str | None,
        typer.Option(
            help="The source of opsteps for workflows: https://HOST/NAME.whl#sha256=HEX, "
            "git+https://HOST/PATH@COMMIT, or NAME==VERSION#sha256=HEX. Left out: the source that "
            "this one was installed from."
        ),
    ] = None,
    tool_index: Annotated[
        str | None, typer.Option(help="The index of your own that NAME==VERSION comes from.")
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            help="Its branch, 'main' when left out. A clone of an empty repository keeps its own.",
            show_default=False,
        ),
    ] = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new registry: policy, workflow, rules for reviews and a pre-commit hook, in Git."""
    source = installed_tool() if tool is None else parse_tool(tool, tool_index)
    published = url or address_of_clone(directory) or PLACEHOLDER
    registry = init_registry(
        directory,
        name=name,
        title=title,
        url=published,
        repository=repository_of_clone(directory),
        by=make_actor(actor, at=directory),
        operators=tuple(operator or ()),
        hosts=host.hosts,
        hook=True,
        tool=source,
        require=STRICT,
        branch=branch,
    )
    publish = _publish_line(directory, registry)
    head = registry.head()
    registry.close()
    if as_json:
        typer.echo(json.dumps({"name": name, "directory": str(directory), "commit": head}))
        return
    typer.echo(f"Made the registry {name!r} in {printable(str(directory))}")
    if is_loopback(published):
        typer.echo(f"  Its catalogue's address is {published}: before you publish it, write the")
        typer.echo("  real one as url: into registry.yaml.")
    if source is None:
        typer.echo("  Its workflows do not know where to get opsteps: write it into")
        typer.echo(f"  {SOURCE_FILE} there, as the lines in it say.")
    if not operator:
        typer.echo("  Nobody is its operator yet: name them in registry.yaml and CODEOWNERS,")
        typer.echo("  where @OPERATOR stands now.")
    typer.echo("  Next: read README.md there; it says what to set up at the Git host.")
    if publish:
        typer.echo(f"  Publish it: {publish}")
    adding = command_line("add", "my-library", registry=directory)
    typer.echo(f"  Then: opsteps new my-library && {adding}")


def _publish_line(directory: Path, registry: Registry) -> str:
    """The command that sends a new registry to where its clone came from; empty without one."""
    remote = next(iter(registry.repository.config.remotes), "")
    words = ["git", "-C", str(directory), "push", "-u", remote]
    branch = registry.branch.removeprefix("refs/heads/")
    return printable(shlex.join([*words, branch])) if remote else ""
