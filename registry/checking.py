"""Everything that can be wrong with a release, checked on its files alone and reported at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from registry.contents import duplicate_steps
from registry.errors import InvalidNameError
from registry.jsontext import JsonTextError, Place, load_json, locate
from registry.model import Manifest, ReleaseContent, Step
from registry.names import parse_library_name, parse_step_name
from registry.parsing import check_json
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
    manifest = _manifest(files, problems, strict=strict, limits=limits)
    steps: list[Step] = []
    if manifest is not None:
        problems.extend(_identity_problems(manifest, name, version))
        problems.extend(_manifest_problems(manifest))
        steps = _steps(files, manifest, problems, strict=strict, limits=limits)
        problems.extend(_unlisted(files, manifest))
        problems.extend(_permission_labels(manifest, steps))
    problems.extend(_document_problems(files, limits))
    placed = _placed(files, problems, limits)
    usable = manifest is not None and not errors_of(placed)
    content = ReleaseContent(manifest=manifest, steps=tuple(steps)) if usable and manifest else None
    return CheckedRelease(content=content, problems=placed)


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
        limit = limits.readme_bytes if path.endswith(".md") else limits.file_bytes
        if len(content) > limit:
            yield Problem(
                rule="limit-file-size",
                file=path,
                message=f"the file has {len(content):,} bytes",
                expected=f"at most {limit:,}",
            )


def _manifest(
    files: Mapping[str, bytes], problems: list[Problem], *, strict: bool, limits: Limits
) -> Manifest | None:
    raw = files.get("manifest.json")
    if raw is None:
        problems.append(_absent("manifest.json", "manifest.json", ""))
        return None
    parsed = check_json(
        Format.MANIFEST, raw, file="manifest.json", strict=strict, limits=limits
    )
    problems.extend(parsed.problems)
    manifest: Manifest | None = parsed.value
    if manifest is not None:
        problems.extend(text_problems(msgspec.to_builtins(manifest), "manifest.json"))
    return manifest


def _absent(file: str, named_in: str, pointer: str) -> Problem:
    return Problem(
        rule="file-missing",
        file=named_in,
        pointer=pointer,
        message=f"{file!r} is not there",
        expected="add the file, or take it out of manifest.json",
    )


def _identity_problems(
    manifest: Manifest, name: str | None, version: str | None
) -> Iterator[Problem]:
    for pointer, said, directory in (
        ("/name", manifest.name, name),
        ("/version", manifest.version, version),
    ):
        if directory is not None and said != directory:
            yield Problem(
                rule="directory-mismatch",
                file="manifest.json",
                pointer=pointer,
                message=f"the manifest says {said!r}, the directory {directory!r}",
                expected=f"write {directory!r}, or rename the directory",
            )


def _manifest_problems(manifest: Manifest) -> Iterator[Problem]:
    checks = [
        ("/name", lambda: parse_library_name(manifest.name)),
        ("/version", lambda: parse_version(manifest.version)),
    ]
    checks += [
        (f"/dependencies/{index}", lambda text=text: parse_dependency(text))
        for index, text in enumerate(manifest.dependencies)
    ]
    for pointer, check in checks:
        try:
            check()
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
    manifest: Manifest,
    problems: list[Problem],
    *,
    strict: bool,
    limits: Limits,
) -> list[Step]:
    steps: list[Step] = []
    for index, entry in enumerate(manifest.steps):
        raw = files.get(entry.file)
        if raw is None:
            problems.append(_absent(entry.file, "manifest.json", f"/steps/{index}/file"))
            continue
        parsed = check_json(Format.STEP, raw, file=entry.file, strict=strict, limits=limits)
        problems.extend(parsed.problems)
        if entry.executor is not None:
            pointer = f"/steps/{index}/executor"
            problems.extend(_executor_problems(files, entry.executor, pointer))
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
    yield from text_problems(msgspec.to_builtins(step), file)
    yield from step_problems(step, file)


def _executor_problems(
    files: Mapping[str, bytes], executor: str, pointer: str
) -> Iterator[Problem]:
    raw = files.get(executor)
    if raw is None:
        yield _absent(executor, "manifest.json", pointer)
        return
    try:
        module = ast.parse(raw, filename=executor)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", 0) or 0
        yield Problem(
            rule="executor-syntax",
            file=executor,
            line=line,
            column=(getattr(error, "offset", 0) or 1) if line else 0,
            message=f"this is not Python: {str(error)[:200]}",
            expected="Python that the oldest supported version reads",
        )
        return
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    execute = next((f for f in functions if f.name == "execute"), None)
    if execute is None or len(execute.args.posonlyargs + execute.args.args) != 2:  # noqa: PLR2004 - parameters, context
        yield Problem(
            rule="executor-entry",
            file=executor,
            line=execute.lineno if execute else 1,
            column=1,
            message="there is no function execute(parameters, context)",
            expected="def execute(parameters, context) -> dict",
        )


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
    unique = dict.fromkeys(sorted(placed, key=lambda p: (p.file, p.line, p.column, p.rule)))
    return tuple(unique)[: limits.problems_reported]


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
