import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry.advisories.checking import check_advisory
from registry.advisories.matching import advisories_for, hits_of
from registry.advisories.model import Affected, AffectedPackage, Range, RangeEvent, RangeType
from registry.advisories.parsing import AdvisoryLimits, parse_advisory
from registry.advisories.ranges import extent_of
from registry.advisories.reading import read_advisories
from registry.errors import LimitError
from registry.formats.schema import Format, schema_of
from registry.names import LibraryName
from registry.problems import Problem, Severity, errors_of
from registry.snapshots.registry import Registry
from registry.versions import Version, parse_version, version_or_none
from tests.registry.making import (
    NAME,
    commit_all,
    files,
    git,
    new_registry,
    put,
    version,
    write_files,
)

FILE = "advisories/OPS-2026-0001.yaml"


def advisory(*events: dict[str, str], name: str = "file-tools", **fields: Any) -> dict[str, Any]:
    ranges = [{"type": "SEMVER", "events": list(events)}] if events else []
    affected = {"package": {"ecosystem": "OpsConductor", "name": name}, "ranges": ranges}
    base = {
        "schema_version": "1.7.0",
        "id": "OPS-2026-0001",
        "modified": "2026-01-02T03:04:05Z",
        "summary": "Copies outside of its folder",
        "affected": [{**affected, **fields.pop("affected", {})}],
    }
    return {**base, **fields}


def encoded(value: Any) -> bytes:
    # Through JSON, so that what occurs twice is written twice and not as an anchor.
    return yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False).encode()


def faults(value: dict[str, Any] | bytes, file: str = FILE) -> list[Problem]:
    raw = value if isinstance(value, bytes) else encoded(value)
    return list(check_advisory(raw, file=file).problems)


def hits(text: str, *events: dict[str, str], listed: tuple[str, ...] = ()) -> bool:
    entry = Affected(
        package=AffectedPackage(ecosystem="OpsConductor", name="file-tools"),
        ranges=(
            Range(type=RangeType.SEMVER, events=tuple(RangeEvent(**event) for event in events)),
        ),
        versions=listed,
    )
    return extent_of(entry, version_or_none).includes(parse_version(text))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        for number in ("1.0.0", "1.1.0", "1.2.0"):
            put(made, files(version=number))
        put(made, files("other-tools"))
        yield made


def publish(registry: Registry, *advisories: dict[str, Any]) -> None:
    content = {f"advisories/{item['id']}.yaml": encoded(item) for item in advisories}
    git(registry.path, "reset", "-q", "--hard")
    write_files(registry.path, content)
    commit_all(registry.path)


# The evaluation that OSV specifies


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.0.1", True), ("1.0.2", False), ("2.9.0", False), ("3.0.0", True), ("3.2.5", False)],
)
def test_two_ranges_in_one_list_of_events(text: str, expected: bool) -> None:
    events = [{"introduced": "1.0.0"}, {"fixed": "1.0.2"}]
    events += [{"introduced": "3.0.0"}, {"fixed": "3.2.5"}]
    assert hits(text, *events) is expected
    assert hits(text, *reversed(events)) is expected


def test_introduced_0_is_before_every_pre_release() -> None:
    assert hits("0.0.0-alpha.0", {"introduced": "0"})


def test_a_pre_release_of_the_fix_is_not_fixed() -> None:
    events = ({"introduced": "0"}, {"fixed": "1.0.0"})
    assert hits("1.0.0-rc.1", *events)
    assert not hits("1.0.0", *events)


def test_the_last_affected_version_is_affected() -> None:
    events = ({"last_affected": "1.0.0"}, {"introduced": "1.0.0"})
    assert hits("1.0.0", *events)
    assert not hits("1.0.1", *events)


def test_fixed_and_introduced_again_in_one_version_is_there() -> None:
    events = ({"introduced": "1.0.0"}, {"introduced": "2.0.0"}, {"fixed": "2.0.0"})
    assert hits("2.0.0", *events)


def test_a_limit_ends_what_the_range_says_and_the_greatest_of_several_counts() -> None:
    events = ({"introduced": "0"}, {"limit": "2.0.0"}, {"limit": "1.0.0"})
    assert hits("1.5.0", *events)
    assert not hits("2.0.0", *events)
    assert hits("9.0.0", *events, {"limit": "*"})


def test_a_listed_version_is_hit_without_any_range() -> None:
    assert hits("1.4.0", listed=("1.4.0",))
    assert not hits("1.4.1", listed=("1.4.0",))


VERSIONS = st.builds(
    Version,
    major=st.integers(0, 2),
    minor=st.integers(0, 2),
    patch=st.integers(0, 1),
    pre=st.sampled_from(["alpha", "rc", "~"]),
    pre_number=st.integers(0, 1),
).map(lambda v: parse_version(str(v)))


@given(version=VERSIONS, borders=st.lists(VERSIONS, max_size=8, unique=True), data=st.data())
def test_ranges_are_the_intervals_between_introduced_and_fixed(
    version: Version, borders: list[Version], data: st.DataObject
) -> None:
    """Against a model that knows no events: intervals, one version after the other."""
    ordered = sorted(borders)
    pairs = [(a, b) for a, b in zip(ordered[::2], [*ordered[1::2], None], strict=False)]
    inclusive = data.draw(st.booleans())
    ending = "last_affected" if inclusive else "fixed"
    events = [{"introduced": str(a)} for a, _ in pairs]
    events += [{ending: str(b)} for _, b in pairs if b is not None]
    inside = any(
        a <= version and (b is None or version < b or (inclusive and version == b))
        for a, b in pairs
    )
    assert hits(str(version), *data.draw(st.permutations(events))) is inside


@given(version=VERSIONS, limits=st.lists(VERSIONS, min_size=1, max_size=3))
def test_limits_only_ever_take_away(version: Version, limits: list[Version]) -> None:
    events = [{"introduced": "0"}, *({"limit": str(limit)} for limit in limits)]
    assert hits(str(version), *events) is (version < max(limits))


@given(st.lists(st.tuples(st.sampled_from(["introduced", "fixed", "last_affected"]), VERSIONS)))
def test_the_order_of_events_in_the_file_says_nothing(events: list[tuple[str, Version]]) -> None:
    said = [{turn: str(at)} for turn, at in events]
    for text in ("0.0.0", "1.0.0", "1.1.1-rc.0", "9.9.9"):
        assert hits(text, *said) is hits(text, *reversed(said))


# What is wrong with a file, and where


def test_a_good_advisory_has_no_problem_and_unknown_fields_are_passed_by() -> None:
    good = advisory({"introduced": "0"}, {"fixed": "1.1.0"}, x_internal={"ticket": 7})
    assert faults(good) == []


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([{"introduced": "0"}, {"fixed": "1.1"}], "'1.1' is not a version"),
        ([{"introduced": "v1.0.0"}], "'v1.0.0' is not a version"),
        ([{"fixed": "1.1.0"}], "nothing says where it was introduced"),
        ([{"introduced": "0", "fixed": "1.1.0"}], "the event says 2 things"),
        ([{"introduced": "0"}, {"since": "1.1.0"}], "the event says 0 things"),
        (
            [{"introduced": "0"}, {"fixed": "1.1.0"}, {"last_affected": "1.0.0"}],
            "fixed and last_affected stand in one range",
        ),
    ],
)
def test_events_that_mean_nothing_are_errors(events: list[dict[str, str]], message: str) -> None:
    found = errors_of(tuple(faults(advisory(*events))))
    assert [message in problem.message for problem in found] == [True]


def test_a_version_that_yaml_takes_for_a_number_is_said_at_its_line() -> None:
    text = encoded(advisory({"introduced": "0"}, {"fixed": "1.1.0"})).replace(b"1.1.0", b"1.10")
    (problem,) = faults(text)
    line = text.decode().splitlines().index("    - fixed: 1.10") + 1
    assert (problem.line, problem.column) == (line, 14)
    assert problem.pointer == "/affected/0/ranges/0/events/1/fixed"


def test_a_semantic_problem_has_its_line_too() -> None:
    text = encoded(advisory({"introduced": "0"}, {"fixed": "1.1"}))
    (problem,) = faults(text)
    assert text.decode().splitlines()[problem.line - 1].strip() == "- fixed: '1.1'"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": "OPS-2026-0002"}, "/id"),
        ({"id": "../../etc"}, "/id"),
        ({"modified": "yesterday"}, "/modified"),
        ({"affected": {"package": {"ecosystem": "npm", "name": "x"}}}, "/affected"),
        ({"affected": {"package": {"ecosystem": "OpsConductor", "name": "A b"}}},
         "/affected/0/package/name"),
        ({"affected": {"ranges": []}}, "/affected/0"),
        ({"affected": {"versions": ["1"]}}, "/affected/0/versions/0"),
        ({"affected": {"ecosystem_specific": {"steps": "file.copy"}}},
         "/affected/0/ecosystem_specific/steps"),
        ({"affected": {"ecosystem_specific": {"steps": ["File Copy"]}}},
         "/affected/0/ecosystem_specific/steps/0"),
        ({"severity": [{"type": "CVSS_V3", "score": "9.8"}]}, "/severity/0/score"),
    ],
)  # fmt: skip
def test_each_fault_names_its_place(changes: dict[str, Any], pointer: str) -> None:
    found = faults(advisory({"introduced": "0"}, **changes))
    assert pointer in {problem.pointer for problem in found}
    assert all(problem.line for problem in found)
    assert errors_of(tuple(found))


def test_a_library_that_is_not_there_is_a_warning() -> None:
    raw = encoded(advisory({"introduced": "0"}))
    checked = check_advisory(raw, file=FILE, libraries=lambda name: name == "other")
    assert [problem.severity for problem in checked.problems] == [Severity.WARNING]
    assert checked.value is not None


def test_a_file_that_nobody_reads_is_an_error_and_a_readme_is_not() -> None:
    assert faults(b"{}", "advisories/OPS-2026-0001.yml")
    assert faults(b"{}", "advisories/OPS-2026-0001.json")
    assert faults(b"# About", "advisories/README.md") == []


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(raw: bytes) -> None:
    parse_advisory(raw, file="x.yaml")
    parse_advisory(raw, file="x.json")


def test_a_file_above_the_limit_is_not_read() -> None:
    limits = AdvisoryLimits(file_bytes=100)
    parsed = parse_advisory(b"x" * 101, file="x.yaml", limits=limits)
    assert [problem.rule for problem in parsed.problems] == ["limit-file-size"]


@pytest.mark.parametrize(("file", "raw"), [("x.yaml", b"[" * 99), ("x.json", b"[" * 99)])
def test_nesting_without_end_is_a_problem(file: str, raw: bytes) -> None:
    parsed = parse_advisory(raw, file=file)
    assert "deeper" in parsed.problems[0].message


def test_the_schema_is_published_with_the_others() -> None:
    assert schema_of(Format.ADVISORY)["title"] == "Advisory"


# A registry


def test_a_hit_names_its_steps_and_the_least_safe_release(registry: Registry) -> None:
    specific = {"ecosystem_specific": {"steps": ["file.copy"]}}
    publish(registry, advisory({"introduced": "1.1.0"}, {"fixed": "1.2.0"}, affected=specific))
    found = advisories_for(registry, registry.snapshot())
    assert list(found) == [NAME]
    (hit,) = found[NAME]
    assert (hit.version, hit.steps, hit.safe) == (
        version("1.1.0"),
        ("file.copy",),
        version("1.2.0"),
    )


def test_nothing_above_is_safe_when_all_of_it_is_hit(registry: Registry) -> None:
    publish(registry, advisory({"introduced": "1.1.0"}))
    found = advisories_for(registry, registry.snapshot())[NAME]
    assert [str(hit.version) for hit in found] == ["1.2.0", "1.1.0"]
    assert {hit.safe for hit in found} == {None}


def test_a_release_that_another_advisory_hits_is_not_safe(registry: Registry) -> None:
    second = advisory({"introduced": "1.1.0"}, {"fixed": "1.2.0"}, id="OPS-2026-0002")
    publish(registry, advisory({"introduced": "1.0.0"}, {"fixed": "1.1.0"}), second)
    found = advisories_for(registry, registry.snapshot())[NAME]
    assert {(hit.advisory.id, str(hit.version), str(hit.safe)) for hit in found} == {
        ("OPS-2026-0001", "1.0.0", "1.2.0"),
        ("OPS-2026-0002", "1.1.0", "1.2.0"),
    }


def test_two_entries_of_one_advisory_are_one_hit_with_the_steps_of_both(registry: Registry) -> None:
    entry = advisory({"introduced": "1.2.0"})["affected"][0]
    both = [{**entry, "ecosystem_specific": {"steps": [name]}} for name in ("file.copy", "file.x")]
    publish(registry, {**advisory(), "affected": both})
    (hit,) = advisories_for(registry, registry.snapshot())[NAME]
    assert hit.steps == ("file.copy", "file.x")
    publish(registry, {**advisory(), "affected": [*both, entry]})
    (hit,) = advisories_for(registry, registry.snapshot())[NAME]
    assert hit.steps == ()


def test_a_withdrawn_advisory_hits_nothing_and_is_still_known(registry: Registry) -> None:
    publish(registry, advisory({"introduced": "0"}, withdrawn="2026-02-01T00:00:00Z"))
    advisories = read_advisories(registry.repository, registry.head())
    assert [item.id for item in advisories.advisories] == ["OPS-2026-0001"]
    assert advisories.names == frozenset()
    assert advisories_for(registry, registry.snapshot()) == {}


def test_a_broken_advisory_does_not_hide_the_others(registry: Registry) -> None:
    content = {
        "advisories/OPS-2026-0002.yaml": b"id: [",
        "advisories/OPS-2026-0003.yaml": encoded(advisory({"introduced": "x"})),
        "advisories/notes.txt": b"x",
        "advisories/folder/OPS-1.yaml": b"x",
    }
    publish(registry, advisory({"introduced": "0"}))
    write_files(registry.path, content)
    (registry.path / "advisories/OPS-2026-0004.yaml").symlink_to("/etc/passwd")
    commit_all(registry.path)
    advisories = read_advisories(registry.repository, registry.head())
    assert [item.id for item in advisories.advisories] == ["OPS-2026-0001"]
    assert {problem.file for problem in advisories.problems} == {
        "advisories/OPS-2026-0002.yaml",
        "advisories/OPS-2026-0003.yaml",
        "advisories/OPS-2026-0004.yaml",
        "advisories/folder",
        "advisories/notes.txt",
    }


def test_too_many_advisories_are_refused(registry: Registry) -> None:
    second = advisory({"introduced": "0"}, id="OPS-2026-0002")
    publish(registry, advisory({"introduced": "0"}), second)
    with pytest.raises(LimitError, match="more than 1 advisories"):
        read_advisories(registry.repository, registry.head(), AdvisoryLimits(registry_files=1))


def test_the_key_changes_with_what_is_said_about_that_library_only(registry: Registry) -> None:
    other = advisory({"introduced": "0"}, name="other-tools", id="OPS-2026-0002")
    publish(registry, advisory({"introduced": "0"}), other)
    before = read_advisories(registry.repository, registry.head())
    publish(registry, advisory({"introduced": "1.0.0"}))
    after = read_advisories(registry.repository, registry.head())
    assert before.key(NAME) != after.key(NAME)
    assert [before.key(name) == after.key(name) for name in before.names - {NAME}] == [True]
    assert after.key(LibraryName("nobody")) == ""


def test_a_yanked_release_and_a_candidate_are_not_safe(registry: Registry) -> None:
    publish(registry, advisory({"introduced": "0"}, {"fixed": "1.2.0"}))
    facts = registry.path / "libraries/file-tools/library.yaml"
    facts.write_text(facts.read_text() + "yanked:\n  1.2.0:\n    reason: broken\n")
    write_files(registry.path / "libraries/file-tools/1.3.0", files(version="1.3.0"))
    commit_all(registry.path)
    advisories = read_advisories(registry.repository, registry.head())
    library = registry.snapshot().library(NAME)
    assert {hit.safe for hit in hits_of(library, advisories)} == {None}


def test_the_severity_is_the_database_s_word_and_no_number_is_made_up() -> None:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    raw = encoded(
        advisory(
            {"introduced": "0"},
            severity=[{"type": "CVSS_V3", "score": vector}],
            database_specific={"severity": "critical"},
        )
    )
    found = check_advisory(raw, file=FILE).value
    assert found is not None
    assert (found.severity_word, found.ratings[0].score) == ("CRITICAL", vector)


def test_null_is_as_if_nothing_were_said() -> None:
    raw = encoded(advisory({"introduced": "0"}, aliases=None, severity=None, references=None))
    found = check_advisory(raw, file=FILE).value
    assert found is not None
    assert (found.aliases, found.severity, found.references) == ((), (), ())
