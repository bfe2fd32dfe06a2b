"""A person's name as their own Git knows it: the one thing that is read of their configuration.

Everything else that this project asks of Git is deaf to it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 5.0
_CHARACTERS = 200
# Variables that would make Git look at another repository than the one that is named.
_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"})


@dataclass(frozen=True, kw_only=True, slots=True)
class GitIdentity:
    """A name and an address, as Git would write them into a commit; empty where not known."""

    name: str = ""
    email: str = ""


def git_identity(repository: Path) -> GitIdentity:
    """From ``GIT_AUTHOR_*``, else ``user.name`` and ``user.email`` as Git has them there.

    ``repository`` need not be one: then the person's own configuration counts. Never raises.
    """
    said = {key: os.environ.get(f"GIT_AUTHOR_{key.upper()}", "") for key in ("name", "email")}
    if not all(said.values()):
        known = _configured(repository)
        said = {key: said[key] or known.get(f"user.{key}", "") for key in said}
    return GitIdentity(**{key: _plain(text) for key, text in said.items()})


def _configured(repository: Path) -> Mapping[str, str]:
    where = ["-C", str(repository)] if repository.is_dir() else []
    try:
        done = subprocess.run(
            ["git", *where, "config", "-z", "--get-regexp", r"^user\.(name|email)$"],
            env={k: v for k, v in os.environ.items() if k not in _ELSEWHERE},
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = (row.partition("\n") for row in done.stdout.decode(errors="replace").split("\0"))
    # The last one counts: the repository's own comes after the person's.
    return {key: value for key, separator, value in rows if separator}


def _plain(text: str) -> str:
    """One line without what Git gives a meaning."""
    kept = "".join(c for c in " ".join(text.split()) if c.isprintable() and c not in "<>")
    return kept[:_CHARACTERS].strip()
