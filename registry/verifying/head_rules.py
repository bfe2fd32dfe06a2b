"""Decide over the statement of a head, and over the head itself: newer, older, or from elsewhere.

The rule for fast-forward: sequences grow by one each statement, and nobody signs more often than
once a minute. So a number may be above the last one that is known (0 at the time of the first
commit) by at most the minutes since then and 1,000 to spare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.names import CommitId
from registry.signing.statements import HeadStatement
from registry.trust.report import Attack, CheckName, CheckOutcome, Finding

SKEW = timedelta(minutes=5)
"""The greatest difference between two machines' clocks."""
SPARE_STATEMENTS = 1_000
_FETCH = "Fetch the registry and its branch opsteps-head together, from a place that you trust"
_SIGN = "Let 'opsteps sign-head' sign the present head, and see why it was not done"

_SIGN_ONE = "let CI do that with 'opsteps sign-head', or leave --max-age out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The last statement that was believed; number 0 at the first commit when there was none."""

    sequence: int
    time: datetime
    head: CommitId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadStanding:
    """The place of a statement's head, seen from the registry's head."""

    newer: int | None
    """The number of commits the head has upon it; None when it is not an ancestor of the head."""
    is_ahead: bool
    """True if the statement's head comes after the registry's."""


def judge_statement(
    statement: HeadStatement, standing: HeadStanding, known: Known, now: datetime
) -> CheckOutcome:
    """Judge if a statement, whose signature is good, fits what is here and what was known."""
    findings = (*_place(statement, standing), *_number(statement, known), *_time(statement, now))
    upon = f"{standing.newer:,} commits are newer than it" if standing.newer else "it is the head"
    return CheckOutcome(
        detail=f"number {statement.sequence}, signed {statement.time:%Y-%m-%d %H:%M} UTC; {upon}",
        findings=findings,
    )


def _place(statement: HeadStatement, standing: HeadStanding) -> Iterator[Finding]:
    if standing.newer is not None:
        return
    evidence = f"it names {statement.head}"
    if standing.is_ahead:
        what = "the head is older than the one that the statement names"
        yield _finding(Attack.ROLLBACK, what, evidence, _FETCH)
    else:
        what = "the statement names a commit that is not in this history"
        yield _finding(Attack.MIX_AND_MATCH, what, evidence, _FETCH)


def _number(statement: HeadStatement, known: Known) -> Iterator[Finding]:
    sequence, last = statement.sequence, known.sequence
    if sequence < last:
        what = f"the statement is number {sequence}, and number {last} was seen already"
        yield _finding(Attack.ROLLBACK, what, f"{statement.time:%Y-%m-%dT%H:%M:%SZ}", _FETCH)
        return
    if sequence == last and known.head is not None:
        if (statement.head, statement.time) != (known.head, known.time):
            what = f"there are two statements with the number {sequence}"
            evidence = f"one names {statement.head}, the other {known.head}"
            yield _finding(Attack.MIX_AND_MATCH, what, evidence, _FETCH)
        return
    if known.head is not None and statement.time < known.time:
        what = f"the statement {sequence} is older than {last}, which was seen already"
        yield _finding(Attack.ROLLBACK, what, f"{statement.time:%Y-%m-%dT%H:%M:%SZ}", _FETCH)
    minutes = max(int((statement.time - known.time).total_seconds() // 60), 0)
    most = last + SPARE_STATEMENTS + minutes
    if sequence > most:
        what = f"the statement's number {sequence} is beyond {most}, the most there can be by then"
        yield _finding(Attack.FAST_FORWARD, what, f"the last known is {last}", _SIGN)


def _time(statement: HeadStatement, now: datetime) -> Iterator[Finding]:
    if statement.time > now + SKEW:
        what = "the statement is from the future"
        evidence = f"{statement.time:%Y-%m-%dT%H:%M:%SZ}, and now it is {now:%Y-%m-%dT%H:%M:%SZ}"
        yield _finding(Attack.FAST_FORWARD, what, evidence, "Compare the clocks; " + _FETCH)


def judge_freshness(
    statement: HeadStatement | None, now: datetime, longest: timedelta | None
) -> CheckOutcome:
    """Judge if newer states may be held back: a statement that is too old says so.

    Somebody who names an age asks for an answer: then a statement that is not there is found, too.
    """
    if statement is None:
        reason = "without a signed statement of the head nobody can tell an old state from a new"
        if longest is not None:
            return CheckOutcome(detail=reason, findings=(_no_age(longest),))
        return CheckOutcome(detail=reason, not_checkable=reason)
    age = max(now - statement.time, timedelta())
    hours = age.total_seconds() / 3600
    detail = f"the statement is {hours:,.1f} hours old"
    if longest is None:
        return CheckOutcome(detail=detail, not_checkable=f"{detail}; give --max-age to judge that")
    most = longest.total_seconds() / 3600
    until = statement.time + longest
    if age <= longest:
        return CheckOutcome(detail=f"{detail}; fresh until {until:%Y-%m-%d %H:%M} UTC")
    what = f"the statement is older than {most:g} hours: newer states may be held back"
    finding = Finding(
        check=CheckName.FRESHNESS,
        attack=Attack.FREEZE,
        what=what,
        evidence=f"signed {statement.time:%Y-%m-%dT%H:%M:%SZ}",
        next_step=f"{_FETCH}. If that is the newest: {_SIGN}",
    )
    return CheckOutcome(detail=detail, findings=(finding,))


def _no_age(longest: timedelta) -> Finding:
    hours = longest.total_seconds() / 3600
    return Finding(
        check=CheckName.FRESHNESS,
        attack=Attack.FREEZE,
        what="no signed statement of the head that is to be believed is here, and it may be at most"
        f" {hours:g} hours old",
        next_step=f"{_FETCH}. If nobody signs it: {_SIGN_ONE}",
    )


def no_statement(known: Known) -> CheckOutcome:
    """There is none: after one was seen that is a trace in itself."""
    if known.head is None:
        return CheckOutcome(detail="", not_checkable="there is no signed statement of the head")
    what = f"there is no statement of the head, and number {known.sequence} was seen already"
    finding = _finding(Attack.FREEZE, what, f"it named {known.head}", _FETCH)
    return CheckOutcome(detail="no statement", findings=(finding,))


def refused_statement(why: str, ref: str) -> CheckOutcome:
    """There is one, and its signature is not to be believed."""
    what = f"the statement of the head is refused: {why}"
    finding = _finding(Attack.FORGED_STATEMENT, what, ref, _SIGN)
    return CheckOutcome(detail=what, findings=(finding,))


def _finding(attack: Attack, what: str, evidence: str, next_step: str) -> Finding:
    return Finding(
        check=CheckName.STATEMENT,
        attack=attack,
        what=what,
        evidence=evidence,
        next_step=next_step,
    )
