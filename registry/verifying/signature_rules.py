"""Decide over signatures of releases: each is its publisher's, over this name, version, digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.errors import InvalidNameError
from registry.formats.model import LedgerEntry
from registry.formats.timestamps import parse_time
from registry.signing.errors import BadSignatureError, KeyRevokedError, SigningError
from registry.signing.publishers import PublisherKey, Publishers
from registry.signing.signed_statements import verify_release
from registry.signing.statements import ReleaseStatement
from registry.trust.evidence import Introduction
from registry.trust.report import Attack, CheckName, CheckOutcome, Finding
from registry.verifying.authority import NO_ADMINISTRATORS, Authority
from registry.verifying.release_rules import ReleaseEvidence
from registry.versions import parse_version

_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, kw_only=True, slots=True)
class SignaturesOutcome:
    """The result of the check, and the number of signatures it was about."""

    outcome: CheckOutcome
    signed: int


def judge_signatures(
    releases: Iterable[ReleaseEvidence], authority: Authority
) -> SignaturesOutcome:
    """Verify each ledger entry's signature; a policy may demand that there is one."""
    findings: list[Finding] = []
    signed = total = 0
    for release in releases:
        entry = release.entry
        if entry is None:
            continue
        total += 1
        if entry.signature is not None:
            signed += 1
            findings.extend(_judge(release, entry, entry.signature, authority.publishers))
        elif authority.needs_signatures:
            what = "it has no signature, and the policy requires one"
            findings.append(_finding(release, Attack.ARBITRARY_RELEASE, what, ""))
    detail = f"{signed:,} of {total:,} releases are signed"
    return SignaturesOutcome(
        outcome=CheckOutcome(
            detail=detail,
            findings=tuple(findings),
            not_checkable=_not_checkable(signed, detail, authority),
        ),
        signed=signed,
    )


def _not_checkable(signed: int, detail: str, authority: Authority) -> str:
    if not signed and not authority.needs_signatures:
        return f"{detail}; without signatures only Git and the ledger vouch for them"
    if authority.publishers is None:
        return f"{detail}; it is not known by whom they may be: registry.yaml is not to be believed"
    return "" if authority.binds else f"{detail}; {NO_ADMINISTRATORS}"


def _judge(
    release: ReleaseEvidence, entry: LedgerEntry, signature: str, publishers: Publishers | None
) -> Iterator[Finding]:
    if publishers is None:
        return
    try:
        held = verify_release(
            ReleaseStatement(
                name=release.name, version=parse_version(release.version), digest=entry.digest
            ),
            signature,
            publishers=publishers,
            owners=_owners(release.introductions),
            at=parse_time(entry.date),
        )
        _refuse_backdated(held, release.introductions)
    except SigningError as error:
        # The key is right and the bytes are others, or whoever signed was nobody who may.
        is_altered = isinstance(error, BadSignatureError)
        attack = Attack.ALTERED_RELEASE if is_altered else Attack.ARBITRARY_RELEASE
        yield _finding(
            release, attack, f"its signature is refused: {error.message}", error.next_step
        )
    except (InvalidNameError, ValueError) as error:
        what = f"its signature cannot be checked: {error}"
        yield _finding(release, Attack.ARBITRARY_RELEASE, what, "")


def _owners(introductions: tuple[Introduction, ...]) -> frozenset[str]:
    """Return the library's owners at its release: later owners vouch only for later releases."""
    return frozenset(owner for item in introductions for owner in item.owners)


def _refuse_backdated(held: PublisherKey, introductions: tuple[Introduction, ...]) -> None:
    """Raise KeyRevokedError for a release that appeared after its key was revoked.

    The date in the ledger is what its writer says; the commits up to it have dates as well.
    """
    if held.revoked is None or not introductions:
        return
    seconds = min(max(min(item.commit.seen for item in introductions), 0), _LAST_SECOND)
    if datetime.fromtimestamp(seconds, UTC) >= held.revoked:
        raise KeyRevokedError(
            f"the key {held.fingerprint} of {held.publisher} was revoked when it appeared"
        )


def _finding(release: ReleaseEvidence, attack: Attack, what: str, next_step: str) -> Finding:
    entry = release.entry
    return Finding(
        check=CheckName.SIGNATURES,
        attack=attack,
        library=release.name,
        version=release.version,
        what=what,
        evidence=f"ledger sha256:{entry.digest} of {entry.date}" if entry else "",
        next_step=next_step or "Let its publisher look at the release, and sign it",
    )
