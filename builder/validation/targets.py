"""Find what to validate at a path, and check each: a release, or the facts beside releases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.content_rules.content import content_problems
from builder.review.rules.layout import renamed
from registry.advisories.checking import check_advisory
from registry.checks.policy_demands import with_demands
from registry.checks.release import check_release
from registry.errors import InvalidNameError, NotFoundError, RegistryError
from registry.formats.model import Policy
from registry.formats.parsing import parse_yaml
from registry.formats.schema import Format
from registry.git.layout import refuse_unknown_kind
from registry.git.object_ids import blob_id, tree_id
from registry.names import ObjectId, is_library_name, parse_library_name
from registry.problems import Problem, errors_of, ordered, printable
from registry.sources.library_root import RULE as PLACE_RULE
from registry.sources.release_source import examine_source
from registry.versions import parse_version
from registry.words.spelling import listed

_HINT = 200
# Folders above and below a directory that are looked through for the library that was meant.
_NEARBY = ("*/*/manifest.json", "*/*/*/manifest.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One thing to check. ``shown`` is how its problems name it."""

    path: Path
    shown: str
    format: Format | None = None
    """The format of a YAML file; None for a release."""
    in_registry: bool = False
    """True if its directories say its name and version."""
    policy: Policy = field(default_factory=Policy)
    """The demands on a candidate of the registry that it is meant for."""


def is_registry(path: Path) -> bool:
    """True if a path is validated as a registry's working tree, and not as a library."""
    is_library = path.is_file() or (path / "manifest.json").exists()
    return not is_library and (path / "registry.yaml").exists()


def find_targets(path: Path, policy: Policy | None = None) -> list[Target]:
    """Find the targets at a path: one release, or everything in a registry's working tree.

    A release alone is held to ``policy``, as a candidate. Raises NotFoundError when nothing is
    there, or only directories of libraries.
    """
    alone = [Target(path=path, shown="", policy=policy or Policy())]
    if path.is_file() or (path / "manifest.json").exists():
        return alone
    if is_registry(path):
        refuse_unknown_kind(path)
        return list(_registry_targets(path))
    libraries = sorted(path.glob("*/manifest.json")) if path.is_dir() else []
    if path.is_dir() and not libraries:
        return alone
    names = [printable(found.parent.name) for found in libraries]
    hint = f"Name one of the libraries in it: {listed(names, limit=_HINT)}. " if names else ""
    raise NotFoundError(
        "there is no library and no registry here",
        where=str(path),
        next_step=f"{hint}Name a directory with a manifest.json or a registry.yaml, or a ZIP",
    )


def _registry_targets(root: Path) -> Iterator[Target]:
    yield Target(path=root / "registry.yaml", shown="registry.yaml", format=Format.REGISTRY)
    for library in sorted((root / "libraries").glob("*")):
        is_folder = library.is_dir() and not library.is_symlink()
        for child in sorted(library.iterdir()) if is_folder else [library]:
            shown = child.relative_to(root).as_posix()
            if child.name == "library.yaml":
                yield Target(path=child, shown=shown, format=Format.LIBRARY)
            else:
                yield Target(path=child, shown=shown, in_registry=True)
    for facts in sorted(root.glob("instances/*/*.yaml")):
        shown = facts.relative_to(root).as_posix()
        yield Target(path=facts, shown=shown, format=Format.INSTANCE)
    for advisory in sorted(root.glob("advisories/*")):
        shown = advisory.relative_to(root).as_posix()
        yield Target(path=advisory, shown=shown, format=Format.ADVISORY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The problems of a target, and the id that Git has for exactly what was checked.

    The id is None where Git could hold something else than what was read.
    """

    problems: tuple[Problem, ...]
    object_id: ObjectId | None = None


def check_target(target: Target) -> Iterator[Problem]:
    """Every problem of one target; never raises for bad input."""
    yield from checked(target).problems


def checked(target: Target) -> Checked:
    """As `check_target`, with the id of what was read."""
    seen: list[ObjectId] = []
    problems = tuple(_problems(target, seen.append))
    return Checked(problems=problems, object_id=seen[0] if seen else None)


def _problems(target: Target, saw: Callable[[ObjectId], None]) -> Iterator[Problem]:
    if target.shown and target.path.is_symlink():
        yield Problem(
            rule="path",
            file=target.shown,
            message="symbolic links are not allowed in a registry",
            expected="put in the file or directory itself",
        )
    elif target.format is not None:
        yield from _facts_problems(target, target.format, saw)
    elif target.in_registry and not target.path.is_dir():
        yield Problem(
            rule="layout",
            file=target.shown,
            message="this does not belong here",
            expected="put in only libraries/<name>/library.yaml and libraries/<name>/<version>/",
        )
    else:
        yield from _release_problems(target, saw)


def _facts_problems(
    target: Target, kind: Format, saw: Callable[[ObjectId], None]
) -> Iterator[Problem]:
    try:
        raw = target.path.read_bytes()
    except OSError as error:
        yield Problem(
            rule="source",
            file=target.shown,
            message=f"it cannot be read: {error.strerror}",
            expected="put in a YAML file that can be read",
        )
        return
    if kind is Format.ADVISORY:  # what is right depends on the libraries that are there
        libraries = target.path.parents[1] / "libraries"
        yield from check_advisory(
            raw,
            file=target.shown,
            libraries=lambda name: is_library_name(name) and (libraries / name).is_dir(),
        ).problems
        return
    saw(blob_id(raw))
    yield from parse_yaml(kind, raw, file=target.shown, strict=True).problems


def _release_problems(target: Target, saw: Callable[[ObjectId], None]) -> Iterator[Problem]:
    if target.in_registry:
        yield from _layout_problems(target)
    try:
        source = examine_source(target.path)
    except RegistryError as error:
        yield Problem(
            rule="source",
            file=target.shown or error.where,
            message=error.message,
            expected=error.next_step,
        )
        return
    if any(problem.rule == PLACE_RULE for problem in source.problems):
        # Where no library begins, nothing can be said of it.
        yield from source.problems
        return
    if not errors_of(source.problems) and all(map(_is_utf8, source.files)):
        saw(tree_id(source.files))
    if "manifest.json" not in source.files and target.path.is_dir() and not source.problems:
        yield _no_library(target)
        return
    release = check_release(
        source.files,
        name=target.path.parent.name if target.in_registry else None,
        version=target.path.name if target.in_registry else None,
        strict=True,
    )
    prefix = f"{target.shown}/" if target.shown else ""
    unread = {problem.file for problem in source.problems}
    demanded = with_demands(release, source.files, target.policy, content_problems)
    for problem in ordered((*source.problems, *demanded)):
        if problem.rule != "readme-missing" or problem.file not in unread:
            yield replace(problem, file=f"{prefix}{problem.file}")


def _no_library(target: Target) -> Problem:
    """One problem for a directory with nothing to check: what was looked for, and where one is."""
    path = target.path
    below = next((found for each in _NEARBY for found in sorted(path.glob(each))), None)
    above = [folder for folder in path.resolve().parents if (folder / "manifest.json").is_file()]
    found = below.parent if below is not None else next(iter(above), None)
    shown = printable(str(found))
    return Problem(
        rule="manifest-missing",
        file=target.shown or str(path),
        message="this directory is not a library: there is no manifest.json in it",
        expected=f"a library is in {shown}: name that directory"
        if found is not None
        else "name a library's directory; 'opsteps new NAME' begins one",
    )


def _is_utf8(path: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _layout_problems(target: Target) -> Iterator[Problem]:
    checks: tuple[tuple[Callable[[str], object], Path], ...] = (
        (parse_library_name, target.path.parent),
        (parse_version, target.path),
    )
    for check, path in checks:
        try:
            check(path.name)
        except InvalidNameError as error:
            up = "" if path == target.path else "the directory above it: "
            yield Problem(
                rule="layout",
                file=target.shown,
                message=f"{up}{error.message}",
                expected=renamed(error.next_step),
            )
