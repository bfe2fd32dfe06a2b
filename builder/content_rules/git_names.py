"""Names of files that mean something to Git."""

from __future__ import annotations

import unicodedata


def is_git_name(part: str) -> bool:
    """True if some file system takes a name for ``.git``, or it configures Git from below."""
    plain = "".join(c for c in part if unicodedata.category(c) != "Cf")
    lower = unicodedata.normalize("NFKC", plain).casefold().partition(":")[0].rstrip(" .")
    return lower in {".git", ".gitmodules"} or lower.startswith(("git~", "gitmod~"))
