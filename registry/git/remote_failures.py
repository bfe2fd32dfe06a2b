"""The reasons why another machine's Git refused or failed, each in words of its own.

To run the command again helps only where another writer was faster, and is advised only there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import ConflictError, GitError, RegistryError
from registry.git.failures import dubious_owner, last_words
from registry.problems import printable

_REJECTED = re.compile(r"^ ! \[(?:remote )?rejected\] +\S* *-> (\S+) \((.*)\)$", re.MULTILINE)
_SAID_BY_REMOTE = re.compile(r"^remote: *(?:error: *)?(\S.*?) *$", re.MULTILINE)
_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reason:
    """A way to fail: what Git says then, what that means, and what helps."""

    pattern: re.Pattern[str]
    message: str
    next_step: str
    kind: type[RegistryError] = GitError


def _reason(
    pattern: str, message: str, next_step: str, kind: type[RegistryError] = GitError
) -> _Reason:
    return _Reason(
        pattern=re.compile(pattern, re.IGNORECASE), message=message, next_step=next_step, kind=kind
    )


# The first that fits counts.
_REASONS = (
    _reason(
        r"mismatched algorithms|unsupported object[ -]format|unknown object format",
        "its objects are named by SHA-256, which is not supported",
        "Use a repository whose objects are named by SHA-1: 'git init --object-format=sha1'",
    ),
    _reason(
        r"protected (?:branch|tag|ref)|GH006|GH013|rule violations|protected branch hook",
        "it protects this branch or tag, and declined",
        "Open a pull request instead, or let the user who runs this pass the rule at the Git host",
        ConflictError,
    ),
    _reason(
        r"hook declined",
        "a hook of it declined",
        "Ask those who run it for the reason; the same change will be declined again",
        ConflictError,
    ),
    _reason(
        r"branch is currently checked out|refusing to update checked out branch",
        "it has this branch checked out, so nobody else may move it",
        "Push to a bare repository: 'git clone --bare', or 'git init --bare'",
        ConflictError,
    ),
    _reason(
        r"could not resolve host|connection refused|connection timed out|network is unreachable"
        r"|no route to host|unable to connect|failed to connect|could not connect"
        r"|connection reset|name or service not known|temporary failure in name resolution",
        "it cannot be reached",
        "See that its address is right ('git remote -v') and that the network is up",
    ),
    _reason(
        r"permission denied \((?:publickey|password|keyboard|gssapi)|authentication failed"
        r"|could not read (?:username|password)|terminal prompts disabled|error: 401"
        r"|host key verification failed|invalid (?:username|credentials)",
        "it does not let us in without a key or a password",
        "Give this user an SSH key that it knows: opsteps asks for no password, and starts no"
        " credential helper",
    ),
    _reason(
        r"error: 403|denied to |insufficient permission|permission denied|operation not permitted"
        r"|unable to create temporary object directory|not allowed to push|read-only",
        "it does not let this user write",
        "Ask its owner for the right to push; nothing was changed",
    ),
    _reason(
        r"no space left|disk quota exceeded",
        "it has no room left",
        "Tell those who run it; nothing was changed",
    ),
    _reason(
        r"does not appear to be a git repository|repository .* (?:not found|does not exist)"
        r"|no such (?:remote|file)|error: 404|not a git repository",
        "there is no repository at its address",
        "See its address with 'git remote -v', and correct it with 'git remote set-url'",
    ),
)


def remote_failure(name: str, said: str, *, where: str) -> RegistryError | None:
    """The error for a command ``name`` that another machine's Git failed; None: of another kind.

    A refused push names what was refused, and what the other side said of it.
    """
    owned = dubious_owner(said)
    if owned is not None:
        return owned
    found = next((reason for reason in _REASONS if reason.pattern.search(said)), None)
    if found is None:
        return None
    told = next((line for line in said.splitlines() if found.pattern.search(line)), said)
    message = f"git {name}: {found.message} ({_detail(said, told)})"
    return found.kind(message, where=where, next_step=found.next_step)


def _detail(said: str, told: str) -> str:
    refused = _REJECTED.findall(said)
    if not refused:
        return last_words(told)
    # One that is refused takes the others with it.
    ref, why = next((pair for pair in refused if "atomic" not in pair[1]), refused[0])
    own = _SAID_BY_REMOTE.findall(said)
    text = f"{ref}: {why}" + (f"; it says: {' '.join(own)}" if own else "")
    return printable(text)[:_SHOWN]


def rejected_refs(said: str) -> tuple[str, ...]:
    """The refs that a push could not move, as Git shows them."""
    return tuple(printable(ref) for ref, _ in _REJECTED.findall(said))
