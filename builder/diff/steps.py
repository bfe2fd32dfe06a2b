"""Compare the offer of a release: its steps, their ports, platforms, permissions and texts."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from builder.diff.json_values import same_json
from builder.diff.manifest import platform_changes
from builder.diff.model import ChangeKind, InterfaceChange
from builder.diff.parameters import parameters_changes
from builder.diff.permissions import label_changes, permissions_changes
from builder.diff.returns import returns_changes
from registry.formats.model import JsonValue, ReleaseContent, Step
from registry.names import StepName

TEXTS = (
    ("display_name", ChangeKind.TEXT_CHANGED),
    ("category", ChangeKind.TEXT_CHANGED),
    ("description", ChangeKind.TEXT_CHANGED),
    ("icon", ChangeKind.FORM_CHANGED),
    ("color", ChangeKind.FORM_CHANGED),
    ("tags", ChangeKind.TEXT_CHANGED),
    ("deprecation_message", ChangeKind.TEXT_CHANGED),
)
"""The fields of a step that people read, or see: what was, what is, and no judgement."""


def steps_changes(old: ReleaseContent, new: ReleaseContent) -> Iterator[InterfaceChange]:
    """The changes between the steps of two releases."""
    before = {step.name: step for step in old.steps}
    after = {step.name: step for step in new.steps}
    for name in before:
        if name not in after:
            yield InterfaceChange(
                kind=ChangeKind.STEP_REMOVED, step=name, message="the step was removed"
            )
    executors, theirs = executors_of(old), executors_of(new)
    for name, step in after.items():
        if name not in before:
            yield InterfaceChange(kind=ChangeKind.STEP_ADDED, step=name, message="a step was added")
            continue
        yield from executor_changes(name, executors[name], theirs[name])
        encode = msgspec.json.encode
        if before[name] is step:  # many releases share their steps
            continue
        if encode(before[name], order="deterministic") != encode(step, order="deterministic"):
            yield from step_changes(before[name], step)


def executors_of(content: ReleaseContent) -> dict[StepName, str | None]:
    """The file that performs each step; None for a step that none performs."""
    files = content.manifest.steps
    return {step.name: file.executor for step, file in zip(content.steps, files, strict=False)}


def executor_changes(step: StepName, old: str | None, new: str | None) -> Iterator[InterfaceChange]:
    """The change from one executor to another, if it is one."""
    if old == new:
        return
    kind, message = ChangeKind.FILE_CHANGED, "its executor is another file"
    if new is None:
        kind, message = (
            ChangeKind.EXECUTOR_REMOVED,
            "its executor was removed: it cannot be run any more",
        )
    elif old is None:
        kind, message = ChangeKind.EXECUTOR_ADDED, "it got an executor: it can be run"
    yield InterfaceChange(
        kind=kind,
        step=step,
        message=message,
        before=msgspec.UNSET if old is None else old,
        after=msgspec.UNSET if new is None else new,
    )


def step_changes(old: Step, new: Step) -> Iterator[InterfaceChange]:
    """The changes between a step and the one of the same name in another release."""
    name = new.name
    yield from _port_changes(old, new)
    yield from platform_changes(name, old.platform_support, new.platform_support)
    yield from parameters_changes(name, old.parameters, new.parameters)
    yield from returns_changes(name, old.returns, new.returns)
    yield from label_changes(name, old.required_permissions, new.required_permissions)
    yield from permissions_changes(name, old.permissions, new.permissions)
    if old.is_deprecated != new.is_deprecated:
        yield InterfaceChange(
            kind=ChangeKind.STEP_DEPRECATED if new.is_deprecated else ChangeKind.STEP_UNDEPRECATED,
            step=name,
            pointer="/is_deprecated",
            message="it is deprecated" if new.is_deprecated else "it is no longer deprecated",
            before=old.is_deprecated,
            after=new.is_deprecated,
        )
    yield from _text_changes(old, new)


def _port_changes(old: Step, new: Step) -> Iterator[InterfaceChange]:
    for field in ("inputs", "outputs"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            fewer = after < before
            yield InterfaceChange(
                kind=ChangeKind.PORT_REMOVED if fewer else ChangeKind.PORT_ADDED,
                step=new.name,
                pointer=f"/{field}",
                message=f"it has {'fewer' if fewer else 'more'} {field}",
                before=before,
                after=after,
            )


def _text_changes(old: Step, new: Step) -> Iterator[InterfaceChange]:
    for field, kind in TEXTS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield InterfaceChange(
                kind=kind,
                step=new.name,
                pointer=f"/{field}",
                message=f"its {field.replace('_', ' ')} changed",
                before=_plain(before),
                after=_plain(after),
            )
    examples = [msgspec.to_builtins(step.examples) for step in (old, new)]
    if not same_json(*examples):
        yield InterfaceChange(
            kind=ChangeKind.TEXT_CHANGED,
            step=new.name,
            pointer="/examples",
            message="its examples changed",
        )


def _plain(value: JsonValue) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value
