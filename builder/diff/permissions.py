"""Compare permissions: wider is whatever allows anything that was not asked before.

Each item of the new release must be covered by one item of the old one. Where it cannot be seen
that it is, it is taken for wider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

import msgspec

from builder.diff.model import ChangeKind, InterfaceChange
from registry.formats.json_text import escape_pointer
from registry.formats.model import Permissions, RunLimits
from registry.names import StepName

Covers = Callable[[str, str], bool]

_ANY = "*"
# Labels that stand for others as well.
_LABELS = {"file_system": frozenset({"file_read", "file_write"})}


def permissions_changes(
    step: StepName, old: Permissions, new: Permissions
) -> Iterator[InterfaceChange]:
    """The changes between what a step asked and asks for."""
    groups = (
        ("filesystem/read", old.filesystem.read, new.filesystem.read, path_covers),
        ("filesystem/write", old.filesystem.write, new.filesystem.write, path_covers),
        ("network", old.network, new.network, address_covers),
        ("commands", old.commands, new.commands, command_covers),
        ("environment", old.environment, new.environment, variable_covers),
    )
    for place, before, after, covers in groups:
        group = _Group(step=step, pointer=f"/permissions/{place}", covers=covers)
        yield from group.changes(before, after)
    yield from _limit_changes(step, old.limits, new.limits)


def label_changes(
    step: StepName | None, old: Iterable[str], new: Iterable[str]
) -> Iterator[InterfaceChange]:
    """The changes between two lists of ``required_permissions``."""
    group = _Group(step=step, pointer="/required_permissions", covers=label_covers)
    yield from group.changes(old, new)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """One list of permissions, and what in it covers what."""

    step: StepName | None
    pointer: str
    covers: Covers

    def changes(self, old: Iterable[str], new: Iterable[str]) -> Iterator[InterfaceChange]:
        before, after = tuple(old), tuple(new)
        for item in after:
            if not any(self.covers(known, item) for known in before):
                yield self._change(
                    ChangeKind.PERMISSION_WIDENED, "it asks to be allowed more", after=item
                )
        for item in before:
            if not any(self.covers(still, item) for still in after):
                message = "it asks to be allowed less"
                yield self._change(ChangeKind.PERMISSION_NARROWED, message, before=item)

    def _change(
        self,
        kind: ChangeKind,
        message: str,
        before: str | msgspec.UnsetType = msgspec.UNSET,
        after: str | msgspec.UnsetType = msgspec.UNSET,
    ) -> InterfaceChange:
        return InterfaceChange(
            kind=kind,
            step=self.step,
            pointer=self.pointer,
            message=message,
            before=before,
            after=after,
        )


def _limit_changes(step: StepName, old: RunLimits, new: RunLimits) -> Iterator[InterfaceChange]:
    """Limits raised. None leaves it to the operator, who has decided; a number asks for it."""
    for field in fields(RunLimits):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        wider = after is not None and (before is None or after > before)
        yield InterfaceChange(
            kind=ChangeKind.PERMISSION_WIDENED if wider else ChangeKind.PERMISSION_NARROWED,
            step=step,
            pointer=f"/permissions/limits/{escape_pointer(field.name)}",
            message="it asks to use more" if wider else "it asks to use no more than before",
            before=_number(before),
            after=_number(after),
        )


def _number(value: float | None) -> float | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def label_covers(known: str, asked: str) -> bool:
    """``file_system`` stands for reading and writing files; every other label for itself."""
    return known == asked or asked in _LABELS.get(known, ())


def path_covers(known: str, asked: str) -> bool:
    """A path means itself and what is below it.

    >>> path_covers("/var/log", "/var/log/app.log")
    True
    >>> path_covers("/var/log", "/var/log/../passwd"), path_covers("/var/log", "/var/logs")
    (False, False)
    """
    outer, inner = _parts(known), _parts(asked)
    rest = inner[len(outer) :]
    below = inner[: len(outer)] == outer and bool(outer)
    # What follows may not lead out again; a placeholder stands for a whole path, wherever it is.
    return known == asked or (below and not any(part == ".." or "{" in part for part in rest))


def _parts(path: str) -> list[str]:
    plain = path.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    return ["/", *parts] if plain.startswith("/") else parts


def address_covers(known: str, asked: str) -> bool:
    """``*`` covers every address, ``*:443`` every host, ``*.example.com:443`` every host below.

    >>> address_covers("*.example.com:443", "api.example.com:443")
    True
    >>> address_covers("*.example.com:443", "example.com:443")
    False
    """
    outer, inner = known.lower(), asked.lower()
    if outer in {inner, _ANY}:
        return True
    host, colon, port = outer.rpartition(":")
    asked_host, asked_colon, asked_port = inner.rpartition(":")
    if not colon or not asked_colon or port not in {asked_port, _ANY}:
        return False
    if host in {asked_host, _ANY}:
        return True
    return host.startswith("*.") and "{" not in asked_host and asked_host.endswith(host[1:])


def command_covers(known: str, asked: str) -> bool:
    """A command is itself; ``*`` is every command."""
    return known in {asked, _ANY}


def variable_covers(known: str, asked: str) -> bool:
    """A variable is itself; ``*`` is every variable, ``AWS_*`` every one that starts so.

    >>> variable_covers("AWS_*", "AWS_REGION"), variable_covers("AWS_*", "HOME")
    (True, False)
    """
    return known == asked or (known.endswith(_ANY) and asked.startswith(known[:-1]))
