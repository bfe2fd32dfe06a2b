"""The paths that a release may hold. A path that passes is safe on every file system and in Git."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from registry.limits import Limits
from registry.problems import Problem, Severity

FOLDERS = frozenset({"steps", "executors", "docs", "assets", "tests"})
FILES = frozenset({"manifest.json", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"})
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_FORBIDDEN_SUFFIXES = (".pyc", ".pyo", ".pth", ".so", ".dll", ".pyd")
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}
_FORBIDDEN_CHARACTERS = frozenset('<>:"|?*\\@`$')
# Characters that reorder what a person reads (Unicode UAX #9), or cannot be seen.
INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u061c") | frozenset(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)


def path_problems(
    paths: Iterable[str], limits: Limits, *, strict: bool = False
) -> Iterator[Problem]:
    """Each thing that is wrong with these paths, relative to the release.

    ``strict``: files that other programs take for their own are an error.
    """
    listed = list(paths)
    for path in listed:
        wrong = _wrong_path(path, limits)
        if wrong:
            yield _problem(path, wrong)
        top, slash, _ = path.partition("/")
        taken = _taken_by(path)
        if taken:
            yield Problem(
                rule="path-special",
                file=path,
                message=f"{taken}, wherever it comes from",
                expected="another name, if it belongs to the library at all",
                severity=Severity.ERROR if strict else Severity.WARNING,
            )
        elif top not in (FOLDERS if slash else FILES):
            yield Problem(
                rule="path-unexpected",
                file=path,
                message="this place is not part of a library's layout",
                expected=f"use one of the folders {', '.join(sorted(FOLDERS))}",
                severity=Severity.WARNING,
            )
    yield from _collisions(listed)


def _taken_by(path: str) -> str:
    """Return the program that takes a file of this name for its own; empty when there is none."""
    lower = path.casefold()
    top, _, below = lower.partition("/")
    name = below if top == "executors" else lower
    if name in {"sitecustomize.py", "usercustomize.py"}:
        return "Python runs a file of this name at its start"
    if name == "conftest.py":
        return "pytest runs a file of this name beside what it tests"
    if lower in {"library.yaml", "registry.yaml"} or (below and top in {"instances", "libraries"}):
        return "a registry keeps its own facts under this name"
    return ""


def _collisions(paths: list[str]) -> Iterator[Problem]:
    """Files and folders that are one and the same where case or Unicode forms do not count."""
    files = set(paths)
    spelled: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            prefix = "/".join(parts[:end])
            key = unicodedata.normalize("NFKC", prefix).casefold()
            if spelled.setdefault(key, prefix) != prefix:
                yield _problem(path, f"it collides with {spelled[key]!r} where case does not count")
                break
            if end < len(parts) and prefix in files:
                yield _problem(path, f"{prefix!r} is a file and a folder")
                break


def _wrong_path(path: str, limits: Limits) -> str:
    parts = path.split("/")
    if len(path.encode(errors="replace")) > limits.path_bytes:
        return f"the path is longer than {limits.path_bytes} bytes"
    if len(parts) - 1 > limits.path_depth:
        return f"the path is deeper than {limits.path_depth} directories"
    if unicodedata.normalize("NFC", path) != path:
        return "the path is not in Unicode form NFC"
    if path.endswith(_FORBIDDEN_SUFFIXES):
        return "byte code, path files and native libraries are not allowed"
    return next((wrong for wrong in map(wrong_part, parts) if wrong), "")


def wrong_part(part: str) -> str:  # noqa: PLR0911 - one return for each rule
    """Say why a file or folder may not have this name; empty when it may."""
    if not part:
        return "a part of the path is empty"
    if part in {".", ".."}:
        return f"{part!r} is not allowed in a path"
    if any(not c.isprintable() or c in INVISIBLE for c in part):
        return "the path has a character that cannot be seen"
    if _FORBIDDEN_CHARACTERS.intersection(part):
        return f"the path has one of {' '.join(sorted(_FORBIDDEN_CHARACTERS))}"
    if part.startswith("-"):
        return "a part of the path begins with a hyphen"
    if part.endswith((".", " ")) or part.startswith(" "):
        return "a part of the path ends in a dot or has a space at an end"
    lower = unicodedata.normalize("NFKC", part).casefold()
    if lower.startswith((".git", "git~")):
        return "names that begin with .git are Git's own"
    if lower.partition(".")[0] in _DEVICES:
        return f"{part!r} is a device on Windows"
    return ""


def _problem(path: str, message: str) -> Problem:
    return Problem(
        rule="path",
        file=path,
        message=message,
        expected="use letters, digits, '.', '-' and '_', in few folders",
    )
