"""Compute the version that a difference demands, and hold a candidate against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from builder.diff.model import Bump
from registry.library.release_state import ReleaseRecord
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The verdict on a version: if it says enough of what changed, and why.

    ``previous`` is the release that it is held against and ``least`` the least version that would
    do; both are None for a first release. ``required`` is the bump that the difference demands.
    """

    ok: bool
    required: Bump
    previous: Version | None
    least: Version | None
    reason: str


def least_version(previous: Version, bump: Bump) -> Version:
    """The least stable version for a release that differs by ``bump`` from a stable one.

    Below 1.0.0 a minor may break. Raises ValueError for a pre-release, which promises nothing.

    >>> from registry.versions import parse_version
    >>> [str(least_version(parse_version("1.4.2"), bump)) for bump in (Bump.MINOR, Bump.MAJOR)]
    ['1.5.0', '2.0.0']
    >>> str(least_version(parse_version("0.4.2"), Bump.MAJOR))
    '0.5.0'
    """
    if not previous.is_stable:
        raise ValueError(f"{previous} is a pre-release")
    if bump is Bump.MAJOR and previous.major:
        return Version(major=previous.major + 1, minor=0, patch=0)
    if bump >= Bump.MINOR:
        return replace(previous, minor=previous.minor + 1, patch=0)
    return replace(previous, patch=previous.patch + 1)


def comparable(records: Iterable[ReleaseRecord]) -> list[Version]:
    """The releases that callers may rely on: those that are served and were not yanked."""
    return [record.version for record in records if record.is_served and record.yank is None]


def previous_version(versions: Iterable[Version], candidate: Version) -> Version | None:
    """The greatest stable version below the candidate; None when there is none."""
    return max((v for v in versions if v.is_stable and v < candidate), default=None)


def judge(versions: Iterable[Version], candidate: Version, bump: Bump) -> Verdict:
    """Judge if a candidate's version is at least what its difference demands.

    ``versions`` are those of `comparable`, ``bump`` the difference from `previous_version`.
    """
    previous = previous_version(versions, candidate)
    if previous is None:
        return Verdict(
            ok=True,
            required=bump,
            previous=None,
            least=None,
            reason="there is no lower stable release to compare it with",
        )
    return judge_against(previous, candidate, bump)


def judge_against(previous: Version, candidate: Version, bump: Bump) -> Verdict:
    """As `judge`, against a stable release that is given.

    A pre-release of a version that would do will do as well: 2.0.0-rc.1 where 2.0.0 is demanded.
    """
    least = least_version(previous, bump)
    ok = Version(major=candidate.major, minor=candidate.minor, patch=candidate.patch) >= least
    demands = f"what changed since {previous} demands {least}"
    if bump is Bump.NONE:
        demands = f"the interface is that of {previous}, so {least} would do"
    if bump is Bump.MAJOR and not previous.major:
        demands += " (below 1.0.0 a minor may break)"
    reason = f"{demands}; {candidate} is {'enough' if ok else 'too low'}"
    return Verdict(ok=ok, required=bump, previous=previous, least=least, reason=reason)
