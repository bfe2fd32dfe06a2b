"""Limits of what a registry may hold: each a field, with its unit in its name or comment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one library. A test crosses each of them."""

    file_bytes: int = 5 * 1024 * 1024
    """Largest single file of a release."""
    json_bytes: int = 1024 * 1024
    """Largest manifest, step or YAML file."""
    executor_bytes: int = 512 * 1024
    """Largest executor: it is parsed, which takes a hundred times its size in memory."""
    readme_bytes: int = 512 * 1024
    """Largest Markdown document."""
    release_bytes: int = 50 * 1024 * 1024
    """All files of one release together."""
    release_files: int = 2_000
    """Files in one release."""
    path_bytes: int = 240
    """Longest path inside a release, UTF-8."""
    path_depth: int = 12
    """Directories above a file inside a release."""
    nesting_depth: int = 64
    """Levels of arrays and objects in a JSON or YAML document."""
    steps_per_release: int = 500
    """Steps in one release."""
    passed_files: int = 20_000
    """Files of a ZIP that are passed by, such as those of a `.venv`."""
    passed_bytes: int = 100 * 1024 * 1024
    """Limit of what is passed by in a ZIP, unpacked: it is verified, because a ZIP is one whole."""
    archive_entries: int = 30_000
    """Entries of a ZIP, folders and what is passed by included: none is read of one with more."""
    name_chars: int = 1_024
    """Longest name in a ZIP; its library may lie some folders down."""
    archive_bytes: int = 60 * 1024 * 1024
    """A ZIP with a release in it."""
    compression_ratio: int = 200
    """Unpacked bytes for one packed byte in a ZIP."""
    problems_reported: int = 200
    """Problems listed for one release before the rest is only counted."""


DEFAULT_LIMITS = Limits()

BLOB_BYTES = 16 * 1024 * 1024
"""Largest file that is read from Git, far above what a release may hold."""
OBJECT_BYTES = 64 * 1024 * 1024
"""Largest tree, commit or tag that is read from Git: names of a million libraries."""


def shown_size(size: int) -> str:
    """A file's size for a message; what is larger than is read at all is not known exactly."""
    return f"{size:,} bytes" if size <= BLOB_BYTES else f"more than {BLOB_BYTES:,} bytes"
