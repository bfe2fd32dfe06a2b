"""Check Git's trees of a candidate's files: no link, no submodule, no executable bit."""

from __future__ import annotations

from collections.abc import Iterator

from builder.content_rules.rule_problems import error
from builder.review.evidence.model import Candidate
from registry.problems import Problem

_EXECUTABLE = b"100755"


def entry_problems(candidate: Candidate) -> Iterator[Problem]:
    """Yield the problems of modes in Git's trees."""
    for path, entry in candidate.entries.items():
        file = f"{candidate.path}/{path}"
        if not entry.is_file:
            message = "it is a symbolic link or a submodule"
            yield error("path", file, message, "put in the file itself")
        elif entry.mode == _EXECUTABLE:
            yield error(
                "file-executable",
                file,
                "the file has an executable bit",
                f"take it off: git update-index --chmod=-x {_quoted(file)}",
            )


def _quoted(file: str) -> str:
    plain = file.replace("/", "").replace(".", "").replace("-", "").replace("_", "")
    return file if plain.isalnum() and plain.isascii() else "FILE"
