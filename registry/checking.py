"""Everything that can be wrong with a release, checked on its files alone and reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from registry.contents import duplicate_steps, too_many_steps
from registry.errors import InvalidNameError
from registry.executors import executor_problems
from registry.filechecks import file_problems
from registry.jsontext import JsonTextError, Place, load_json, locate
from registry.model import JsonValue, Manifest, ReleaseContent, Step, StepFile
from registry.names import parse_library_name, parse_step_name
from registry.parsing import Parsed, check_json
from registry.paths import IMAGES, path_problems
from registry.problems import Problem, Severity, errors_of
from registry.schema import Format
from registry.settings import DEFAULT_LIMITS, Limits
from registry.stepchecks import step_problems
from registry.texts import markdown_problems, text_problems
from registry.versions import parse_dependency, parse_version


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRelease:
    """A release's content, None when an error stands in its way, and every problem by place."""

    content: ReleaseContent | None
    problems: tuple[Problem, ...]


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
    problems = [*path_problems(files, limits), *_size_problems(files, limits)]
    problems.extend(file_problems(files))
    parsed = _manifest(files, problems, strict=strict, limits=limits)
    manifest: Manifest | None = parsed.value
    problems.extend(_identity_problems(parsed.read, name, version))
    entries = _entries(parsed, files)
    steps = _steps(files, entries, problems, strict=strict, limits=limits)
    if manifest is not None:
        problems.extend(_manifest_problems(manifest))
        problems.extend(_unlisted(files, manifest))
        problems.extend(_permission_labels(manifest, steps))
    problems.extend(_document_problems(files, limits))
    usable = manifest is not None and not errors_of(tuple(problems))
    content = ReleaseContent(manifest=manifest, steps=tuple(steps)) if usable and manifest else None
    return CheckedRelease(content=content, problems=_placed(files, problems, limits))


def _size_problems(files: Mapping[str, bytes], limits: Limits) -> Iterator[Problem]:
    total = sum(map(len, files.values()))
    for amount, limit, what in (
        (len(files), limits.release_files, "files"),
        (total, limits.release_bytes, "bytes together"),
    ):
        if amount > limit:
            yield Problem(
                rule="limit-release-size",
                file=".",
                message=f"the release has {amount:,} {what}",
                expected=f"at most {limit:,}",
            )
    for path, content in files.items():
        limit = _file_limit(path, limits)
        if len(content) > limit:
            yield Problem(
                rule="limit-file-size",
                file=path,
                message=f"the file has {len(content):,} bytes",
                expected=f"at most {limit:,}",
            )


def _file_limit(path: str, limits: Limits) -> int:
    if path.endswith(".md"):
        return limits.readme_bytes
    is_executor = path.startswith("executors/") and path.endswith(".py")
    return limits.executor_bytes if is_executor else limits.file_bytes


def _manifest(
    files: Mapping[str, bytes], problems: list[Problem], *, strict: bool, limits: Limits
) -> Parsed[Manifest]:
    raw = files.get("manifest.json")
    if raw is None:
        problems.append(_absent("manifest.json", "manifest.json", ""))
        return Parsed(value=None)
    parsed = check_json(Format.MANIFEST, raw, file="manifest.json", strict=strict, limits=limits)
    problems.extend(parsed.problems)
    problems.extend(text_problems(parsed.read, "manifest.json"))
    return parsed


def _entries(parsed: Parsed[Manifest], files: Mapping[str, bytes]) -> list[tuple[int, StepFile]]:
    """The steps to check, by their index: of a broken manifest, as much as can be made out."""
    if parsed.value is not None:
        return list(enumerate(parsed.value.steps))
    listed = parsed.read.get("steps") if isinstance(parsed.read, dict) else None
    if isinstance(listed, list):
        return [
            (index, StepFile(file=entry["file"], executor=_text(entry.get("executor"))))
            for index, entry in enumerate(listed)
            if isinstance(entry, dict) and isinstance(entry.get("file"), str)
        ]
    found = [path for path in files if path.startswith("steps/") and path.endswith(".json")]
    return [(index, StepFile(file=path)) for index, path in enumerate(sorted(found))]


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _absent(file: str, named_in: str, pointer: str) -> Problem:
    return Problem(
        rule="file-missing",
        file=named_in,
        pointer=pointer,
        message=f"{file!r} is not there",
        expected="add the file, or take it out of manifest.json",
    )


def _identity_problems(
    manifest: JsonValue, name: str | None, version: str | None
) -> Iterator[Problem]:
    fields = manifest if isinstance(manifest, dict) else {}
    for pointer, directory in (("/name", name), ("/version", version)):
        said = fields.get(pointer[1:])
        if directory is not None and isinstance(said, str) and said != directory:
            yield Problem(
                rule="directory-mismatch",
                file="manifest.json",
                pointer=pointer,
                message=f"the manifest says {said[:80]!r}, the directory {directory!r}",
                expected=f"write {directory!r}, or rename the directory",
            )


def _manifest_problems(manifest: Manifest) -> Iterator[Problem]:
    checks: list[tuple[str, Callable[[str], object], str]] = [
        ("/name", parse_library_name, manifest.name),
        ("/version", parse_version, manifest.version),
    ]
    checks += [
        (f"/dependencies/{index}", parse_dependency, text)
        for index, text in enumerate(manifest.dependencies)
    ]
    for pointer, check, text in checks:
        try:
            check(text)
        except InvalidNameError as error:
            yield Problem(
                rule="name",
                file="manifest.json",
                pointer=pointer,
                message=error.message,
                expected=error.next_step,
            )
    try:
        canonicalize_license_expression(manifest.license)
    except InvalidLicenseExpression:
        yield Problem(
            rule="license",
            file="manifest.json",
            pointer="/license",
            message=f"{manifest.license[:80]!r} is not an SPDX licence expression",
            expected="such as 'MIT', 'Apache-2.0' or 'LicenseRef-Company'",
            severity=Severity.WARNING,
        )


def _steps(
    files: Mapping[str, bytes],
    entries: list[tuple[int, StepFile]],
    problems: list[Problem],
    *,
    strict: bool,
    limits: Limits,
) -> list[Step]:
    if len(entries) > limits.steps_per_release:
        problems.append(too_many_steps(len(entries), limits.steps_per_release))
        return []
    steps: list[Step] = []
    for index, entry in entries:
        if entry.executor is not None:
            pointer = f"/steps/{index}/executor"
            problems.extend(_executor_problems(files, entry.executor, pointer, limits))
        raw = files.get(entry.file)
        if raw is None:
            problems.append(_absent(entry.file, "manifest.json", f"/steps/{index}/file"))
            continue
        parsed = check_json(Format.STEP, raw, file=entry.file, strict=strict, limits=limits)
        problems.extend(parsed.problems)
        problems.extend(text_problems(parsed.read, entry.file))
        if parsed.value is not None:
            steps.append(parsed.value)
            problems.extend(_step_problems(parsed.value, entry.file))
    problems.extend(duplicate_steps(steps))
    return steps


def _step_problems(step: Step, file: str) -> Iterator[Problem]:
    try:
        parse_step_name(step.name)
    except InvalidNameError as error:
        yield Problem(
            rule="name", file=file, pointer="/name", message=error.message, expected=error.next_step
        )
    yield from step_problems(step, file)


def _executor_problems(
    files: Mapping[str, bytes], executor: str, pointer: str, limits: Limits
) -> Iterator[Problem]:
    raw = files.get(executor)
    if raw is None:
        yield _absent(executor, "manifest.json", pointer)
    elif len(raw) <= limits.executor_bytes:  # a larger one is a problem already
        yield from executor_problems(raw, executor)


def _unlisted(files: Mapping[str, bytes], manifest: Manifest) -> Iterator[Problem]:
    listed = {entry.file for entry in manifest.steps}
    for path in files:
        if path.startswith("steps/") and path.endswith(".json") and path not in listed:
            yield Problem(
                rule="step-unlisted",
                file=path,
                message="manifest.json does not list this step",
                expected="list it under 'steps', or remove the file",
                severity=Severity.WARNING,
            )


def _permission_labels(manifest: Manifest, steps: list[Step]) -> Iterator[Problem]:
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


def _document_problems(files: Mapping[str, bytes], limits: Limits) -> Iterator[Problem]:
    if "docs/README.md" not in files:
        yield Problem(
            rule="readme-missing",
            file="docs/README.md",
            message="there is no README",
            expected="a page that says what the library is for",
            severity=Severity.WARNING,
        )
    for path, content in files.items():
        if path.endswith(".md") and len(content) <= limits.readme_bytes:
            yield from markdown_problems(content, path)
        if path.startswith("assets/") and not path.lower().endswith(IMAGES):
            yield Problem(
                rule="asset-type",
                file=path,
                message="assets are raster images",
                expected=f"one of {', '.join(IMAGES)}",
            )


def _placed(
    files: Mapping[str, bytes], problems: list[Problem], limits: Limits
) -> tuple[Problem, ...]:
    """Give problems known by a JSON pointer their line and column, and order them by place."""
    maps = {
        file: _places(files.get(file, b""), limits)
        for file in {p.file for p in problems if p.pointer and not p.line}
    }
    placed = [
        replace(p, line=place.line, column=place.column)
        if p.pointer and not p.line and (place := _nearest(maps[p.file], p.pointer))
        else p
        for p in problems
    ]
    unique = list(dict.fromkeys(placed))
    # What stops a library is never among those that are only counted.
    kept = sorted(unique, key=lambda p: p.severity)[: limits.problems_reported]
    if len(unique) > len(kept):
        kept.append(_more(len(unique) - len(kept), limits.problems_reported))
    return tuple(sorted(kept, key=lambda p: (p.file, p.line, p.column, p.rule)))


def _more(count: int, limit: int) -> Problem:
    return Problem(
        rule="limit-problems",
        file=".",
        message=f"{count:,} more problems are not listed",
        expected=f"at most {limit:,} problems, to be listed all",
        severity=Severity.WARNING,
    )


def _places(raw: bytes, limits: Limits) -> Mapping[str, Place]:
    try:
        load_json(raw, depth=limits.nesting_depth)
        return locate(raw.decode())
    except JsonTextError:
        return {}


def _nearest(places: Mapping[str, Place], pointer: str) -> Place | None:
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer)
