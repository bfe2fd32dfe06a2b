"""The score of a library: one table of criteria and weights, 100 points together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builder.quality import document_criteria, trust_criteria
from builder.quality.facts import QualityFacts
from builder.quality.model import Quality, QualityJudgement, Scored

TOTAL = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One thing that points are given for. ``rule`` is what docs/quality.md says of it."""

    key: str
    title: str
    possible: int
    rule: str
    judge: Callable[[QualityFacts], QualityJudgement]


CRITERIA = (
    Criterion(
        key="permissions",
        title="Minimal permissions",
        possible=14,
        rule="Every step names each host, path, command and variable (no `*`, no `*:443`), and its"
        " labels agree with that and with the manifest's. A step without an executor has to name"
        " something: a permission, a label or a limit. A share by step; the manifest counts as one"
        " more, but where no step names anything.",
        judge=trust_criteria.permissions,
    ),
    Criterion(
        key="vulnerabilities",
        title="No known vulnerability",
        possible=10,
        rule="No advisory of the registry hits the active release.",
        judge=trust_criteria.vulnerabilities,
    ),
    Criterion(
        key="described",
        title="Descriptions",
        possible=10,
        rule="Every step and every parameter has a description that says more than its name.",
        judge=document_criteria.described,
    ),
    Criterion(
        key="examples",
        title="Examples",
        possible=10,
        rule="Every step with parameters has examples, and the step accepts all of them.",
        judge=document_criteria.examples,
    ),
    Criterion(
        key="tests",
        title="Tests",
        possible=10,
        rule="There are files below `tests/`. A library without executors needs none.",
        judge=trust_criteria.tests,
    ),
    Criterion(
        key="readme",
        title="README",
        possible=8,
        rule=f"`docs/README.md` has {document_criteria.README_WORDS} words or more besides its"
        " headings; fewer give a share.",
        judge=document_criteria.readme,
    ),
    Criterion(
        key="changelog",
        title="Changelog",
        possible=7,
        rule="`docs/CHANGELOG.md` says something under a heading that names this version.",
        judge=document_criteria.changelog,
    ),
    Criterion(
        key="returns",
        title="Described outputs",
        possible=6,
        rule="Every step with an output has a schema of it under `returns`.",
        judge=document_criteria.returns,
    ),
    Criterion(
        key="licence",
        title="Licence",
        possible=6,
        rule="`license` is an expression of SPDX licences; half for a `LicenseRef-`.",
        judge=trust_criteria.licence,
    ),
    Criterion(
        key="signed",
        title="Signed",
        possible=6,
        rule="A publisher's valid signature over the active release is in the ledger.",
        judge=trust_criteria.signed,
    ),
    Criterion(
        key="maintained",
        title="Maintained",
        possible=6,
        rule="The last release is less than a year older than the registry's last commit; half"
        " below two years.",
        judge=trust_criteria.maintained,
    ),
    Criterion(
        key="dependencies",
        title="Bounded dependencies",
        possible=4,
        rule="Every dependency has an upper bound; every Python package a version and a hash.",
        judge=trust_criteria.dependencies,
    ),
    Criterion(
        key="current",
        title="Current",
        possible=3,
        rule="The library is not deprecated and its active release is not yanked.",
        judge=trust_criteria.current,
    ),
)


def score(facts: QualityFacts) -> Quality:
    """The points of a release, and why. The same facts always give the same."""
    scored = tuple(_scored(criterion, criterion.judge(facts)) for criterion in CRITERIA)
    return Quality(points=sum(item.earned for item in scored), criteria=scored)


def _scored(criterion: Criterion, judged: QualityJudgement) -> Scored:
    # Rounded down: full points only where nothing is left to improve.
    earned = criterion.possible * judged.good // judged.total
    return Scored(
        key=criterion.key,
        title=criterion.title,
        earned=earned,
        possible=criterion.possible,
        why=judged.why,
        improve=judged.improve,
    )
