"""The least version, and what is compared with what."""

import pytest

from builder.diff import Bump, comparable, judge, least_version, previous_version
from registry.formats.model import Yank
from registry.library.release_state import ReleaseRecord, ReleaseState
from registry.names import ObjectId
from registry.versions import parse_version


@pytest.mark.parametrize(
    ("previous", "bump", "least"),
    [
        ("1.2.3", Bump.NONE, "1.2.4"),
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("0.2.3", Bump.PATCH, "0.2.4"),
        ("0.2.3", Bump.MINOR, "0.3.0"),
        ("0.2.3", Bump.MAJOR, "0.3.0"),
    ],
)
def test_least_version(previous: str, bump: Bump, least: str) -> None:
    assert str(least_version(parse_version(previous), bump)) == least


def test_a_prerelease_promises_nothing() -> None:
    with pytest.raises(ValueError, match="pre-release"):
        least_version(parse_version("1.0.0-rc.1"), Bump.PATCH)


@pytest.mark.parametrize(
    ("candidate", "bump", "ok"),
    [
        ("1.2.1", Bump.PATCH, True),
        ("1.2.1", Bump.MINOR, False),
        ("1.3.0", Bump.MINOR, True),
        ("1.3.0", Bump.MAJOR, False),
        ("2.0.0-rc.1", Bump.MAJOR, True),
        ("1.3.0-alpha.1", Bump.MINOR, True),
        ("1.3.0-alpha.1", Bump.MAJOR, False),
        ("2.1.0", Bump.MAJOR, False),
        ("2.1.0", Bump.MINOR, True),
        ("0.9.0", Bump.MAJOR, True),
    ],
)
def test_a_candidate_is_held_against_the_greatest_lower_stable_release(
    candidate: str, bump: Bump, *, ok: bool
) -> None:
    versions = [parse_version(text) for text in ("1.0.0", "1.2.0", "1.2.5-rc.1", "2.0.0")]
    verdict = judge(versions, parse_version(candidate), bump)
    assert verdict.ok is ok, verdict.reason


def test_the_reason_names_both_versions() -> None:
    verdict = judge([parse_version("0.4.0")], parse_version("0.4.1"), Bump.MAJOR)
    assert verdict.reason == (
        "what changed since 0.4.0 demands 0.5.0 (below 1.0.0 a minor may break); 0.4.1 is too low"
    )
    assert (str(verdict.previous), str(verdict.least)) == ("0.4.0", "0.5.0")


def test_only_served_releases_that_were_not_yanked_are_compared_with() -> None:
    def record(text: str, state: ReleaseState, yank: Yank | None = None) -> ReleaseRecord:
        return ReleaseRecord(
            version=parse_version(text), state=state, tree=ObjectId("0" * 40), yank=yank
        )

    records = [
        record("1.0.0", ReleaseState.RELEASED),
        record("1.1.0", ReleaseState.RELEASED, Yank(reason="It broke callers.")),
        record("1.2.0", ReleaseState.WITHDRAWN),
        record("1.3.0", ReleaseState.ALARM),
        record("1.4.0", ReleaseState.CANDIDATE),
    ]
    versions = comparable(records)
    assert previous_version(versions, parse_version("1.4.0")) == parse_version("1.0.0")
