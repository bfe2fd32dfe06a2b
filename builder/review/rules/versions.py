"""Check the number of a candidate."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from builder.content_rules.rule_problems import error, warning
from builder.diff import judge_against
from builder.review.evidence.model import Candidate
from registry.problems import Problem
from registry.versions import Version


def order_problems(candidate: Candidate, known: Collection[Version]) -> Iterator[Problem]:
    """A number out of order, or after a gap.

    ``known`` are the other versions: released ever, or lower candidates beside it. A version below
    the greatest is good when it is the next of its line: 1.2.4 after 1.2.3 though 2.0.0 is there.
    """
    version, file = candidate.version, f"{candidate.path}/manifest.json"
    above = _above_in_line(version, known)
    if above is not None:
        yield error(
            "version-order",
            file,
            f"{version} comes after {above}, which is there already",
            "the next version of its line",
            pointer="/version",
        )
        return
    lower = max((other for other in known if other < version), default=None)
    if lower is None or _base(version) in {_base(lower), *_next(lower)}:
        return
    stable = max((other for other in known if other < version and other.is_stable), default=None)
    if stable is None or _base(version) not in _next(stable):
        first = stable or lower
        choices = ", ".join(".".join(map(str, base)) for base in _next(first))
        yield warning(
            "version-skipped",
            file,
            f"{version} skips versions after {first}",
            f"one of {choices}",
            pointer="/version",
        )


def _base(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _next(version: Version) -> list[tuple[int, int, int]]:
    major, minor, patch = _base(version)
    return [(major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)]


def _above_in_line(version: Version, known: Collection[Version]) -> Version | None:
    """A version that is greater and in the candidate's way: of the line that it would continue."""
    greater = sorted(other for other in known if other > version)
    if not any(other < version for other in known):
        return greater[0] if greater else None
    major, minor, patch = _base(version)
    for other in greater:
        same_number = _base(other) == _base(version)
        same_minor = (other.major, other.minor) == (major, minor)
        in_line = same_minor if patch else other.major == major
        if same_number or in_line or not (minor or patch):
            return other
    return None


def demand_problems(candidate: Candidate) -> Iterator[Problem]:
    """A version below what the interface difference demands."""
    if candidate.previous is None or candidate.content is None:
        return
    if candidate.diff is None:
        yield warning(
            "version-not-compared",
            f"{candidate.path}/manifest.json",
            f"the release {candidate.previous} cannot be read, so nothing is compared",
            "a look at what changes for callers",
            pointer="/version",
        )
        return
    verdict = judge_against(candidate.previous, candidate.version, candidate.diff.bump)
    if not verdict.ok:
        gravest = candidate.diff.of(candidate.diff.bump)
        kinds = ", ".join(sorted({change.kind.value for change in gravest}))
        yield error(
            "version-below-demanded",
            f"{candidate.path}/manifest.json",
            f"{verdict.reason} ({kinds})",
            f"{verdict.least} or more; see 'opsteps diff {candidate.library}'",
            pointer="/version",
        )
