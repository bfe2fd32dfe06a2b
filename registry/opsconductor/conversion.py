"""One library converted: pure, and the same bytes for the same input."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.formats.json_text import JsonTextError, load_json
from registry.limits import DEFAULT_LIMITS, Limits
from registry.opsconductor.fields import manifest_fields, step_fields
from registry.opsconductor.generated_executors import ADAPTER, ADAPTER_TEXT, executor_text
from registry.opsconductor.inline_steps import refuse_steps, stem_of
from registry.opsconductor.notes import MANIFEST, RULE, Notes, shown
from registry.opsconductor.origins import WrittenPlace, as_written
from registry.opsconductor.source_code import StepCode, read_code
from registry.problems import InvalidLibraryError, Problem
from registry.snapshots.release_reader import too_many_steps

_CODE = "steps.py"
_MODULE = "steps"
_PLACES = {"README.md": "docs/README.md", "CHANGELOG.md": "docs/CHANGELOG.md"}
_KEPT = frozenset({"LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"})
_KEPT_FOLDERS = ("docs/", "assets/")
# Python and its tools load these by themselves wherever they lie.
_LOADED = frozenset({"sitecustomize", "usercustomize", "conftest", "__init__", "__main__"})
_WHOLE = frozenset({"metadata", "steps"})
_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """The files of a release, and what was not taken over as it was."""

    files: dict[str, bytes] = field(repr=False)
    notes: tuple[Problem, ...]
    origins: dict[str, WrittenPlace] = field(repr=False)
    """The places where the author finds what became a file."""

    def as_written(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Problems of the release, each at the place in the author's own files."""
        return tuple(as_written(problem, self.origins) for problem in problems)


def is_opsconductor(files: Mapping[str, bytes], limits: Limits = DEFAULT_LIMITS) -> bool:
    """True if this is a library for OpsConductor's own service, and nothing else."""
    manifest = _manifest(files, limits)
    return manifest is not None and set(manifest) == _WHOLE


def convert_library(files: Mapping[str, bytes], limits: Limits = DEFAULT_LIMITS) -> Converted:
    """The library in our format, which nothing has checked yet.

    Raises InvalidLibraryError when it is of another kind, a step's name is not fit to name a
    file, or its code can run none of its steps: released like that, nothing could ever mend it.
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
    origins = {MANIFEST: WrittenPlace(file=MANIFEST, pointer="/metadata")}
    refuse_steps(steps)
    made = _other_files(files, notes, origins)
    code = _read_code(files, made, limits, notes)
    entries = []
    for index, step in enumerate(steps):
        entries.append(_add_step(made, step, index, code, notes))
        origins[entries[-1]["file"]] = WrittenPlace(file=MANIFEST, pointer=f"/steps/{index}")
    if code is not None and not any("executor" in entry for entry in entries):
        raise _nothing_runs([_why_not(stem_of(step["name"]), code) for step in steps])
    metadata = manifest_fields(manifest["metadata"], notes)
    metadata |= _gathered(metadata, steps)
    made[MANIFEST] = _json({**metadata, "steps": entries})
    return Converted(files=dict(sorted(made.items())), notes=notes.listed(), origins=origins)


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
    return None if any(isinstance(one, dict) and "file" in one for one in steps) else found


def _refused(message: str, expected: str, *, file: str = MANIFEST) -> InvalidLibraryError:
    problem = Problem(rule=RULE, file=file, message=message, expected=expected)
    return InvalidLibraryError("the library", (problem,))


def _nothing_runs(reasons: list[str]) -> InvalidLibraryError:
    """A library of definitions alone is not OpsConductor's: its code is not all there."""
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    return _refused(
        f"no step can run: {'; '.join(reasons[:_NAMED])}{more}",
        "a class with a method for each step, named as the step",
        file=_CODE,
    )


def _other_files(
    files: Mapping[str, bytes], notes: Notes, origins: dict[str, WrittenPlace]
) -> dict[str, bytes]:
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
    origins |= {
        f"executors/{path}": WrittenPlace(file=path) for path in files if path.endswith(".py")
    }
    origins |= {here: WrittenPlace(file=there) for there, here in _PLACES.items() if there in files}
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
) -> StepCode | None:
    """Return the contents of steps.py; None when too large to be read, which the check refuses."""
    raw = files.get(_CODE)
    if raw is None:
        raise _refused(
            "there is no steps.py, so none of its steps could run",
            "steps.py beside manifest.json, with a class whose methods are named as the steps",
            file=_CODE,
        )
    if len(raw) > limits.executor_bytes:
        return None
    siblings = {path[len("executors/") : -len(".py")] for path in made if path.endswith(".py")}
    code = read_code(raw, frozenset(siblings))
    if code.problem:
        raise _refused(
            f"it is not Python that can be read: {code.problem}",
            "Python that can be read, so that its steps can run",
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
    made: dict[str, bytes],
    step: Mapping[str, Any],
    index: int,
    code: StepCode | None,
    notes: Notes,
) -> dict[str, str]:
    """Put a step's files in place; returns the manifest's entry for it."""
    name, pointer = step["name"], f"/steps/{index}"
    file = f"steps/{stem_of(name)}.json"
    made[file] = _json(step_fields(step, pointer, notes))
    entry = {"file": file}
    method = stem_of(name)
    owners = code.methods.get(method, ()) if code is not None else ()
    if len(owners) == 1:
        executor = f"executors/run_{method}.py"
        made[f"executors/{ADAPTER}.py"] = ADAPTER_TEXT.encode()
        made[executor] = executor_text(_MODULE, owners[0], method)
        entry["executor"] = executor
    elif code is not None:
        notes.add(
            f"the step {shown(name)}: {_why_not(method, code)}",
            "it can be looked up, not run",
            pointer=pointer,
        )
    return entry


def _why_not(method: str, code: StepCode) -> str:
    owners = code.methods.get(method, ())
    if owners:
        return f"steps.py has {method} in {' and '.join(owners[:5])}"
    if method in code.misfits:
        return f"{method} in steps.py cannot be called with one dictionary of parameters"
    return f"steps.py has no method {method}"


def _gathered(metadata: Mapping[str, Any], steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the fields of our manifest that gather from all steps.

    The labels of every step, besides those it names itself: one left out is a permission that
    nobody is asked for. Platforms only where each step names some: one that names none runs on all.
    """
    found = {}
    labels = metadata.get("required_permissions", [])
    if isinstance(labels, list):  # what is wrong with another one, the check says
        found["required_permissions"] = [*labels, *_united("required_permissions", steps, labels)]
    if "platform_support" not in metadata and all("platform_support" in step for step in steps):
        found["platform_support"] = _united("platform_support", steps, ())
    return {key: words for key, words in found.items() if words}


def _united(key: str, steps: list[dict[str, Any]], named: Collection[Any]) -> list[str]:
    words = (word for step in steps for word in _words(step.get(key)))
    return [word for word in dict.fromkeys(words) if word not in named]


def _words(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(errors="replace")
