"""Commands that write: the registry opened, who acts, and what follows afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from registry.commands.acting import make_actor
from registry.errors import GitError
from registry.files.os_errors import file_system_error
from registry.locating.hints import command_line
from registry.problems import printable
from registry.remotes.release_branch import standing
from registry.snapshots.instance_names import DEFAULT_INSTANCE, require_instance
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.trust.served_head import read_served_head

# A server folds them at a quarter of it.
_MANY_PACKS = 200


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


@contextmanager
def writing(
    registry: Path,
    actor: str | None,
    request: str | None,
    key: Path | None,
    remote: str | None,
    *,
    instance: str | None = None,
    new_instance: bool = False,
    follow: Callable[[Registry], None] | None = let_follow_here,
) -> Iterator[tuple[Registry, Actor]]:
    """Open a registry for a change; afterwards the working tree follows, if all went well.

    Give the registry, and the actor that the change is recorded for. ``instance`` is one whose
    libraries change; its name must be known unless it is new. ``follow`` is how the working tree
    follows; None where nothing is written, or where the command has it follow by itself. Raises
    SigningError for a bad key.
    """
    by = make_actor(actor, request, key, at=registry)
    with Registry.open(registry, instance=instance or DEFAULT_INSTANCE, remote=remote) as opened:
        if instance is not None:
            require_instance(opened, is_new=new_instance)
        yield opened, by
        if follow is not None:
            follow(opened)


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
