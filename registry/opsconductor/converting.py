"""One library converted: pure, and the same bytes for the same input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.contents import too_many_steps
from registry.errors import InvalidNameError
from registry.jsontext import JsonTextError, load_json
from registry.names import parse_step_name
from registry.opsconductor.executors import ADAPTER, ADAPTER_TEXT, executor_text
from registry.opsconductor.fields import manifest_fields, step_fields
from registry.opsconductor.notes import MANIFEST, Notes, shown
from registry.opsconductor.source_code import StepCode, read_code
from registry.problems import InvalidLibraryError, Problem
from registry.settings import DEFAULT_LIMITS, Limits

_CODE = "steps.py"
_MODULE = "steps"
_PLACES = {"README.md": "docs/README.md", "CHANGELOG.md": "docs/CHANGELOG.md"}
_KEPT = frozenset({"LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"})
_KEPT_FOLDERS = ("docs/", "assets/")
# Python and its tools load these by themselves wherever they lie.
_LOADED = frozenset({"sitecustomize", "usercustomize", "conftest", "__init__", "__main__"})
_WHOLE = frozenset({"metadata", "steps"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """The files of a release, and what was not taken over as it was."""

    files: dict[str, bytes] = field(repr=False)
    notes: tuple[Problem, ...]


def is_opsconductor(files: Mapping[str, bytes], limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether this is a library for OpsConductor's own service, and nothing else."""
    manifest = _manifest(files, limits)
    return manifest is not None and set(manifest) == _WHOLE


def convert_library(files: Mapping[str, bytes], limits: Limits = DEFAULT_LIMITS) -> Converted:
    """The library in our format, which nothing has checked yet.

    Raises InvalidLibraryError when it is of another kind, or a step's name is not fit to name a
    file.
    """
    manifest = _manifest(files, limits)
    if manifest is None:
        wrong = "it has no 'metadata' with inline 'steps'"
        raise _refused(wrong, "a library as OpsConductor's own service takes it")
    notes = Notes(most=limits.problems_reported)
    for key in sorted(manifest.keys() - _WHOLE):
        notes.add(f"{shown(key)} has no place here", "it was left out")
    steps = manifest["steps"]
    if len(steps) > limits.steps_per_release:
        raise InvalidLibraryError(
            "the library", (too_many_steps(len(steps), limits.steps_per_release),)
        )
    _refuse_names(steps)
    made = _other_files(files, notes)
    code = _read_code(files, made, limits, notes)
    entries = []
    for index, step in enumerate(steps):
        entries.append(_add_step(made, step, index, code, notes))
    metadata = manifest_fields(manifest["metadata"], notes)
    metadata |= _gathered(metadata, steps)
    made[MANIFEST] = _json({**metadata, "steps": entries})
    return Converted(files=dict(sorted(made.items())), notes=notes.listed())


def _manifest(files: Mapping[str, bytes], limits: Limits) -> dict[str, Any] | None:
    """The manifest when it is of this kind."""
    raw = files.get(MANIFEST, b"")
    if b'"metadata"' not in raw or len(raw) > limits.json_bytes:
        return None
    try:
        found = load_json(raw, depth=limits.nesting_depth)
    except JsonTextError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        return None
    steps = found.get("steps")
    if not isinstance(steps, list) or not steps:
        return None
    is_inline = all(isinstance(one, dict) and "name" in one and "file" not in one for one in steps)
    return found if is_inline else None


def _refuse_names(steps: Iterable[Mapping[str, Any]]) -> None:
    """Every step names a file, so no name goes further that may not."""
    problems = []
    seen = set()
    for index, step in enumerate(steps):
        pointer = f"/steps/{index}/name"
        name = step["name"]
        try:
            parse_step_name(name if isinstance(name, str) else repr(name))
        except InvalidNameError as error:
            problems.append(
                Problem(
                    rule="name",
                    file=MANIFEST,
                    pointer=pointer,
                    message=error.message,
                    expected=error.next_step,
                )
            )
            continue
        if _stem(name) in seen:
            problems.append(
                Problem(
                    rule="duplicate-step",
                    file=MANIFEST,
                    pointer=pointer,
                    message=f"two steps are named {shown(name)}",
                    expected="give each step a name of its own",
                )
            )
        seen.add(_stem(name))
    if problems:
        raise InvalidLibraryError("the library", tuple(problems))


def _refused(message: str, expected: str) -> InvalidLibraryError:
    problem = Problem(rule="opsconductor", file=MANIFEST, message=message, expected=expected)
    return InvalidLibraryError("the library", (problem,))


def _stem(name: str) -> str:
    """A step's name as the name of a file, and as that of a method."""
    return name.replace(".", "_").replace("-", "_")


def _other_files(files: Mapping[str, bytes], notes: Notes) -> dict[str, bytes]:
    """Everything but manifest and steps, at its place here."""
    made: dict[str, bytes] = {}
    for path, content in sorted(files.items()):
        stem, _, suffix = path.rpartition(".")
        if path == MANIFEST:
            continue
        if path in _PLACES:
            made[_PLACES[path]] = content
        elif path in _KEPT or path.startswith(_KEPT_FOLDERS):
            made[path] = content
        elif suffix == "py" and stem.isidentifier() and _may_lie_there(stem):
            made[f"executors/{path}"] = content
        else:
            notes.add(_why_left(path), "it was left out", file=path)
    return made


def _may_lie_there(stem: str) -> bool:
    is_ours = stem == ADAPTER or stem.startswith("run_")
    return stem not in _LOADED and stem not in sys.stdlib_module_names and not is_ours


def _why_left(path: str) -> str:
    if path == "requirements.txt":
        return "requirements come with hashes here, in the manifest's python_requirements"
    return "the file has no place here"


def _read_code(
    files: Mapping[str, bytes], made: Mapping[str, bytes], limits: Limits, notes: Notes
) -> StepCode:
    raw = files.get(_CODE)
    if raw is None:
        notes.add("there is no steps.py", "its steps can be looked up, not run", file=_CODE)
        return StepCode()
    if len(raw) > limits.executor_bytes:  # the check that follows refuses it
        return StepCode()
    siblings = {path[len("executors/") : -len(".py")] for path in made if path.endswith(".py")}
    code = read_code(raw, frozenset(siblings))
    if code.problem:
        notes.add(
            f"it is not Python that can be read: {code.problem}",
            "its steps can be looked up, not run",
            file=_CODE,
        )
    if code.needs:
        notes.add(
            f"it imports {', '.join(map(shown, code.needs[:20]))}, which Python does not bring",
            "write them into python_requirements with versions and hashes: none is guessed",
            file=_CODE,
        )
    return code


def _add_step(
    made: dict[str, bytes], step: Mapping[str, Any], index: int, code: StepCode, notes: Notes
) -> dict[str, str]:
    """Put a step's files in place; returns the manifest's entry for it."""
    name, pointer = step["name"], f"/steps/{index}"
    file = f"steps/{_stem(name)}.json"
    made[file] = _json(step_fields(step, pointer, notes))
    entry = {"file": file}
    method = _stem(name)
    owners = code.methods.get(method, ())
    if len(owners) == 1:
        executor = f"executors/run_{method}.py"
        made[f"executors/{ADAPTER}.py"] = ADAPTER_TEXT.encode()
        made[executor] = executor_text(_MODULE, owners[0], method)
        entry["executor"] = executor
    elif f"executors/{_CODE}" in made and not code.problem:
        notes.add(
            f"the step {shown(name)}: {_why_not(method, owners, code)}",
            "it can be looked up, not run",
            pointer=pointer,
        )
    return entry


def _why_not(method: str, owners: tuple[str, ...], code: StepCode) -> str:
    if owners:
        return f"steps.py has {method} in {' and '.join(owners[:5])}"
    if method in code.misfits:
        return f"{method} in steps.py cannot be called with one dictionary of parameters"
    return f"steps.py has no method {method}"


def _gathered(metadata: Mapping[str, Any], steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What our manifest says of all steps together, where it does not say so itself."""
    found = {
        key: list(dict.fromkeys(word for step in steps for word in _words(step.get(key))))
        for key in ("platform_support", "required_permissions")
        if key not in metadata and all(key in step for step in steps)
    }
    return {key: words for key, words in found.items() if words}


def _words(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(errors="replace")
