"""Say in a line how the files of one version differ from those that it was released with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.errors import ConflictError, LimitError
from registry.library.release_tag import tag_name
from registry.names import LibraryName, ObjectId
from registry.problems import printable
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import read_files
from registry.versions import Version

# Files that are named of each kind; the others are counted.
_NAMED = 3
_NAME_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentDifference:
    """The paths that are not the same before and after."""

    line_ends: tuple[str, ...]
    """Other line ends, and nothing else."""
    changed: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def is_line_ends_only(self) -> bool:
        """True if an editor or Git's own settings made all of it."""
        return bool(self.line_ends) and not (self.changed or self.added or self.gone)

    def __str__(self) -> str:
        """``changed: steps/a.json; new: docs/b.md and 2 more``."""
        kinds = (
            ("only the line ends differ in", self.line_ends),
            ("changed:", self.changed),
            ("new:", self.added),
            ("gone:", self.gone),
        )
        said = [f"{what} {_named(paths)}" for what, paths in kinds if paths]
        return "; ".join(said) or "only the executable bits differ"


def difference(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> ContentDifference:
    """Compare the files of two releases."""
    both = sorted(path for path in before.keys() & after.keys() if before[path] != after[path])
    ends = {path for path in both if _one_end(before[path]) == _one_end(after[path])}
    return ContentDifference(
        line_ends=tuple(path for path in both if path in ends),
        changed=tuple(path for path in both if path not in ends),
        added=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
    )


def _one_end(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _named(paths: Iterable[str]) -> str:
    listed = list(paths)
    shown = ", ".join(printable(path[:_NAME_CHARACTERS]) for path in listed[:_NAMED])
    return f"{shown} and {len(listed) - _NAMED} more" if len(listed) > _NAMED else shown


def released_files(
    registry: Registry, name: LibraryName, version: Version, tree: ObjectId | None = None
) -> Mapping[str, bytes] | None:
    """The files of a tree, or those that a version's tag names; None where they cannot be read."""
    if tree is None:
        tag = f"refs/tags/{tag_name(name, version)}"
        found = registry.repository.object(f"{tag}^{{commit}}:libraries/{name}/{version}")
        if found is None or found.type != "tree":
            return None
        tree = found.object_id
    try:
        return read_files(registry.repository, tree, limits=registry.limits)
    except LimitError:
        return None


def other_content(
    said: str,
    before: Mapping[str, bytes] | None,
    after: Mapping[str, bytes],
    *,
    next_step: str = "A release never changes: give the new content a new version",
) -> ConflictError:
    """The error for a version that has other content; ``before`` is None where nobody knows it."""
    if before is None:
        return ConflictError(f"{said} with other content", next_step=next_step)
    found = difference(before, after)
    if found.is_line_ends_only:
        example = found.line_ends[0]
        here = "CRLF" if after[example].count(b"\r\n") > before[example].count(b"\r\n") else "LF"
        next_step = (
            f"The files here have {here}, those of the release have not. Bring them back as they "
            "were (Git changes them by core.autocrlf), or give the new content a new version"
        )
    return ConflictError(f"{said} with other content: {found}", next_step=next_step)
