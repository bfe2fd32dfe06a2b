"""Which numbers a candidate may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.review.evidence.model import Candidate
from builder.review.rules.versions import order_problems
from registry.names import LibraryName
from registry.versions import Version, parse_version
from tests.builder.review.changing import Changing
from tests.registry.making import files, write_files

ERROR, WARNING = "error", "warning"
MODE = {"mode": {"type": "string", "required": True}}
NUMBERS = st.integers(min_value=0, max_value=4)
VERSIONS = st.builds(Version, major=NUMBERS, minor=NUMBERS, patch=NUMBERS)


def ordered(version: str, *known: str) -> set[str]:
    return found(parse_version(version), {parse_version(text) for text in known})


def found(version: Version, known: set[Version]) -> set[str]:
    candidate = Candidate(
        library=LibraryName("file-tools"), version=version, entries={}, contents={}
    )
    return {problem.rule for problem in order_problems(candidate, known)}


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("1.0.0", ()),
        ("5.0.0", ()),
        ("1.2.4", ("1.2.3",)),
        ("1.3.0", ("1.2.3",)),
        ("2.0.0", ("1.2.3",)),
        ("2.0.0-rc.1", ("1.2.3",)),
        ("2.0.0-rc.2", ("1.2.3", "2.0.0-rc.1")),
        ("2.0.0", ("1.2.3", "2.0.0-rc.1")),
        ("1.3.0", ("1.2.3", "2.0.0-rc.1")),
        ("1.2.4", ("1.2.3", "2.0.0")),
        ("1.3.0", ("1.2.3", "2.0.0", "2.1.0")),
        ("1.4.0", ("1.2.0", "1.3.0")),
    ],
)
def test_the_next_version_of_a_line_is_good(version: str, known: tuple[str, ...]) -> None:
    assert ordered(version, *known) == set()


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("1.4.0", ("1.2.0",)),
        ("1.2.2", ("1.2.0",)),
        ("1.3.1", ("1.2.0",)),
        ("3.0.0", ("1.2.0",)),
        ("2.1.0", ("1.2.0",)),
        ("1.4.0-rc.1", ("1.2.0",)),
        ("1.2.5", ("1.2.3", "2.0.0")),
    ],
)
def test_a_gap_is_skipped_versions(version: str, known: tuple[str, ...]) -> None:
    assert ordered(version, *known) == {"version-skipped"}


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("1.2.1", ("1.2.0", "1.2.2")),
        ("1.1.0", ("1.0.0", "1.2.0")),
        ("2.0.0", ("1.0.0", "3.0.0")),
        ("0.9.0", ("1.0.0",)),
        ("2.0.0-rc.2", ("1.0.0", "2.0.0")),
        ("2.0.0-beta.1", ("1.0.0", "2.0.0-rc.1")),
    ],
)
def test_a_number_that_comes_too_late_is_found(version: str, known: tuple[str, ...]) -> None:
    assert ordered(version, *known) == {"version-order"}


@given(VERSIONS, st.sets(VERSIONS, max_size=6))
def test_a_number_above_all_is_never_out_of_order(version: Version, known: set[Version]) -> None:
    lower = {other for other in known if other < version}
    assert "version-order" not in found(version, lower)


@given(st.sets(VERSIONS, min_size=1, max_size=6))
def test_the_next_patch_of_the_greatest_is_always_good(known: set[Version]) -> None:
    top = max(known)
    following = Version(major=top.major, minor=top.minor, patch=top.patch + 1)
    assert found(following, known) == set()


def test_version_below_what_the_interface_demands_is_refused(changing: Changing) -> None:
    changing.candidate("1.1.1", step_fields={"parameters": MODE})
    (problem,) = changing.problems()
    assert problem.rule == "version-below-demanded"
    assert "2.0.0" in problem.expected
    assert "required-parameter-added" in problem.message
    assert problem.line > 1


def test_version_that_says_enough_is_good(changing: Changing) -> None:
    changing.candidate("2.0.0", step_fields={"parameters": MODE})
    assert changing.found() == set()


def test_yanked_release_is_not_compared_with(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "x"}}})
    changing.settle()
    changing.candidate("1.1.1")
    assert changing.found() == set()


def test_skipped_version_is_a_warning_in_a_review(changing: Changing) -> None:
    changing.candidate("1.3.0")
    assert changing.found() == {("version-skipped", WARNING)}


def test_two_candidates_in_a_row_leave_no_gap(changing: Changing) -> None:
    changing.candidate("1.2.0")
    changing.candidate("1.3.0")
    assert changing.found() == set()


def test_candidate_is_checked_as_everywhere(changing: Changing) -> None:
    changing.candidate("1.1.1", unheard_of=True)
    (problem,) = changing.problems()
    assert problem.rule == "schema-additionalProperties"
    assert problem.file == "libraries/file-tools/1.1.1/manifest.json"


def test_release_that_cannot_be_read_is_said_not_to_be_compared(changing: Changing) -> None:
    """Released when the rules were others, or imported."""
    write_files(
        changing.path / "libraries/old-tools/1.0.0", {**files("old-tools"), "manifest.json": b"{}"}
    )
    entry = {"digest": "0" * 64, "date": "2026-01-01T00:00:00Z"}
    changing.write_facts({"owners": ["jill"], "ledger": {"1.0.0": entry}}, "old-tools")
    changing.settle()
    changing.candidate("1.0.1", "old-tools")
    assert ("version-not-compared", WARNING) in changing.found()
