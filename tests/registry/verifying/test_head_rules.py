"""The rules about statements of a head, at their bounds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.names import CommitId
from registry.signing.statements import HeadStatement
from registry.trust.report import Attack
from registry.verifying.head_rules import (
    SKEW,
    SPARE_STATEMENTS,
    HeadStanding,
    Known,
    judge_freshness,
    judge_statement,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HEAD, OLD = CommitId("a" * 40), CommitId("b" * 40)
HERE = HeadStanding(newer=0, is_ahead=False)


def statement(sequence: int = 10, time: datetime = NOW, head: CommitId = HEAD) -> HeadStatement:
    return HeadStatement(head=head, sequence=sequence, time=time)


def attacks(
    stated: HeadStatement, known: Known, standing: HeadStanding = HERE, now: datetime = NOW
) -> set[Attack]:
    return {finding.attack for finding in judge_statement(stated, standing, known, now).findings}


KNOWN = Known(sequence=9, time=NOW - timedelta(hours=1), head=OLD)


def test_next_statement_is_believed() -> None:
    assert attacks(statement(), KNOWN) == set()


def test_same_statement_is_believed_again() -> None:
    assert attacks(statement(), Known(sequence=10, time=NOW, head=HEAD)) == set()


@pytest.mark.parametrize("minutes", [0, 1, 90])
def test_number_may_grow_by_the_minutes_and_some_to_spare(minutes: int) -> None:
    known = Known(sequence=9, time=NOW - timedelta(minutes=minutes), head=OLD)
    most = 9 + SPARE_STATEMENTS + minutes
    assert attacks(statement(most), known) == set()
    assert attacks(statement(most + 1), known) == {Attack.FAST_FORWARD}


def test_clocks_may_differ_a_little() -> None:
    assert attacks(statement(time=NOW + SKEW), KNOWN) == set()
    later = NOW + SKEW + timedelta(seconds=1)
    assert attacks(statement(time=later), KNOWN) == {Attack.FAST_FORWARD}


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_lower_number_is_a_rollback_whatever_its_time(low: int, more: int) -> None:
    known = Known(sequence=low + more, time=NOW, head=OLD)
    assert Attack.ROLLBACK in attacks(statement(low), known)


def test_age_is_judged_to_the_second() -> None:
    day = timedelta(hours=24)
    assert not judge_freshness(statement(time=NOW - day), NOW, day).findings
    late = statement(time=NOW - day - timedelta(seconds=1))
    (finding,) = judge_freshness(late, NOW, day).findings
    assert finding.attack is Attack.FREEZE


def test_without_a_statement_or_an_age_freshness_cannot_be_checked() -> None:
    assert judge_freshness(None, NOW, None).not_checkable
    assert "--max-age" in judge_freshness(statement(), NOW, None).not_checkable


def test_age_that_is_asked_for_and_cannot_be_judged_is_found() -> None:
    (finding,) = judge_freshness(None, NOW, timedelta(hours=1.5)).findings
    assert finding.attack is Attack.FREEZE
    assert "at most 1.5 hours" in finding.what


def test_head_that_is_behind_or_elsewhere() -> None:
    behind, elsewhere = (HeadStanding(newer=None, is_ahead=ahead) for ahead in (True, False))
    assert attacks(statement(), KNOWN, behind) == {Attack.ROLLBACK}
    assert attacks(statement(), KNOWN, elsewhere) == {Attack.MIX_AND_MATCH}
