"""``opsteps init``, and the options that the commands share."""

from __future__ import annotations

import getpass
import json
import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.errors import GitError, NotARegistryError
from registry.files.os_errors import file_system_error
from registry.formats.model import STRICT
from registry.git.identity import git_identity
from registry.locating.hints import command_line
from registry.locating.location import choose_registry
from registry.problems import Problem, printable
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.files import HostChoice
from registry.publishing.registry_template.published_address import (
    PLACEHOLDER,
    address_of_clone,
    is_loopback,
)
from registry.publishing.registry_template.tool_source import (
    SOURCE_FILE,
    installed_tool,
    parse_tool,
)
from registry.remotes.release_branch import standing
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.trust.served_head import read_served_head

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_HERE = Path()
# A server folds them at a quarter of it.
_MANY_PACKS = 200


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


def tell(problem: Problem) -> None:
    """Say a problem that stops nothing."""
    typer.echo(str(problem), err=True)


def let_follow(registry: Registry) -> None:
    """After an operation: the working tree follows, and what it leaves alone is named.

    What keeps it from following, such as a full disk or another Git, does not undo the operation,
    so the command has not failed: it says what is left.
    """
    try:
        kept = follow_head(registry)
    except (GitError, OSError) as error:
        _tell_left(registry, error)
        return
    for path in kept:
        text = f"{path}: left as it is in the working tree, because it was edited"
        typer.echo(printable(text), err=True)
    _fold_packs(registry)


def let_follow_here(registry: Registry) -> None:
    """As `let_follow`, after what an operator does: it is to hold now, and not after a merge.

    On another branch than the registry's own it does not, and a tag that was made is there for
    everybody; so that is said.
    """
    let_follow(registry)
    where, served = standing(registry), read_served_head(registry)
    if where.is_aside and (served is None or served.branch != registry.branch):
        typer.echo(
            printable(
                f"note: this is the branch {where.branch!r}: what was done holds on it alone, and"
                f" not on {where.default!r} before it is merged into that"
            ),
            err=True,
        )


def _tell_left(registry: Registry, error: GitError | OSError) -> None:
    """The change is there for everybody; only files of this working tree are behind it."""
    told = file_system_error(error) if isinstance(error, OSError) else error
    line = command_line("maintain", registry=registry.path)
    where = f"{told.where}: " if told.where else ""
    typer.echo(
        printable(
            f"The change is made, commit {registry.head()[:12]}; only the working tree is not at it"
            f" yet: {where}{told.message}. It follows with '{line}', or with the next change"
        ),
        err=True,
    )


def _fold_packs(registry: Registry) -> None:
    """Each operation writes a pack. Where no server looks after them, that is done now and then.

    The operation itself is done: what fails here is tried again after the next one.
    """
    from registry.maintenance.maintenance import count_packs, maintain

    if count_packs(registry) < _MANY_PACKS:
        return
    with suppress(GitError, OSError):
        maintain(registry, is_thorough=False)
