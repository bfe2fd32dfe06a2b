"""The last head that was trusted: remembered on this machine, outside of anything that is fetched.

It is light on purpose: servers and writers ask it before they use a head.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.files.durable import write_durably
from registry.files.locks import exclusive
from registry.formats.timestamps import parse_time
from registry.names import CommitId, ObjectId
from registry.snapshots.registry import Registry
from registry.trust.commit_walk import descends
from registry.trust.errors import TrustedFileError, UntrustedHistoryError
from registry.trust.report import Attack

_FILE = "trusted.json"
_LOCK = "trusted.lock"
_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedHead:
    """The head that is trusted. ``sequence`` is 0 as long as no statement of a head was seen."""

    head: CommitId
    verified: str
    """The time at which it was verified or set: RFC 3339, UTC."""
    sequence: int = 0
    time: str | None = None
    """Of the statement."""
    statement: CommitId | None = None
    """The head that the statement names."""
    registry: ObjectId | None = None
    """The blob of ``registry.yaml``, and below that of its signature."""
    signature: ObjectId | None = None
    accepted: tuple[str, ...] = ()
    """Identities of the findings that were acknowledged."""


def trusted_path(registry: Registry) -> Path:
    """Return the path of the memory."""
    return registry.state_directory / _FILE


def read_trusted(registry: Registry) -> TrustedHead | None:
    """Return the trusted head; None at the first time. Raises TrustedFileError."""
    path = trusted_path(registry)
    try:
        return _parse(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        # Never taken for a first time: that would trust whatever is there now.
        raise TrustedFileError(
            f"the last trusted head cannot be read: {error}",
            where=str(path),
            next_step="Find out who changed the file; 'opsteps trust COMMIT' writes it again",
        ) from error


def _parse(raw: bytes) -> TrustedHead:
    trusted = msgspec.json.decode(raw, type=TrustedHead)
    if any(id_ is not None and not _ID.fullmatch(id_) for id_ in (trusted.head, trusted.statement)):
        raise ValueError("a commit in it is not valid")
    if trusted.time is not None:
        parse_time(trusted.time)
    return trusted


def remember(registry: Registry, trusted: TrustedHead, *, before: TrustedHead | None) -> bool:
    """Remember a head in the place of ``before``, durably; False when another came in between."""
    with exclusive(registry.state_directory / _LOCK):
        if read_trusted(registry) != before:
            return False
        _write(registry, trusted)
    return True


def set_trusted(registry: Registry, trusted: TrustedHead) -> None:
    """Remember a head whatever was remembered, because a person says so."""
    with exclusive(registry.state_directory / _LOCK):
        _write(registry, trusted)


def _write(registry: Registry, trusted: TrustedHead) -> None:
    text = msgspec.json.format(msgspec.json.encode(trusted), indent=2)
    write_durably(trusted_path(registry), text + b"\n")


def attack_on_descent(registry: Registry, head: CommitId, trusted: CommitId) -> Attack | None:
    """Name the attack of a head that does not descend from the trusted one; None when it does.

    Costs the commits between the two; all of history only where it does not descend.
    """
    if descends(registry.repository, head, trusted):
        return None
    if descends(registry.repository, trusted, head):
        return Attack.ROLLBACK
    return Attack.REWRITTEN_HISTORY


def refuse_untrusted(registry: Registry, head: CommitId) -> None:
    """Raise UntrustedHistoryError for a head that does not descend from the last trusted one.

    Without anything remembered every head passes: it is trusted at its first verification.
    """
    trusted = read_trusted(registry)
    if trusted is None:
        return
    attack = attack_on_descent(registry, head, trusted.head)
    if attack is not None:
        raise UntrustedHistoryError(
            f"{attack}: {describe_descent(attack, head, trusted.head)}",
            where=str(registry.path),
            next_step=TRUST_NEXT.format(head=head[:12]),
        )


TRUST_NEXT = "Find out who moved the branch; if it was meant, say so with 'opsteps trust {head}'"


def describe_descent(attack: Attack, head: CommitId, trusted: CommitId) -> str:
    """Say what is wrong with the place of the head, in a sentence."""
    if attack is Attack.ROLLBACK:
        return f"the head {head[:12]} is older than {trusted[:12]}, which was trusted"
    return f"the head {head[:12]} does not descend from {trusted[:12]}, which was trusted"
