"""Advice for clients over HTTP: the registry's errors advise the command line."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"'opsteps ([a-z-]+)((?: [^']*)?)'")
_ANY = re.compile(r"\bopsteps\b")
_HERE = {
    "search": "GET /api/v1/libraries",
    "log": "GET /api/v1/audit",
    "install": "POST /api/v1/libraries/install",
    "add": "POST /api/v1/libraries/install",
}
_OF_LIBRARY = {
    "show": "GET /api/v1/libraries/{}/versions",
    "diff": "GET /api/v1/libraries/{}/diff",
    "update": "POST /api/v1/libraries/{}/update",
    "toggle": "PUT /api/v1/libraries/{}/toggle",
    "uninstall": "DELETE /api/v1/libraries/{}",
    "rollback": "POST /api/v1/libraries/{}/rollback",
}
_OF_UPSTREAMS = {
    "list": "GET /api/v1/upstreams",
    "available": "GET /api/v1/available",
    "update": "POST /api/v1/upstreams/update",
}
# No URL, no relative path, and none of the server's own addresses.
_PATH = re.compile(r"(?<![\w:/.…~-])/(?!api/|health\b|metrics\b)(?:[^\s/'\";,]+/)*([^\s/'\";,:]+)")
_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
_OPERATOR = "Ask the server's operator to look at the registry and this server's log"
_OPERATORS_TAG = (
    "Ask the server's operator to fetch the tag from another clone, or to verify the registry"
)
_OPERATORS = {
    "opsteps upstream": "Ask the server's operator to look at the registry's upstreams",
    "opsteps verify": "Ask the server's operator to verify the registry, which says what is wrong",
}


def for_http(step: str, about: str = "") -> str:
    """A next step in terms of HTTP; where there are none, what the operator does.

    ``about`` is what went wrong.
    """
    said = _COMMAND.sub(_counterpart, step)
    return _of_operator(f"{about} {said}") if _ANY.search(said) else said


def _of_operator(said: str) -> str:
    """Advise on the operator's part, in words: the commands are for those at the registry."""
    if re.search(r"\btags?\b", said):
        return _OPERATORS_TAG
    return next((words for command, words in _OPERATORS.items() if command in said), _OPERATOR)


def plain(message: str) -> str:
    """A message without sentences that name commands."""
    if not _ANY.search(message):
        return message
    said = _COMMAND.sub(_counterpart, message)
    kept = [part for part in re.split(r"(?<=[.;]) ", said) if not _ANY.search(part)]
    return " ".join(kept).rstrip(";") or _of_operator(message)


def without_paths(text: str, *known: str) -> str:
    """A text for everybody: of absolute paths on the server only the last part is left.

    ``known`` are paths that may have blanks in them.
    """
    for path in sorted(known, key=len, reverse=True):
        text = text.replace(path, f"…/{path.rpartition('/')[2]}")
    return _PATH.sub(lambda found: f"…/{found[1]}", text)


def _counterpart(found: re.Match[str]) -> str:
    """The request that does what a command does; the command itself where there is none."""
    command, words = found[1], found[2].split()
    first = words[0] if words else ""
    if command == "upstream" and first in _OF_UPSTREAMS:
        return _OF_UPSTREAMS[first]
    if command in _OF_LIBRARY:
        name = first.partition("@")[0]
        return _OF_LIBRARY[command].format(name if _NAME.match(name) else "{library}")
    return _HERE.get(command, found[0])
