"""Decide if a bundle is to be believed: who signed its head, and that nothing in it was altered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from builder.bundling.errors import UnsignedBundleError, UnsoundBundleError
from registry.problems import printable
from registry.publishing.ledger_signature import registry_facts
from registry.signing.errors import MalformedKeyError, SigningError
from registry.signing.keys import PublicKey, parse_public_key, parse_public_keys
from registry.signing.signed_statements import verify_head
from registry.signing.statements import HeadStatement
from registry.snapshots.registry import Registry
from registry.trust.report import Finding, VerificationReport
from registry.trust.trusted_head import TrustedHead, read_trusted
from registry.verifying.head_statement import read_statements
from registry.verifying.verification import VerificationOptions, verify_registry

_NAMED = 3
_SIGN_IT = "Make it with 'opsteps bundle --key KEY', with a key of the registry's instance_keys"
_OWN_WORD = "no administrator's key was given: who may sign is taken from the bundle itself"
_UNKNOWN_AGE = "nobody signs the heads of this registry: it may be an old one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """The demands of the importer: administrators' pinned keys, and how old the head may be."""

    administrators: tuple[PublicKey, ...] = ()
    max_age: timedelta | None = None


def read_demands(administrators: Path | None, max_age_hours: float | None) -> Demands:
    """The demands of a command line; raises SigningError for a file without keys."""
    keys: tuple[PublicKey, ...] = ()
    if administrators is not None:
        where = str(administrators)
        try:
            keys = parse_public_keys(administrators.read_text(), where=where)
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedKeyError(f"it cannot be read: {error}", where=where) from error
        if not keys:
            raise MalformedKeyError("there is no key in it", where=where)
    age = timedelta(hours=max_age_hours) if max_age_hours is not None else None
    return Demands(administrators=keys, max_age=age)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trusted:
    """The believed part: the statement, if any, and the head to remember from now on.

    ``notes`` say what could not be checked.
    """

    statement: HeadStatement | None
    head: TrustedHead
    notes: tuple[str, ...]


def check_incoming_head(incoming: Registry, demands: Demands, *, local: Registry | None) -> Trusted:
    """Believe what was unpacked, or raise a RefusedBundleError that says why not.

    A bundle's statement must be about its very head. Who may sign is said by a ``registry.yaml``
    that an administrator signed, else by the one that is here; a first import without
    administrators takes the bundle's own word, and says so.
    """
    source = incoming if demands.administrators or local is None else local
    keys = _instance_keys(source)
    notes = () if demands.administrators or local is not None else (_OWN_WORD,)
    statement = None
    if keys or demands.max_age is not None:
        statement = _signed(incoming, keys)
    else:
        notes = (*notes, _UNKNOWN_AGE)
    wishes = VerificationOptions(
        now=datetime.now(UTC),
        administrators=demands.administrators,
        longest=demands.max_age,
        deep=True,
    )
    verified = verify_registry(
        incoming, wishes, trusted=read_trusted(local) if local is not None else None
    )
    _require_sound(verified.report)
    return Trusted(statement=statement, head=verified.head, notes=notes)


def _instance_keys(registry: Registry) -> list[PublicKey]:
    policy = registry_facts(registry, registry.head()).policy
    return [parse_public_key(line, where="registry.yaml") for line in policy.instance_keys]


def _signed(incoming: Registry, keys: Sequence[PublicKey]) -> HeadStatement:
    kept = next(iter(read_statements(incoming.repository)), None)
    if kept is None or kept.raw is None or kept.signature is None:
        raise UnsignedBundleError("it has no statement of its head", next_step=_SIGN_IT)
    try:
        statement = verify_head(kept.raw, kept.signature, keys=keys)
    except SigningError as error:
        raise UnsignedBundleError(
            f"the statement of its head is signed by no key that is known: {error.message}",
            next_step="Take a bundle that this registry's instance or its CI signed",
        ) from error
    head = incoming.head()
    if statement.head != head:
        raise UnsignedBundleError(
            f"its statement is about the head {statement.head[:12]}, not about {head[:12]}",
            next_step=_SIGN_IT,
        )
    return statement


def _require_sound(report: VerificationReport) -> None:
    if report.is_sound:
        return
    named = "; ".join(map(_sentence, report.findings[:_NAMED]))
    rest = len(report.findings) - _NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    raise UnsoundBundleError(
        f"it is not sound: {printable(named)}{more}",
        next_step=f"{report.findings[0].next_step}. Nothing was changed",
    )


def _sentence(finding: Finding) -> str:
    release = " ".join(part for part in (finding.library, finding.version) if part)
    return f"{finding.attack}: {release}{': ' if release else ''}{finding.what}"
