"""The reasons why a server is ``degraded``, each with what to do about it: ``/health`` says both.

A reason without advice fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """The field of ``/health`` that says what is wrong."""

    PROBLEM = "problem"
    ALARMS = "alarms"
    DIRTY_PATHS = "dirty_paths"
    CATALOGUE = "catalogue"
    DATABASE = "database"
    CLONE = "clone"
    REMOTE = "remote"
    WRITING = "writing"


MENDS: Mapping[Trouble, str] = {
    Trouble.PROBLEM: "see what is wrong with 'opsteps verify' and 'opsteps repair'; a head that was"
    " moved on purpose is accepted with 'opsteps trust HEAD'",
    Trouble.ALARMS: "'opsteps repair' puts right what can be, and says what to do about the rest;"
    " 'opsteps verify' lists all",
    Trouble.DIRTY_PATHS: "where nobody edited these, 'opsteps maintain' lets the working tree"
    " follow; edits are committed with 'git commit', or taken back with 'git restore FILE'",
    Trouble.CATALOGUE: "see why with 'opsteps build --out DIRECTORY'",
    Trouble.DATABASE: "see why with 'opsteps token list'; 'opsteps restore FILE DIRECTORY' brings a"
    " backup back",
    Trouble.CLONE: "fetch what it lacks with 'git fetch --tags', where it is shallow with"
    " 'git fetch --unshallow --tags'",
    Trouble.REMOTE: "do what remote.next_step says; where it says nothing, see why with"
    " 'git fetch REMOTE'",
    Trouble.WRITING: "make room, with 'opsteps maintain' too, or let the server's user write to the"
    " registry; it goes on by itself",
}
"""The advice on each."""


def stray_tags(count: int) -> str:
    """Report tags of libraries that the head does not have, as `verify` does."""
    return (
        f"{count:,} release tags are of libraries that are not at this head: they were fetched and"
        " not merged, or the head went back; 'opsteps repair' names the command"
    )


def next_steps(troubled: Mapping[Trouble, object]) -> list[str]:
    """A line for each that is there."""
    return [f"{trouble}: {MENDS[trouble]}" for trouble, found in troubled.items() if found]
