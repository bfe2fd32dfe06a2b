"""Ranges are compared exactly: what is decided at a few versions holds at all of them."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.diff import ChangeKind
from builder.diff.dependencies import dependencies_changes
from registry.versions import Version, parse_dependency
from tests.builder.diff.drawing import RANGES

_NUMBERS = st.integers(0, 3)
_VERSIONS = st.builds(
    Version, major=_NUMBERS, minor=_NUMBERS, patch=_NUMBERS, pre=st.just("~")
) | st.builds(
    Version,
    major=_NUMBERS,
    minor=_NUMBERS,
    patch=_NUMBERS,
    pre=st.sampled_from(["alpha", "beta", "rc"]),
    pre_number=_NUMBERS,
)


def _kinds(old: list[str], new: list[str]) -> list[ChangeKind]:
    return [change.kind for change in dependencies_changes(old, new)]


@settings(max_examples=200)
@given(RANGES, RANGES, st.lists(_VERSIONS, max_size=30))
@example(">=1.0", ">=1.0a1", [Version(major=1, minor=0, patch=0, pre="beta", pre_number=3)])
def test_no_version_contradicts_the_verdict(old: str, new: str, versions: list[Version]) -> None:
    kinds = _kinds([f"tools{old}"], [f"tools{new}"])
    before, after = parse_dependency(f"tools{old}"), parse_dependency(f"tools{new}")
    if ChangeKind.DEPENDENCY_NARROWED not in kinds:
        lost = [v for v in versions if before.allows(v) and not after.allows(v)]
        assert not lost
    if kinds in ([], [ChangeKind.TEXT_CHANGED]):
        assert not [v for v in versions if after.allows(v) and not before.allows(v)]


def test_ranges_in_two_strings_hold_together() -> None:
    assert _kinds(["tools>=1", "tools<2"], ["tools>=1,<2"]) == [ChangeKind.TEXT_CHANGED]
    assert _kinds(["tools>=1"], ["tools>=1", "tools<2"]) == [ChangeKind.DEPENDENCY_NARROWED]


def test_a_moved_range_is_narrower() -> None:
    assert _kinds(["tools>=1,<2"], ["tools>=2,<3"]) == [ChangeKind.DEPENDENCY_NARROWED]


def test_what_our_versions_cannot_say_is_treated_as_major() -> None:
    for odd in ("tools>=1.0.0.1", "tools===1.0", "tools>=1!1.0", "tools>=1.0.dev1"):
        assert _kinds(["tools>=1"], [odd]) == [ChangeKind.DEPENDENCY_NARROWED]
    assert _kinds(["tools[x]>=1"], ["tools>=1"]) == [
        ChangeKind.DEPENDENCY_WIDENED,
        ChangeKind.DEPENDENCY_NARROWED,
    ]


def test_the_same_requirement_is_no_change() -> None:
    assert _kinds(["a>=1", "b"], ["b", "a>=1"]) == []
