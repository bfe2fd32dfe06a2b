"""A score: points, and what each was given or not given for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityJudgement:
    """The judgement by a criterion: ``good`` of ``total``, why, and what would be better."""

    good: int
    total: int
    why: str
    improve: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """The points of one criterion. ``improve`` is empty when all of them were earned."""

    key: str
    title: str
    earned: int
    possible: int
    why: str
    improve: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """A library's points out of 100, and the criteria in their order."""

    points: int
    criteria: tuple[Scored, ...]


def share(good: int, total: int, what: str, improve: str) -> QualityJudgement:
    """So many of so many things are right; all of none are."""
    if good == total:
        why = f"{what}: all {total}" if total else f"{what}: there are none"
        return QualityJudgement(good=1, total=1, why=why)
    return QualityJudgement(
        good=good, total=total, why=f"{what}: {good} of {total}", improve=improve
    )


def met(why: str) -> QualityJudgement:
    """All of the criterion's points."""
    return QualityJudgement(good=1, total=1, why=why)


def missed(why: str, improve: str) -> QualityJudgement:
    """None of them."""
    return QualityJudgement(good=0, total=1, why=why, improve=improve)
