"""Hold a head to what servers of this clone served: they refuse one that lacks commits of that."""

from __future__ import annotations

from dataclasses import dataclass

from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.trust.moved_head import look_at_served
from registry.trust.report import CheckName, Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedCheck:
    """The result of the check; a note is not an attack, but makes a server ``degraded``."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def check_served(registry: Registry, head: CommitId) -> ServedCheck:
    """Say why a server of this working tree refuses its head; nothing where none ever ran."""
    look = look_at_served(registry)
    if look is None or not look.problem or registry.head() != head:
        return ServedCheck()
    if look.attack is None:
        return ServedCheck(notes=(str(look),))
    finding = Finding(
        check=CheckName.DESCENT,
        attack=look.attack,
        what=look.problem.removeprefix(f"{look.attack}: "),
        evidence=f"head {head}; served {look.commit}",
        next_step=look.next_step,
    )
    return ServedCheck(findings=(finding,))
