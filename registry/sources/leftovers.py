"""Files in an author's directory that are not part of a library: passed by, not published.

It is the same for a directory and a ZIP of it. What systems and Git leave is passed by in silence;
what builds leave is named, because somebody might have meant to publish it.
"""

from __future__ import annotations

from enum import Enum, auto

from registry.checks.paths import FOLDERS
from registry.checks.secret_names import is_secret_name

# As they are spelled: neither Git nor a person writes `.GIT`; an attacker does.
_SILENT = frozenset(
    {
        ".bzr", ".editorconfig", ".forgejo", ".git", ".gitattributes", ".gitea", ".github",
        ".gitignore", ".gitkeep", ".gitlab", ".gitlab-ci.yml", ".gitmodules", ".hg", ".hgignore",
        ".idea", ".keep", ".mailmap", ".opsteps", ".pre-commit-config.yaml", ".svn", ".vs",
        ".vscode",
    }
)  # fmt: skip
# Systems do not agree about the case of these.
_OF_SYSTEMS = frozenset(
    {
        "$recycle.bin", ".appledouble", ".directory", ".ds_store", ".fseventsd", ".lsoverride",
        ".spotlight-v100", ".temporaryitems", ".trashes", "__macosx", "desktop.ini",
        "ehthumbs.db", "icon\r", "thumbs.db",
    }
)  # fmt: skip
_APPLE_DOUBLE = "._"
_LITTER = frozenset(
    {
        ".cache", ".coverage", ".eggs", ".gradle", ".hypothesis", ".ipynb_checkpoints",
        ".mypy_cache", ".nox", ".parcel-cache", ".pytest_cache", ".ruff_cache", ".terraform",
        ".tox", ".venv", "__pycache__", "__pypackages__", "bower_components", "htmlcov",
        "node_modules", "npm-debug.log", "yarn-error.log",
    }
)  # fmt: skip
_LITTER_BESIDE = frozenset({"venv"})  # in a folder of the layout it may be a page or a test
_LITTER_SUFFIXES = (".egg-info", ".pyc", ".pyo", ".swp", "~")
# Parts that a path of a ZIP may not have wherever it is.
_NOWHERE = frozenset({"", ".", ".."})


class Left(Enum):
    """The reason to pass a file by: left by a system or by Git, or by a build."""

    SILENTLY = auto()
    AS_LITTER = auto()


def passed_by(path: str) -> tuple[str, Left] | None:
    """The first folder or file of a path that is passed by, with why; None when nothing is.

    The path is relative to the library, or to a folder that holds it.
    """
    parts = path.split("/")
    for end, part in enumerate(parts, 1):
        why = _why(part, is_inside=not FOLDERS.isdisjoint(parts[: end - 1]))
        if why is not None and not _leads_elsewhere(parts):
            return "/".join(parts[:end]), why
    return None


def _why(part: str, *, is_inside: bool) -> Left | None:
    lower = part.lower()
    if is_secret_name(part):
        return None
    if part in _SILENT or lower in _OF_SYSTEMS or part.startswith(_APPLE_DOUBLE):
        return Left.SILENTLY
    is_beside = part in _LITTER_BESIDE and not is_inside
    if is_beside or part in _LITTER or part.endswith(_LITTER_SUFFIXES):
        return Left.AS_LITTER
    return None


def _leads_elsewhere(parts: list[str]) -> bool:
    return any(part in _NOWHERE or "\\" in part or "\0" in part or ":" in part for part in parts)
