"""The difference of any two of many releases, without comparing each with each.

A hundred releases are 9,900 pairs. But what `compare` finds is the sum of what it finds in parts
that do not depend on each other: a parameter of a step, the rest of the step, the manifest. Few
parts have more than a handful of variants over all releases, so variants are compared instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from builder.diff.manifest import TEXTS as MANIFEST_TEXTS
from builder.diff.manifest import manifest_changes
from builder.diff.model import ChangeKind, InterfaceChange
from builder.diff.parameters import parameters_changes
from builder.diff.steps import TEXTS as STEP_TEXTS
from builder.diff.steps import executor_changes, executors_of, step_changes
from registry.formats.model import JsonValue, Manifest, ReleaseContent, Step
from registry.names import StepName

ABSENT = -1
"""Stands for the variant of a part in a release that does not have its step."""
_MOST_PAIRS = 4_000
_encode = msgspec.json.Encoder(order="deterministic").encode

Judge = Callable[[Any, Any], Iterable[InterfaceChange]]
"""The changes from one variant of a part to another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """A field that people read: every change of it is told in the same words."""

    change: InterfaceChange
    """Without the values."""
    variant_of: tuple[int, ...]
    """The variant in each release."""
    values: tuple[JsonValue | msgspec.UnsetType, ...]
    """The value of each variant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedPart:
    """A part of which each change is judged."""

    variant_of: tuple[int, ...]
    changes: Mapping[tuple[int, int], tuple[InterfaceChange, ...]]
    """From one variant to another; nothing where no caller and no reader notices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AllPairs:
    """The changes from any of some releases to any other of them."""

    texts: tuple[TextPart, ...]
    judged: tuple[JudgedPart, ...]

    def changes(self, old: int, new: int) -> Iterator[InterfaceChange]:
        """The same changes as those of `compare`, in another order; by place in the sequence."""
        for part in self.judged:
            yield from part.changes.get((part.variant_of[old], part.variant_of[new]), ())
        for text in self.texts:
            before, after = text.variant_of[old], text.variant_of[new]
            if before != after and ABSENT not in (before, after):
                values = text.values
                yield replace(text.change, before=values[before], after=values[after])


def compare_all(contents: Sequence[ReleaseContent]) -> AllPairs | None:
    """Compare all releases of a library; None where that would be too much."""
    texts: list[TextPart] = []
    judged: list[JudgedPart] = []
    left = _MOST_PAIRS
    for part in _parts(contents):
        if isinstance(part, TextPart):
            if len(part.values) > 1:
                texts.append(part)
            continue
        left -= part.pairs
        if left < 0:
            return None
        if found := part.judged():
            judged.append(found)
    return AllPairs(texts=tuple(texts), judged=tuple(judged))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unjudged:
    variant_of: tuple[int, ...]
    values: tuple[Any, ...]
    judge: Judge

    @property
    def pairs(self) -> int:
        return len(self.values) * (len(self.values) - 1)

    def judged(self) -> JudgedPart | None:
        changes = {
            (old, new): found
            for old, before in enumerate(self.values)
            for new, after in enumerate(self.values)
            if old != new and (found := tuple(self.judge(before, after)))
        }
        return JudgedPart(variant_of=self.variant_of, changes=changes) if changes else None


def _parts(contents: Sequence[ReleaseContent]) -> Iterator[TextPart | _Unjudged]:
    by_name = [{step.name: step for step in content.steps} for content in contents]
    executors = [executors_of(content) for content in contents]
    every = range(len(contents))
    for name in dict.fromkeys(name for steps in by_name for name in steps):
        yield _unjudged([name in found for found in by_name], _presence(name), every)
        runs = [files[name] for files in executors if name in files]
        numbers = iter(range(len(runs)))
        place = [next(numbers) if name in files else ABSENT for files in executors]
        yield _unjudged(runs, _executor(name), place)
        yield from _step_parts(name, [found.get(name) for found in by_name])
    manifests = [content.manifest for content in contents]
    yield _unjudged([_without_texts(one) for one in manifests], manifest_changes, every)
    for field in MANIFEST_TEXTS:
        change = InterfaceChange(
            kind=ChangeKind.TEXT_CHANGED,
            pointer=f"/{field}",
            message=f"the library's {field.replace('_', ' ')} changed",
        )
        values = [getattr(one, field) for one in manifests]
        yield _text(change, [msgspec.UNSET if one is None else one for one in values], every)


def _step_parts(name: StepName, steps: Sequence[Step | None]) -> Iterator[TextPart | _Unjudged]:
    # Many releases share a step, as the same object.
    different = list({id(step): step for step in steps if step is not None}.values())
    numbers = {id(step): number for number, step in enumerate(different)}
    place = [numbers.get(id(step), ABSENT) for step in steps]
    for parameter in dict.fromkeys(key for step in different for key in step.parameters):
        found = [step.parameters.get(parameter) for step in different]
        values = [{} if one is None else {parameter: one} for one in found]
        yield _unjudged(values, _parameters(name), place)
    yield _unjudged([_rest_of(step) for step in different], step_changes, place)
    for field, kind in STEP_TEXTS:
        change = InterfaceChange(
            kind=kind,
            step=name,
            pointer=f"/{field}",
            message=f"its {field.replace('_', ' ')} changed",
        )
        yield _text(change, [getattr(step, field) for step in different], place)


def _text(change: InterfaceChange, values: Sequence[Any], place: Sequence[int]) -> TextPart:
    """A field by its different values, of which each release has one."""
    variant_of, found = _variants(values, place)
    plain = tuple(list(one) if isinstance(one, tuple) else one for one in found)
    return TextPart(change=change, variant_of=variant_of, values=plain)


def _unjudged(values: Sequence[Any], judge: Judge, place: Sequence[int]) -> _Unjudged:
    """A part by its different values, of which each release has one."""
    variant_of, found = _variants(values, place)
    return _Unjudged(variant_of=variant_of, values=tuple(found), judge=judge)


def _variants(values: Sequence[Any], place: Sequence[int]) -> tuple[tuple[int, ...], list[Any]]:
    """The number of each release's value among those that differ, and these."""
    numbers: dict[bytes, int] = {}
    found: list[Any] = []
    variants: list[int] = []
    for value in values:
        key = b"-" if value is msgspec.UNSET else _encode(value)
        number = numbers.setdefault(key, len(found))
        if number == len(found):
            found.append(value)
        variants.append(number)
    if len(found) == 1 and ABSENT not in place:
        return (0,) * len(place), found
    return tuple(ABSENT if at == ABSENT else variants[at] for at in place), found


def _rest_of(step: Step) -> Step:
    """The step without its parameters and texts."""
    texts: dict[str, Any] = dict.fromkeys((field for field, _ in STEP_TEXTS), "-")
    return replace(step, **texts | {"tags": (), "parameters": {}})


def _without_texts(manifest: Manifest) -> Manifest:
    texts: dict[str, Any] = dict.fromkeys(MANIFEST_TEXTS, None)
    return replace(manifest, **texts | {"display_name": "-", "version": "0.0.0", "steps": ()})


def _presence(name: StepName) -> Judge:
    def judge(old: bool, new: bool) -> Iterator[InterfaceChange]:
        kind = ChangeKind.STEP_ADDED if new else ChangeKind.STEP_REMOVED
        words = "a step was added" if new else "the step was removed"
        if old != new:
            yield InterfaceChange(kind=kind, step=name, message=words)

    return judge


def _executor(name: StepName) -> Judge:
    return lambda old, new: executor_changes(name, old, new)


def _parameters(name: StepName) -> Judge:
    return lambda old, new: parameters_changes(name, old, new)
