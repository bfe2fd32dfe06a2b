"""Other users' repositories that this user reads: ``safe.directory``, as set.

Git reads that setting from the user's own configuration only, which every other command of ours is
deaf to. The setting alone is handed on, in a file that ends with this process.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_SCOPES = frozenset({"system", "global", "command"})
# The repository's own configuration is not asked, whatever directory this runs in.
_NOWHERE = {"GIT_DIR": os.devnull, "LC_ALL": "C"}


def safe_directories() -> dict[str, str]:
    """The environment by which a Git command learns what the user said; empty if they said nothing.

    Asked once a process.
    """
    path = _file()
    return {} if path is None else {"GIT_CONFIG_GLOBAL": str(path)}


@cache
def _file() -> Path | None:
    said = _said()
    if not said:
        return None
    handle, name = tempfile.mkstemp(prefix="opsteps-safe-directories-")
    atexit.register(_remove, Path(name), os.getpid())
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("[safe]\n")
        file.writelines(f"\tdirectory = {_quoted(directory)}\n" for directory in said)
    return Path(name)


def _said() -> list[str]:
    """The values in their order: an empty one takes back those before it."""
    settings = {key: value for key, value in os.environ.items() if key.startswith("GIT_CONFIG")}
    others = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ("git", "config", "--null", "--show-scope", "--type=path", "--get-all")
    try:
        done = subprocess.run(
            [*command, "safe.directory"],
            env={**others, **settings, **_NOWHERE},
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return []
    fields = done.stdout.decode(errors="surrogateescape").split("\0")
    return [
        value for scope, value in zip(fields[::2], fields[1::2], strict=False) if scope in _SCOPES
    ]


def _quoted(value: str) -> str:
    """A value as Git's configuration writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _remove(path: Path, maker: int) -> None:
    """At the end of the process that made it: a forked one may end before the others."""
    if os.getpid() == maker:
        path.unlink(missing_ok=True)
