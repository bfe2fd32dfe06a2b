"""Decide if a change still fits to the libraries around it, and what else must change: pure.

Invariants of what `settle` returns:
- every requirement of a library that changes and is used afterwards holds;
- a requirement of any other library that held before holds afterwards;
- nothing changes that was not asked for, except by ``cascade``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from registry.installing.errors import DependencyConflictError, DependentsError, Unmet
from registry.installing.library_change import LibraryChange, LibraryTransition, usable
from registry.names import CORE, LibraryName
from registry.snapshots.library_at_head import LibraryAtHead
from registry.versions import Dependency, Version

_NAMED = 5

Steps = Mapping[LibraryName, LibraryTransition]
Apply = Callable[[LibraryChange, LibraryAtHead], LibraryTransition]
Fate = Callable[[LibraryName, LibraryAtHead], LibraryChange]
"""Decides what a cascade does to a library that would be left without what it needs."""


class View(Protocol):
    """The libraries around a change, at one head."""

    def load(self, names: Iterable[LibraryName]) -> None:
        """Read these together, as they will be asked for."""

    def state(self, name: LibraryName) -> LibraryAtHead:
        """A library's state; of one that is not there, the empty one."""

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of a release that is there."""

    def dependents(self, name: LibraryName) -> frozenset[LibraryName]:
        """Libraries with a release that names this one."""

    def core(self) -> Version:
        """The version of the built-in library."""


def settle(
    view: View, wanted: Sequence[LibraryChange], apply: Apply, *, fate: Fate | None = None
) -> dict[LibraryName, LibraryTransition]:
    """The steps of an operation, by name, with those that a cascade adds.

    Without ``fate`` nothing cascades. Raises DependentsError or DependencyConflictError with
    everything that would not hold, and what ``apply`` raises.
    """
    view.load(change.name for change in wanted)
    steps = {change.name: apply(change, view.state(change.name)) for change in wanted}
    asked = frozenset(steps)
    while True:
        unmet = list(_unmet(view, steps))
        if not unmet:
            return steps
        if fate is None:
            raise _refusal(unmet, asked)
        more = _cascade(view, unmet, steps, fate)
        if not more:
            raise _refusal(unmet, asked)
        for change in more:
            steps[change.name] = apply(change, view.state(change.name))


def _cascade(view: View, unmet: list[Unmet], steps: Steps, fate: Fate) -> list[LibraryChange]:
    """A change for each library that can be helped by one and has none yet."""
    found: dict[LibraryName, LibraryChange] = {}
    for one in unmet:
        is_new = one.library not in steps
        if is_new:
            found[one.library] = fate(one.library, view.state(one.library))
        elif one.dependency.library not in steps and _is_off(view, one):
            name = one.dependency.library
            found[name] = LibraryChange(name=name, enabled=True)
    return list(found.values())


def _is_off(view: View, unmet: Unmet) -> bool:
    """True if turning on what is needed would do."""
    state = view.state(unmet.dependency.library)
    active = state.active
    return not state.is_enabled and active is not None and unmet.dependency.allows(active)


def _unmet(view: View, steps: Steps) -> Iterator[Unmet]:
    changed = {name: step for name, step in steps.items() if step.touches_callers}
    around = {name: view.dependents(name) - steps.keys() for name in changed}
    for name in changed:
        yield from _unmet_of(view, steps, name)
    others = frozenset().union(*around.values())
    view.load(others)
    for other in sorted(others):
        touched = frozenset(name for name, found in around.items() if other in found)
        for one in _unmet_of(view, steps, other):
            if one.dependency.library in touched and _held_before(view, one):
                yield one


def _unmet_of(view: View, steps: Steps, name: LibraryName) -> Iterator[Unmet]:
    step = steps.get(name)
    version = usable(step.after if step is not None else view.state(name))
    if version is None:
        return
    needs = _needs(view, step, name, version)
    view.load(one.library for one in needs if one.library != CORE)
    for dependency in needs:
        found, why = _answer(view, steps, dependency)
        if found is None or not dependency.allows(found):
            yield Unmet(library=name, version=version, dependency=dependency, found=found, why=why)


def _needs(
    view: View, step: LibraryTransition | None, name: LibraryName, version: Version
) -> Sequence[Dependency]:
    for incoming in step.change.add if step is not None else ():
        if incoming.version == version:
            return incoming.requirements
    return view.requirements(name, version)


def _answer(view: View, steps: Steps, dependency: Dependency) -> tuple[Version | None, str]:
    """The version that a requirement meets, and how that is said."""
    name = dependency.library
    if name == CORE:
        return view.core(), f"{name} {view.core()} is built in"
    step = steps.get(name)
    state = step.after if step is not None else view.state(name)
    active = state.active
    if active is None:
        gone = step is not None and step.before.active is not None
        return None, f"{name} {'would be gone' if gone else 'is not installed'}"
    if not state.is_enabled:
        return None, f"{name} {'would be' if step is not None else 'is'} disabled"
    return active, f"{name} {active} {'would be' if step is not None else 'is'} active"


def _held_before(view: View, unmet: Unmet) -> bool:
    state = view.state(unmet.dependency.library)
    before = usable(state)
    return before is not None and unmet.dependency.allows(before)


def _refusal(unmet: list[Unmet], asked: frozenset[LibraryName]) -> DependencyConflictError:
    told = "; ".join(map(str, unmet[:_NAMED]))
    more = f"; and {len(unmet) - _NAMED} more" if len(unmet) > _NAMED else ""
    dependents = sorted({one.library for one in unmet} - asked)
    if dependents:
        return DependentsError(
            f"{', '.join(dependents[:_NAMED])} would be left without what "
            f"{'they need' if len(dependents) > 1 else 'it needs'}: {told}{more}",
            tuple(unmet),
            next_step="Change these first, or with 'cascade' in the same go",
        )
    return DependencyConflictError(
        f"what it needs is not there: {told}{more}",
        tuple(unmet),
        next_step="Install or enable what is missing first, in a version that fits",
    )
