"""The name of a registry's branch, as workflows, shell commands and pages may hold it."""

from __future__ import annotations

import re

from registry.errors import InvalidNameError
from registry.problems import printable

MAIN = "main"
_CHARACTERS = 200
# A part of what Git allows: nothing that a shell, YAML, Markdown, an expression of a workflow or a
# pattern of its filters gives a meaning. What YAML reads as another kind of value is quoted there.
_PART = r"(?!.*\.lock\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*(?<!\.)"
_NAME = re.compile(_PART)
# Names by which Git or a Git host means something else; the last is where heads are signed.
_TAKEN = re.compile(
    r"(?:HEAD|refs|[0-9a-f]{40}|[0-9a-f]{64}|opsteps-head)(?:/.*)?\Z", re.IGNORECASE
)


def parse_branch(text: str) -> str:
    """A branch that a registry can be kept on; raises InvalidNameError."""
    parts = text.split("/")
    if (
        len(text) > _CHARACTERS
        or not all(_NAME.fullmatch(part) for part in parts)
        or _TAKEN.match(text)
    ):
        raise InvalidNameError(
            f"the branch {printable(text)[:80]!r} cannot be written into workflows as it is",
            next_step="Name it with letters, digits, '.', '_', '-' and '/', such as 'main'; in an"
            " empty clone 'git symbolic-ref HEAD refs/heads/main' does that",
        )
    return text
