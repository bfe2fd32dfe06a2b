"""Check the statement of the head: whose it is, and whether it fits what is here and was known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.formats.timestamps import parse_time
from registry.names import CommitId
from registry.signing.errors import SigningError
from registry.signing.signed_statements import verify_head
from registry.signing.statements import HeadStatement
from registry.snapshots.registry import Registry
from registry.trust.commit_walk import descends
from registry.trust.evidence import History
from registry.trust.report import CheckOutcome
from registry.trust.trusted_head import TrustedHead
from registry.verifying.authority import NO_ADMINISTRATORS, Authority
from registry.verifying.head_rules import (
    HeadStanding,
    Known,
    judge_freshness,
    judge_statement,
    no_statement,
    refused_statement,
)
from registry.verifying.head_statement import KeptStatement, read_statements
from registry.verifying.instance_keys import KeyHistory

_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadCheck:
    """The result of the check; ``believed`` is the statement when its signature is good."""

    statement: CheckOutcome
    freshness: CheckOutcome
    believed: HeadStatement | None


def check_head_statement(
    registry: Registry,
    history: History,
    authority: Authority,
    trusted: TrustedHead | None,
    *,
    keys: KeyHistory,
    now: datetime,
    longest: timedelta | None,
) -> HeadCheck:
    """Read the statement of the head and judge it; ``keys`` were declared up to the head."""
    kept = read_statements(registry.repository)
    known = _known(history, trusted)
    believed, refusals = _believed(kept, authority)
    if believed is not None:
        standing = _standing(registry, history, believed.head)
        outcome = _bound(judge_statement(believed, standing, known, now), authority)
    elif refusals:
        outdated = _outdated(kept, history, keys, known)
        outcome = outdated or refused_statement(refusals[0], kept[0].ref)
    else:
        outcome = no_statement(known)
    return HeadCheck(
        statement=outcome, freshness=judge_freshness(believed, now, longest), believed=believed
    )


def _believed(
    kept: tuple[KeptStatement, ...], authority: Authority
) -> tuple[HeadStatement | None, list[str]]:
    """The newest statement with a good signature, and why the others are refused."""
    good: list[HeadStatement] = []
    refusals: list[str] = []
    for item in kept:
        try:
            if item.raw is None or item.signature is None:
                refusals.append("the branch lacks head.txt or head.txt.sig")
                continue
            good.append(verify_head(item.raw, item.signature, keys=authority.instance_keys()))
        except SigningError as error:
            refusals.append(error.message)
    return max(good, key=lambda statement: statement.sequence, default=None), refusals


def _outdated(
    kept: tuple[KeptStatement, ...], history: History, keys: KeyHistory, known: Known
) -> CheckOutcome | None:
    """Return the outcome for a statement by a key that was removed after the head that it names.

    It was right when it was made, so it is not a trace of an attack, and not believed either: who
    has the key may have made it since. Where another one was seen here before, it is refused.
    """
    for item in kept:
        if item.raw is None or item.signature is None:
            continue
        for print_, at in keys.removed[history.head].items():
            try:
                found = verify_head(item.raw, item.signature, keys=[keys.keys[print_]])
            except SigningError:
                continue
            is_seen = known.head is None or (found.sequence, found.head) == (
                known.sequence,
                known.head,
            )
            if is_seen and found.head in history.ancestors(at) - {at}:
                reason = (
                    f"number {found.sequence} is signed by a key that was removed since; sign the"
                    " head again with 'opsteps sign-head --key KEY'"
                )
                return CheckOutcome(detail=reason, not_checkable=reason)
    return None


def _bound(outcome: CheckOutcome, authority: Authority) -> CheckOutcome:
    if authority.binds:
        return outcome
    return CheckOutcome(
        detail=outcome.detail,
        findings=outcome.findings,
        not_checkable=f"{outcome.detail}; {NO_ADMINISTRATORS}",
    )


def _known(history: History, trusted: TrustedHead | None) -> Known:
    if trusted is not None and trusted.sequence and trusted.time is not None:
        return Known(
            sequence=trusted.sequence,
            time=parse_time(trusted.time),
            head=trusted.statement or trusted.head,
        )
    first = next(iter(history.commits.values())).seen
    moment = datetime.fromtimestamp(min(max(first, 0), _LAST_SECOND), UTC)
    return Known(sequence=0, time=moment)


def _standing(registry: Registry, history: History, stated: CommitId) -> HeadStanding:
    if stated in history.commits:
        return HeadStanding(
            newer=len(history.commits) - len(history.ancestors(stated)), is_ahead=False
        )
    return HeadStanding(newer=None, is_ahead=descends(registry.repository, stated, history.head))
