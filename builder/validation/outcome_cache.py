"""The findings of validation, kept by Git's ids: what did not change is not checked again.

What is kept is thrown away when the rules change: the version is a hash of the code and schemas
that decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from registry.errors import GitError, NotARegistryError
from registry.files.cache_file import read_derived, write_derived
from registry.files.code_fingerprint import code_fingerprint
from registry.git.repository import GitRepository, Wave
from registry.git.trees import parse_tree
from registry.names import ObjectId
from registry.problems import Problem

_FILE = "validated.json"
_FORMAT = "validated-1"
# Libraries that decide what is valid, or how it is said.
_DECIDING = ("jsonschema", "jsonschema-rs", "packaging", "google-re2", "PyYAML")
_LIBRARY_PARTS = 2
_PLACES = ("registry.yaml", "libraries", "instances")


class ValidationOutcome(msgspec.Struct, frozen=True):
    """The problems of one target, and the id of the tree or blob that they were found in."""

    object_id: str
    problems: tuple[Problem, ...] = ()


class Outcomes:
    """Outcomes of earlier runs, by the paths of targets; and those of this one."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._version = rules_version()
        kept = read_derived(self._path, version=self._version, kind=dict[str, ValidationOutcome])
        self._known: Mapping[str, ValidationOutcome] = kept or {}
        self._now: dict[str, ValidationOutcome] = {}

    def of(self, shown: str, object_id: str | None) -> tuple[Problem, ...] | None:
        """Return what was found at a path when it was this object; None when that is not known."""
        known = self._known.get(shown)
        if known is None or known.object_id != object_id:
            return None
        self._now[shown] = known
        return known.problems

    def keep(self, shown: str, object_id: str | None, problems: tuple[Problem, ...]) -> None:
        """Remember what was found; nothing without an id, or that cannot be written down."""
        if object_id is None:
            return
        outcome = ValidationOutcome(object_id=object_id, problems=problems)
        try:
            msgspec.json.encode({shown: outcome})
        except UnicodeEncodeError:  # a name that is not UTF-8
            return
        self._now[shown] = outcome

    def write(self) -> None:
        """Keep what this run found, and nothing of what is gone."""
        if self._now != self._known:
            write_derived(self._path, self._now, version=self._version)


def rules_version() -> str:
    """Changes whenever a rule may have changed."""
    code = code_fingerprint("registry", "builder")
    state = hashlib.sha256(f"{_FORMAT} {code}".encode())
    for name in _DECIDING:
        state.update(f"{name} {version(name)}\n".encode())
    return state.hexdigest()


def committed_objects(root: Path) -> dict[str, ObjectId]:
    """The ids of the releases and YAML files that are in the working tree as they are at the head.

    By their paths; empty where there is no repository with a commit. Costs a look at the size and
    time of every file, in Git's own process.
    """
    try:
        repository = GitRepository(root)
        if repository.work_tree is None:
            return {}
        try:
            return _committed(repository)
        finally:
            repository.close()
    except (GitError, NotARegistryError):
        return {}


def _committed(repository: GitRepository) -> dict[str, ObjectId]:
    edited = _edited_targets(repository)
    objects = _head_objects(repository)
    return {path: object_id for path, object_id in objects.items() if path not in edited}


def _edited_targets(repository: GitRepository) -> frozenset[str]:
    """The targets in which a file differs from the head, or is not Git's."""
    differing = repository.run_on_files(
        "diff", "--name-only", "--no-renames", "--no-relative", "--no-color",
        "--no-ext-diff", "--no-textconv", "-z", "HEAD", "--", *_PLACES,
    )  # fmt: skip
    others = repository.run_on_files("ls-files", "--others", "-z", "--", *_PLACES)
    # Files that Git was told not to look at: h, s and S before a name.
    flagged = repository.run("ls-files", "-v", "-z", "--", *_PLACES)
    paths = [*_names(differing), *_names(others)]
    paths += [line[2:] for line in _names(flagged) if not line.startswith("H ")]
    return frozenset(_target(path) for path in paths)


def _names(out: bytes) -> list[str]:
    return out.decode(errors="surrogateescape").split("\0")[:-1]


def _target(path: str) -> str:
    """``libraries/<name>/<version>`` for what is inside a release, else the path itself."""
    parts = path.split("/")
    return "/".join(parts[: _LIBRARY_PARTS + 1]) if parts[0] == "libraries" else path


def _head_objects(repository: GitRepository) -> dict[str, ObjectId]:
    found: dict[str, ObjectId] = {}
    root = repository.object("HEAD^{tree}")
    level = {"": root.object_id} if root is not None else {}
    for depth in range(_LIBRARY_PARTS + 1):
        wave = Wave(repository)
        for tree in level.values():
            wave.want(tree)
        trees = wave.fetch()
        deeper: dict[str, ObjectId] = {}
        for prefix, tree in level.items():
            content = trees[tree].content if tree in trees else b""
            for entry in parse_tree(content):
                path = prefix + entry.name
                if not prefix and entry.name not in _PLACES:
                    continue
                if entry.is_tree and depth < _LIBRARY_PARTS:
                    deeper[f"{path}/"] = entry.object_id
                elif entry.is_tree or entry.is_file:
                    found[path] = entry.object_id
        level = deeper
    return found
