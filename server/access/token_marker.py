"""The mark that tokens were made once, outside the rows: when those are gone, nothing opens.

It stands in two places, as the one may go the way of the rows: a file in the registry's state
directory, and a line in the configuration of its Git directory, which no clone has.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import GitError
from registry.files.durable import write_durably
from registry.files.git_config import read_git_config

if TYPE_CHECKING:  # loading takes its time, and 'opsteps serve' only says what is here
    from registry.snapshots.registry import Registry

_FILE = "tokens-exist"
_KEY = "opsteps.tokensexist"
_TEXT = b"Tokens were made for this registry: without the rows nobody may change it.\n"
GONE = "tokens existed, and the rows that held them are gone"
"""The reason why a server takes no change."""
MENDS = (
    "see whether OPSTEPS_DATABASE_URL is as it was; 'opsteps restore FILE DIRECTORY' brings a"
    " backup back, 'opsteps token create' makes a new token, and 'opsteps token reset' goes on"
    " without any"
)
"""The advice on that."""


class TokenMarker:
    """The memory, outside the rows, that tokens were once made for a registry."""

    def __init__(self, registry: Registry) -> None:
        """Nothing is read yet."""
        self._registry = registry
        self._is_noted = False

    @property
    def _file(self) -> Path:
        return self._registry.state_directory / _FILE

    def exists(self) -> bool:
        """True if either place says so; one that cannot be read counts."""
        try:
            self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            config = read_git_config(self._registry.repository.common_dir)
            return bool(config.get(_KEY))
        except OSError:
            return True
        return True

    def note(self) -> None:
        """Write it down, tried once; raises OSError where not even the file can be written."""
        if self._is_noted:
            return
        self._is_noted = True
        if not self._file.exists():
            self._file.parent.mkdir(exist_ok=True)
            write_durably(self._file, _TEXT)
        if not read_git_config(self._registry.repository.common_dir).get(_KEY):
            # Where a person's Git holds it just now, or it can only be read, the file is enough.
            with suppress(GitError):
                self._registry.repository.run("config", _KEY, "true")

    def forget(self) -> None:
        """A person says that there are none, and need be none. Raises GitError, OSError."""
        self._file.unlink(missing_ok=True)
        if read_git_config(self._registry.repository.common_dir).get(_KEY):
            self._registry.repository.run("config", "--unset-all", _KEY)
        self._is_noted = False


def put_aside(path: Path, state_directory: Path, name: str) -> Path:
    """Move a file that cannot be read to where nobody looks for it; returns the new place."""
    directory = state_directory / "repaired"
    directory.mkdir(exist_ok=True)
    target = directory / name
    for suffix in ("", "-wal", "-shm"):
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            os.replace(beside, f"{target}{suffix}")  # noqa: PTH105 - as the names are made
    return target
