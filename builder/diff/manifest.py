"""Compare manifests beyond their steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from builder.diff.dependencies import dependencies_changes
from builder.diff.model import ChangeKind, InterfaceChange
from builder.diff.permissions import label_changes
from registry.formats.model import JsonValue, Manifest, Platform
from registry.names import StepName
from registry.versions import parse_version

# Fields that people read; they bind nobody who calls a step.
TEXTS = (
    "display_name", "description", "author", "author_email", "homepage", "repository", "license",
    "categories", "tags", "price", "trial_days", "support_email", "publisher",
    "python_requirements",
)  # fmt: skip


def manifest_changes(old: Manifest, new: Manifest) -> Iterator[InterfaceChange]:
    """The changes between two manifests; their versions and steps are not looked at."""
    if old.name != new.name:
        yield InterfaceChange(
            kind=ChangeKind.LIBRARY_RENAMED,
            pointer="/name",
            message="it is another library",
            before=old.name,
            after=new.name,
        )
    yield from platform_changes(None, old.platform_support, new.platform_support)
    yield from label_changes(None, old.required_permissions, new.required_permissions)
    yield from _premium_changes(old, new)
    yield from dependencies_changes(old.dependencies, new.dependencies)
    yield from _host_changes(old.min_opsconductor_version, new.min_opsconductor_version)
    for name in TEXTS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield InterfaceChange(
                kind=ChangeKind.TEXT_CHANGED,
                pointer=f"/{name}",
                message=f"the library's {name.replace('_', ' ')} changed",
                before=_plain(before),
                after=_plain(after),
            )


def _plain(value: JsonValue) -> JsonValue:
    """A field's value as JSON has it; UNSET for one that is not given."""
    if value is None:
        return msgspec.UNSET
    return list(value) if isinstance(value, tuple) else value


def platform_changes(
    step: StepName | None, old: Sequence[Platform], new: Sequence[Platform]
) -> Iterator[InterfaceChange]:
    """The changes between two lists of platforms, of a step or of a library."""
    pointer = "/platform_support"
    for platform in old:
        if platform not in new:
            yield InterfaceChange(
                kind=ChangeKind.PLATFORM_REMOVED,
                step=step,
                pointer=pointer,
                message="a platform is no longer supported",
                before=platform.value,
            )
    for platform in new:
        if platform not in old:
            yield InterfaceChange(
                kind=ChangeKind.PLATFORM_ADDED,
                step=step,
                pointer=pointer,
                message="a platform was added",
                after=platform.value,
            )


def _premium_changes(old: Manifest, new: Manifest) -> Iterator[InterfaceChange]:
    if old.is_premium != new.is_premium:
        yield InterfaceChange(
            kind=ChangeKind.PREMIUM_STARTED if new.is_premium else ChangeKind.PREMIUM_ENDED,
            pointer="/is_premium",
            message="it needs a licence now" if new.is_premium else "it needs no licence any more",
            before=old.is_premium,
            after=new.is_premium,
        )


def _host_changes(old: str, new: str) -> Iterator[InterfaceChange]:
    """The least OpsConductor that runs it: a dependency as any other."""
    if old == new:
        return
    narrower = parse_version(new) > parse_version(old)
    what = "it needs a newer OpsConductor" if narrower else "it runs on an older OpsConductor"
    yield InterfaceChange(
        kind=ChangeKind.DEPENDENCY_NARROWED if narrower else ChangeKind.DEPENDENCY_WIDENED,
        pointer="/min_opsconductor_version",
        message=what,
        before=old,
        after=new,
    )
