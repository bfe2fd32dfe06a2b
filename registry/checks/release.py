"""Everything that can be wrong with a release, checked on its files alone and reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from registry.checks.documents import changelog_problems, document_problems, size_problems
from registry.checks.executors import executor_problems
from registry.checks.file_contents import file_problems
from registry.checks.hostile_text import text_problems
from registry.checks.manifest import FILE as MANIFEST
from registry.checks.manifest import description_missing, manifest_problems
from registry.checks.paths import path_problems
from registry.checks.salvage import salvaged_manifest, salvaged_step
from registry.checks.steps import step_problems
from registry.errors import InvalidNameError
from registry.formats.json_text import (
    Position,
    nearest_place,
    places_in,
)
from registry.formats.model import JsonValue, Manifest, ReleaseContent, Step, StepFile
from registry.formats.parsing import Parsed, check_json
from registry.formats.schema import Format
from registry.limits import DEFAULT_LIMITS, Limits
from registry.names import is_library_name, parse_step_name
from registry.problems import Problem, Severity, errors_of, more_problems, ordered
from registry.snapshots.release_reader import duplicate_steps, too_many_steps
from registry.versions import is_version
from registry.words.likeness import alike


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRelease:
    """A release's content, None when an error stands in its way, and every problem.

    Errors come first. ``shown`` is what to call the release: its name and version, where they can
    be read. ``manifest`` and ``steps`` (by file) are what was read, also of files with errors, for
    further rules to look at in the same round.
    """

    content: ReleaseContent | None
    problems: tuple[Problem, ...]
    shown: str = "the library"
    manifest: Mapping[str, JsonValue] = field(default_factory=dict)
    entries: tuple[StepFile, ...] = ()
    steps: Mapping[str, JsonValue] = field(default_factory=dict)


def check_release(
    files: Mapping[str, bytes],
    *,
    name: str | None = None,
    version: str | None = None,
    strict: bool,
    limits: Limits = DEFAULT_LIMITS,
) -> CheckedRelease:
    """Check a release by its files (paths relative to it); never raises for bad input.

    ``name`` and ``version`` are what its directories are called; None where there are none yet.
    ``strict`` makes unknown fields an error, as in a pull request.
    """
    problems = [*path_problems(files, limits, strict=strict), *size_problems(files, limits)]
    problems.extend(file_problems(files))
    checking = _Checking(files=files, problems=problems, strict=strict, limits=limits)
    parsed = checking.manifest()
    problems.extend(_identity_problems(parsed.read, name, version))
    entries = _entries(parsed, files)
    steps = checking.steps(entries)
    manifest = parsed.value or salvaged_manifest(
        parsed.read, parsed.problems, [entry.file for _, entry in entries]
    )
    if manifest is not None:
        wrong = {problem.pointer for problem in parsed.problems}
        problems.extend(manifest_problems(manifest, wrong))
        problems.extend(_unlisted(files, {entry.file for _, entry in entries}))
        problems.extend(_permission_labels(manifest, checking.looked_at, wrong))
        if strict and "/version" not in wrong and "version" in parsed.read:
            problems.extend(changelog_problems(files, manifest.version))
    if MANIFEST in files:  # else it is not a library, and nothing more is to be said of it
        problems.extend(document_problems(files, limits))
    content = None
    if parsed.value is not None and not errors_of(tuple(problems)):
        content = ReleaseContent(manifest=parsed.value, steps=tuple(steps))
    return CheckedRelease(
        content=content,
        problems=checking.placed(),
        shown=_shown(parsed.read),
        manifest=parsed.read if isinstance(parsed.read, dict) else {},
        entries=tuple(entry for _, entry in entries),
        steps=checking.read,
    )


def _shown(read: JsonValue) -> str:
    fields = read if isinstance(read, dict) else {}
    name, version = fields.get("name"), fields.get("version")
    if not isinstance(name, str) or not name.strip():
        return "the library"
    return f"{name[:80]} {version[:40]}" if isinstance(version, str) else name[:80]


@dataclass(kw_only=True, slots=True)
class _Checking:
    """A release that is being checked, and what was found so far."""

    files: Mapping[str, bytes]
    problems: list[Problem]
    strict: bool
    limits: Limits
    looked_at: list[Step] = field(default_factory=list)
    """The steps, and what is sound of those that have faults."""
    read: dict[str, JsonValue] = field(default_factory=dict)
    """The contents of the steps' files."""
    places: dict[str, Mapping[str, Position]] = field(default_factory=dict)
    """Of files that are not JSON until their slips are mended."""

    def manifest(self) -> Parsed[Manifest]:
        raw = self.files.get(MANIFEST)
        if raw is not None:
            return self._read(Format.MANIFEST, raw, MANIFEST)
        self.problems.append(no_manifest(self.files))
        return Parsed(value=None)

    def _read(self, kind: Format, raw: bytes, file: str) -> Parsed[Any]:
        parsed = check_json(kind, raw, file=file, strict=self.strict, limits=self.limits)
        self.problems.extend(parsed.problems)
        self.problems.extend(text_problems(parsed.read, file))
        if parsed.places:
            self.places[file] = parsed.places
        return parsed

    def steps(self, entries: list[tuple[int, StepFile]]) -> list[Step]:
        """The steps without errors of their own."""
        if len(entries) > self.limits.steps_per_release:
            self.problems.append(too_many_steps(len(entries), self.limits.steps_per_release))
            return []
        steps: list[Step] = []
        for index, entry in entries:
            if entry.executor is not None:
                pointer = f"/steps/{index}/executor"
                self.problems.extend(
                    _executor_problems(self.files, entry.executor, pointer, self.limits)
                )
            raw = self.files.get(entry.file)
            if raw is None:
                self.problems.append(_absent(entry.file, f"/steps/{index}/file", self.files))
                continue
            step = self._step(raw, entry.file)
            if step is not None:
                steps.append(step)
        self.problems.extend(duplicate_steps(self.looked_at))
        return steps

    def _step(self, raw: bytes, file: str) -> Step | None:
        parsed = self._read(Format.STEP, raw, file)
        self.read[file] = parsed.read
        step: Step | None = parsed.value
        wrong = {problem.pointer for problem in parsed.problems}
        unsound: Collection[str] = ()
        looked_at = step
        if looked_at is None:
            looked_at, unsound = salvaged_step(parsed.read, parsed.problems)
        if looked_at is None:
            return None
        has_name = isinstance(parsed.read, dict) and "name" in parsed.read
        if has_name and "/name" not in wrong:
            self.looked_at.append(looked_at)
            self.problems.extend(_name_problems(looked_at, file))
        if "/description" not in wrong and not looked_at.description.strip():
            self.problems.append(description_missing(file, "the step"))
        self.problems.extend(step_problems(looked_at, file, unsound=unsound, strict=self.strict))
        return step

    def placed(self) -> tuple[Problem, ...]:
        """The problems, each with its line and column where it has a place, errors first."""
        files = {p.file for p in self.problems if p.pointer and not p.line}
        maps = {
            file: self.places.get(file)
            or places_in(self.files.get(file, b""), depth=self.limits.nesting_depth)
            for file in files
        }
        placed = [
            replace(p, line=place.line, column=place.column)
            if p.pointer and not p.line and (place := nearest_place(maps[p.file], p.pointer))
            else p
            for p in self.problems
        ]
        found = ordered(placed)
        # What stops a library is never among those that are only counted.
        kept = found[: self.limits.problems_reported]
        if len(found) > len(kept):
            kept = (*kept, more_problems(len(found) - len(kept), self.limits.problems_reported))
        return kept


def no_manifest(files: Collection[str]) -> Problem:
    """The problem of files among which no manifest is, or only one deeper down."""
    deeper = sorted(path for path in files if path.endswith(f"/{MANIFEST}"))
    hint = "write one; 'opsteps new NAME' begins a library that has it"
    if deeper:
        hint = f"one is at {deeper[0][:200]}: name the directory that it is in"
    return Problem(
        rule="manifest-missing",
        file=MANIFEST,
        message="there is no manifest.json here, so this is not a library",
        expected=hint,
    )


def _entries(parsed: Parsed[Manifest], files: Mapping[str, bytes]) -> list[tuple[int, StepFile]]:
    """The steps to check, by their index: of a broken manifest, as much as can be made out."""
    if parsed.value is not None:
        return list(enumerate(parsed.value.steps))
    listed = parsed.read.get("steps") if isinstance(parsed.read, dict) else None
    if isinstance(listed, list):
        made_out = ((index, _entry(entry)) for index, entry in enumerate(listed))
        return [(index, entry) for index, entry in made_out if entry is not None]
    found = [path for path in files if path.startswith("steps/") and path.endswith(".json")]
    return [(index, StepFile(file=path)) for index, path in enumerate(sorted(found))]


def _entry(listed: JsonValue) -> StepFile | None:
    """An entry for a step, also one that breaks the schema: where it is a path, or has one."""
    fields = {"file": listed} if isinstance(listed, str) else listed
    file = _path(fields.get("file")) if isinstance(fields, dict) else None
    return StepFile(file=file, executor=_path(fields.get("executor"))) if file else None


def _path(value: JsonValue) -> str | None:
    """The path that a text means: what is wrong with it has been said."""
    text = value.strip().replace("\\", "/").removeprefix("./") if isinstance(value, str) else ""
    return text or None


def _absent(file: str, pointer: str, files: Collection[str]) -> Problem:
    meant = next((path for path in files if path.lower() == file.lower()), "") or next(
        iter(alike(file, files, likeness=0.8)), ""
    )
    return Problem(
        rule="file-missing",
        file=MANIFEST,
        pointer=pointer,
        message=f"the file {file[:240]!r} is not there",
        expected=f"did you mean {meant!r}?"
        if meant
        else "add the file, or take it out of manifest.json",
    )


def _identity_problems(
    manifest: JsonValue, name: str | None, version: str | None
) -> Iterator[Problem]:
    fields = manifest if isinstance(manifest, dict) else {}
    for pointer, directory in (("/name", name), ("/version", version)):
        said = fields.get(pointer[1:])
        if directory is None or not isinstance(said, str) or said == directory:
            continue
        # Where the directory itself has a name that it may not have, that is what is said.
        if is_library_name(directory) if pointer == "/name" else is_version(directory):
            yield Problem(
                rule="directory-mismatch",
                file="manifest.json",
                pointer=pointer,
                message=f"the manifest says {said[:80]!r}, the directory {directory!r}",
                expected=f"write {directory!r}, or rename the directory",
            )


def _name_problems(step: Step, file: str) -> Iterator[Problem]:
    try:
        parse_step_name(step.name)
    except InvalidNameError as error:
        yield Problem(
            rule="name", file=file, pointer="/name", message=error.message, expected=error.next_step
        )


def _executor_problems(
    files: Mapping[str, bytes], executor: str, pointer: str, limits: Limits
) -> Iterator[Problem]:
    raw = files.get(executor)
    if raw is None:
        yield _absent(executor, pointer, files)
    elif len(raw) <= limits.executor_bytes:  # a larger one is a problem already
        yield from executor_problems(raw, executor)


def _unlisted(files: Mapping[str, bytes], listed: Collection[str]) -> Iterator[Problem]:
    for path in files:
        if path.startswith("steps/") and path.endswith(".json") and path not in listed:
            yield Problem(
                rule="step-unlisted",
                file=path,
                message="manifest.json does not list this step",
                expected="list it under 'steps', or remove the file",
                severity=Severity.WARNING,
            )


def _permission_labels(
    manifest: Manifest, steps: list[Step], wrong: Collection[str]
) -> Iterator[Problem]:
    if any(pointer.startswith("/required_permissions") for pointer in wrong):
        return
    declared = set(manifest.required_permissions)
    for step in steps:
        for label in step.required_permissions:
            if label not in declared:
                yield Problem(
                    rule="permission-undeclared",
                    file="manifest.json",
                    pointer="/required_permissions",
                    message=f"the step {step.name} needs {label!r}, the manifest does not say so",
                    expected=f"add {label!r}",
                    severity=Severity.WARNING,
                )
