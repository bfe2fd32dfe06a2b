"""The parts of a difference: kinds of change, each with the bump that it demands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec

from registry.formats.model import JsonValue
from registry.names import StepName


class Bump(IntEnum):
    """The part of a version that must rise, ordered: what breaks callers is the greatest."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    @property
    def word(self) -> str:
        """``none``, ``patch``, ``minor`` or ``major``."""
        return self.name.lower()


class ChangeKind(StrEnum):
    """Every kind of change there is. The names are stable: tables and filters count by them."""

    LIBRARY_RENAMED = "library-renamed"
    STEP_REMOVED = "step-removed"
    STEP_ADDED = "step-added"
    EXECUTOR_REMOVED = "executor-removed"
    EXECUTOR_ADDED = "executor-added"
    PORT_REMOVED = "port-removed"
    PORT_ADDED = "port-added"
    PLATFORM_REMOVED = "platform-removed"
    PLATFORM_ADDED = "platform-added"
    PARAMETER_REMOVED = "parameter-removed"
    PARAMETER_ADDED = "parameter-added"
    REQUIRED_PARAMETER_ADDED = "required-parameter-added"
    PARAMETER_REQUIRED = "parameter-required"
    PARAMETER_OPTIONAL = "parameter-optional"
    PARAMETER_TYPE_CHANGED = "parameter-type-changed"
    PARAMETER_NARROWED = "parameter-narrowed"
    PARAMETER_WIDENED = "parameter-widened"
    PARAMETER_INCOMPARABLE = "parameter-incomparable"
    OPTION_REMOVED = "option-removed"
    OPTION_ADDED = "option-added"
    DEFAULT_CHANGED = "default-changed"
    DEFAULT_ADDED = "default-added"
    OUTPUT_REMOVED = "output-removed"
    OUTPUT_ADDED = "output-added"
    OUTPUT_WIDENED = "output-widened"
    OUTPUT_NARROWED = "output-narrowed"
    OUTPUT_INCOMPARABLE = "output-incomparable"
    PERMISSION_WIDENED = "permission-widened"
    PERMISSION_NARROWED = "permission-narrowed"
    PREMIUM_STARTED = "premium-started"
    PREMIUM_ENDED = "premium-ended"
    DEPENDENCY_NARROWED = "dependency-narrowed"
    DEPENDENCY_WIDENED = "dependency-widened"
    STEP_DEPRECATED = "step-deprecated"
    STEP_UNDEPRECATED = "step-undeprecated"
    FORM_CHANGED = "form-changed"
    TEXT_CHANGED = "text-changed"
    FILE_CHANGED = "file-changed"


BUMPS: dict[ChangeKind, Bump] = {
    ChangeKind.LIBRARY_RENAMED: Bump.MAJOR,
    ChangeKind.STEP_REMOVED: Bump.MAJOR,
    ChangeKind.STEP_ADDED: Bump.MINOR,
    ChangeKind.EXECUTOR_REMOVED: Bump.MAJOR,
    ChangeKind.EXECUTOR_ADDED: Bump.MINOR,
    ChangeKind.PORT_REMOVED: Bump.MAJOR,
    ChangeKind.PORT_ADDED: Bump.MINOR,
    ChangeKind.PLATFORM_REMOVED: Bump.MAJOR,
    ChangeKind.PLATFORM_ADDED: Bump.MINOR,
    ChangeKind.PARAMETER_REMOVED: Bump.MAJOR,
    ChangeKind.PARAMETER_ADDED: Bump.MINOR,
    ChangeKind.REQUIRED_PARAMETER_ADDED: Bump.MAJOR,
    ChangeKind.PARAMETER_REQUIRED: Bump.MAJOR,
    ChangeKind.PARAMETER_OPTIONAL: Bump.MINOR,
    ChangeKind.PARAMETER_TYPE_CHANGED: Bump.MAJOR,
    ChangeKind.PARAMETER_NARROWED: Bump.MAJOR,
    ChangeKind.PARAMETER_WIDENED: Bump.MINOR,
    ChangeKind.PARAMETER_INCOMPARABLE: Bump.MAJOR,
    ChangeKind.OPTION_REMOVED: Bump.MAJOR,
    ChangeKind.OPTION_ADDED: Bump.MINOR,
    ChangeKind.DEFAULT_CHANGED: Bump.MAJOR,
    ChangeKind.DEFAULT_ADDED: Bump.MINOR,
    ChangeKind.OUTPUT_REMOVED: Bump.MAJOR,
    ChangeKind.OUTPUT_ADDED: Bump.MINOR,
    ChangeKind.OUTPUT_WIDENED: Bump.MAJOR,
    ChangeKind.OUTPUT_NARROWED: Bump.MINOR,
    ChangeKind.OUTPUT_INCOMPARABLE: Bump.MAJOR,
    ChangeKind.PERMISSION_WIDENED: Bump.MAJOR,
    ChangeKind.PERMISSION_NARROWED: Bump.PATCH,
    ChangeKind.PREMIUM_STARTED: Bump.MAJOR,
    ChangeKind.PREMIUM_ENDED: Bump.PATCH,
    ChangeKind.DEPENDENCY_NARROWED: Bump.MAJOR,
    ChangeKind.DEPENDENCY_WIDENED: Bump.MINOR,
    ChangeKind.STEP_DEPRECATED: Bump.MINOR,
    ChangeKind.STEP_UNDEPRECATED: Bump.PATCH,
    ChangeKind.FORM_CHANGED: Bump.PATCH,
    ChangeKind.TEXT_CHANGED: Bump.PATCH,
    ChangeKind.FILE_CHANGED: Bump.PATCH,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InterfaceChange:
    """One difference between two releases.

    ``step`` is None for what concerns the whole library; ``pointer`` is a JSON pointer into the
    step's definition, else into ``manifest.json``. ``message`` holds no text of strangers: that
    is only in ``pointer``, ``before`` and ``after``. The last two are UNSET where nothing was, or
    nothing is any more (null is a value).
    """

    kind: ChangeKind
    message: str
    step: StepName | None = None
    pointer: str = ""
    before: JsonValue | msgspec.UnsetType = msgspec.UNSET
    after: JsonValue | msgspec.UnsetType = msgspec.UNSET

    @property
    def bump(self) -> Bump:
        """The bump that this change alone demands."""
        return BUMPS[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class InterfaceDiff:
    """All changes from one release to another, the gravest first."""

    changes: tuple[InterfaceChange, ...]

    @property
    def bump(self) -> Bump:
        """The bump that they demand together: the greatest of them."""
        return max((change.bump for change in self.changes), default=Bump.NONE)

    def of(self, bump: Bump) -> tuple[InterfaceChange, ...]:
        """The changes that demand exactly this much."""
        return tuple(change for change in self.changes if change.bump is bump)
