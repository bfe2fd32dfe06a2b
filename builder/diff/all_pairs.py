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
    for name in dict.fromkeys(name for steps in by_name for name in steps):
        steps = [found.get(name) for found in by_name]
        yield _unjudged([step is not None for step in steps], _presence(name))
        runs = [files.get(name, msgspec.UNSET) for files in executors]
        yield _unjudged(runs, _executor(name))
        yield from _step_parts(name, steps)
    manifests = [content.manifest for content in contents]
    yield _unjudged([_without_texts(one) for one in manifests], manifest_changes)
    for field in MANIFEST_TEXTS:
        change = InterfaceChange(
            kind=ChangeKind.TEXT_CHANGED,
            pointer=f"/{field}",
            message=f"the library's {field.replace('_', ' ')} changed",
        )
        values = [getattr(one, field) for one in manifests]
        yield _text(change, [msgspec.UNSET if one is None else one for one in values], ())


def _step_parts(name: StepName, steps: Sequence[Step | None]) -> Iterator[TextPart | _Unjudged]:
    gone = [index for index, step in enumerate(steps) if step is None]
    parameters = [{} if step is None else step.parameters for step in steps]
    for parameter in dict.fromkeys(key for found in parameters for key in found):
        values = [
            msgspec.UNSET
            if step is None
            else ({parameter: found[parameter]} if parameter in found else {})
            for step, found in zip(steps, parameters, strict=True)
        ]
        yield _unjudged(values, _parameters(name))
    rests: dict[int, Step] = {}
    yield _unjudged(
        [msgspec.UNSET if step is None else _rest_of(step, rests) for step in steps], step_changes
    )
    for field, kind in STEP_TEXTS:
        change = InterfaceChange(
            kind=kind,
            step=name,
            pointer=f"/{field}",
            message=f"its {field.replace('_', ' ')} changed",
        )
        yield _text(change, [getattr(step, field, None) for step in steps], gone)


def _text(change: InterfaceChange, values: Sequence[Any], gone: Sequence[int]) -> TextPart:
    variant_of, found = _variants(values)
    there = [ABSENT if index in gone else one for index, one in enumerate(variant_of)]
    plain = (list(one) if isinstance(one, tuple) else one for one in found)
    return TextPart(change=change, variant_of=tuple(there), values=tuple(plain))


def _unjudged(values: Sequence[Any], judge: Judge) -> _Unjudged:
    """A part by its value in each release; UNSET where its step is not there."""
    present = [value for value in values if value is not msgspec.UNSET]
    variants, found = _variants(present)
    numbers = iter(variants)
    variant_of = tuple(ABSENT if value is msgspec.UNSET else next(numbers) for value in values)
    return _Unjudged(variant_of=variant_of, values=tuple(found), judge=judge)


def _variants(values: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """Each value's number among those that differ, and these."""
    numbers: dict[bytes, int] = {}
    known: dict[int, int] = {}
    found: list[Any] = []
    variant_of: list[int] = []
    for value in values:
        number = known.get(id(value))
        if number is None:
            number = numbers.setdefault(
                b"-" if value is msgspec.UNSET else _encode(value), len(found)
            )
            if number == len(found):
                found.append(value)
            known[id(value)] = number
        variant_of.append(number)
    return variant_of, found


def _rest_of(step: Step, known: dict[int, Step]) -> Step:
    """The step without its parameters and texts, the same object for the same step."""
    found = known.get(id(step))
    if found is None:
        texts: dict[str, Any] = dict.fromkeys((field for field, _ in STEP_TEXTS), "-")
        texts |= {"tags": (), "parameters": {}}
        known[id(step)] = found = replace(step, **texts)
    return found


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
