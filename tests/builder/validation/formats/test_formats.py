"""The formats that problems are written in, with text that would like to be more than text."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.content_rules.rule_ids import RULES
from builder.validation.formats import WRITERS, ProblemReport, ReportFormat
from builder.validation.formats.text import problem_line
from registry.problems import Problem, Severity

HOSTILE = "a%0A::error::x\n::stop-commands::t\r,:}{0}<b>&\"']]>\x1b[31m\x00\ufffe\ud800 ü"
TEXTS = st.text(st.characters(), max_size=40)
PROBLEMS = st.builds(
    Problem,
    rule=TEXTS,
    file=TEXTS,
    message=TEXTS,
    expected=TEXTS,
    pointer=TEXTS,
    line=st.integers(0, 9),
    column=st.integers(0, 9),
    severity=st.sampled_from(Severity),
)


def problem(**changes: Any) -> Problem:
    base: dict[str, Any] = {
        "rule": "release-edited",
        "file": "libraries/a/1.0.0/x y.json",
        "message": "it changed",
        "expected": "put it back",
        "pointer": "/a",
        "line": 3,
        "column": 5,
    }
    return Problem(**{**base, **changes})


def report(*problems: Problem, checked: tuple[str, ...] = ("libraries/a/1.0.0",)) -> ProblemReport:
    return ProblemReport(checked=checked, problems=problems, version="1.0.0", rules=RULES)


def written(kind: ReportFormat, *problems: Problem) -> str:
    return WRITERS[kind](report(*problems))


HOSTILE_PROBLEM = problem(
    rule=HOSTILE, file=HOSTILE, message=HOSTILE, expected=HOSTILE, pointer=HOSTILE
)


# --- text -----------------------------------------------------------------------------------------


def test_text_is_a_line_a_problem() -> None:
    text = written(ReportFormat.TEXT, problem(), HOSTILE_PROBLEM)
    assert len(text.splitlines()) == 2
    assert text.startswith("libraries/a/1.0.0/x y.json:3:5: error: it changed (release-edited at")


@pytest.mark.parametrize("start", ["::error::x", " ::set-env::", "##[command]x", "##vso[x]"])
def test_no_line_of_text_is_a_command_of_a_ci_service(start: str) -> None:
    assert problem_line(problem(file=start)).startswith("./")


# --- GitHub ---------------------------------------------------------------------------------------


def test_github_annotation() -> None:
    line = written(ReportFormat.GITHUB, problem(severity=Severity.WARNING)).splitlines()[0]
    assert line == (
        "::warning file=libraries/a/1.0.0/x y.json,line=3,col=5,title=release-edited"
        "::it changed; put it back"
    )


def test_github_annotation_without_a_place() -> None:
    line = written(ReportFormat.GITHUB, problem(line=0, column=0)).splitlines()[0]
    assert line.startswith("::error file=libraries/a/1.0.0/x y.json,title=release-edited::")


def test_github_properties_are_encoded() -> None:
    line = written(ReportFormat.GITHUB, problem(file="a,line=9:b%", message="100%")).splitlines()[0]
    assert line.startswith("::error file=a%2Cline=9%3Ab%25,line=3,")
    assert line.endswith("::100%25; put it back")


@given(PROBLEMS)
def test_github_annotation_is_always_one_command(found: Problem) -> None:
    lines = written(ReportFormat.GITHUB, found).split("\n")
    assert len(lines) == 3
    assert re.fullmatch(r"::(error|warning) file=[^,:]*(,line=\d+,col=\d+)?,title=[^,:]*::.*",
                        lines[0])  # fmt: skip


# --- JUnit ----------------------------------------------------------------------------------------


def xml(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - written here just now


def test_junit_has_a_case_for_all_that_was_checked() -> None:
    text = WRITERS[ReportFormat.JUNIT](
        report(
            problem(), problem(file="libraries/b/library.yaml", severity=Severity.WARNING),
            checked=("libraries/a/1.0.0", "libraries/b/library.yaml", "registry.yaml"),
        )
    )  # fmt: skip
    root = xml(text)
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "3", "1")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["libraries/a/1.0.0"].find("failure")
    assert failure is not None
    assert failure.get("type") == "release-edited"
    assert cases["libraries/b/library.yaml"].find("system-out") is not None
    assert list(cases["registry.yaml"]) == []


def test_junit_takes_text_that_xml_cannot_hold() -> None:
    root = xml(written(ReportFormat.JUNIT, HOSTILE_PROBLEM))
    assert [case.get("name") for case in root.iter("testcase")] == ["libraries/a/1.0.0"]


@given(PROBLEMS)
def test_junit_is_always_xml(found: Problem) -> None:
    root = xml(written(ReportFormat.JUNIT, found))
    failures = len(list(root.iter("failure")))
    assert failures == (1 if found.severity is Severity.ERROR else 0)


# --- JSON and SARIF -------------------------------------------------------------------------------


def test_json_keeps_every_field() -> None:
    (found,) = json.loads(written(ReportFormat.JSON, problem()))
    assert found["rule"] == "release-edited"
    assert (found["line"], found["severity"]) == (3, "error")


def sarif(*problems: Problem) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(written(ReportFormat.SARIF, *problems))
    return loaded


def require_sarif(log: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 demands of the parts that are used here."""
    assert log.keys() <= {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    assert log["$schema"].startswith("https://")
    (run,) = log["runs"]
    assert run.keys() <= {"tool", "columnKind", "results"}
    assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
    ids = [rule["id"] for rule in driver["rules"]]
    for rule in driver["rules"]:
        assert rule.keys() <= {"id", "shortDescription"}
        assert set(rule.get("shortDescription", {"text": "x"})) == {"text"}
    for result in run["results"]:
        assert result["level"] in {"none", "note", "warning", "error"}
        assert isinstance(result["message"]["text"], str)
        assert ids[result["ruleIndex"]] == result["ruleId"]
        for location in result["locations"]:
            physical = location["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]*", uri) or uri.startswith("file://")
            region = physical.get("region", {"startLine": 1, "startColumn": 1})
            assert region["startLine"] >= 1
            assert region["startColumn"] >= 1
        assert all(isinstance(v, str) for v in result["partialFingerprints"].values())


def test_sarif_result() -> None:
    log = sarif(problem(), problem(rule="schema-type", severity=Severity.WARNING))
    require_sarif(log)
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "release-edited", "schema-type",
    ]  # fmt: skip
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "libraries/a/1.0.0/x%20y.json"
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert first["message"]["text"] == "it changed; put it back"


def test_sarif_path_is_never_a_scheme() -> None:
    uri = sarif(problem(file="javascript:alert(1)//x"))["runs"][0]["results"][0]["locations"][0]
    text = uri["physicalLocation"]["artifactLocation"]["uri"]
    assert text.startswith("javascript%3A")
    assert unquote(text) == "javascript:alert(1)//x"


def test_sarif_fingerprint_outlives_moved_lines() -> None:
    moved = sarif(problem(), problem(line=9), problem(message="other"))["runs"][0]["results"]
    first, second, third = (result["partialFingerprints"] for result in moved)
    assert first == second != third


@given(st.lists(PROBLEMS, max_size=3))
def test_sarif_is_always_valid(found: list[Problem]) -> None:
    require_sarif(sarif(*found, HOSTILE_PROBLEM))
