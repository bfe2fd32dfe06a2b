"""Problems as JUnit XML: a test case for each thing that was checked."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from builder.validation.formats.report import ProblemReport
from registry.problems import Problem, errors_of, printable

_SUITE = "opsteps validate"


def junit_xml(report: ProblemReport) -> str:
    """A case fails when there is an error in it; warnings are its output."""
    cases = _cases(report)
    failures = sum(1 for problems in cases.values() if errors_of(tuple(problems)))
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    root = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **counts, "skipped": "0"})
    for name, problems in cases.items():
        case = ET.SubElement(
            suite, "testcase", {"classname": _SUITE, "name": printable(name), "time": "0"}
        )
        _fill(case, problems)
    ET.indent(root)
    # As ASCII: whatever a reader makes of encodings, it reads the same.
    text = ET.tostring(root, encoding="us-ascii", xml_declaration=True).decode()
    return f"{text}\n"


def _fill(case: ET.Element, problems: Sequence[Problem]) -> None:
    errors = errors_of(tuple(problems))
    if errors:
        message = printable(errors[0].message)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        failure = ET.SubElement(
            case, "failure", {"type": printable(errors[0].rule), "message": message + more}
        )
        failure.text = "\n".join(map(str, errors))
    warnings = [problem for problem in problems if problem not in errors]
    if warnings:
        ET.SubElement(case, "system-out").text = "\n".join(map(str, warnings))


def _cases(report: ProblemReport) -> dict[str, list[Problem]]:
    """The problems by the nearest thing above their file that was checked, else by their file."""
    cases: dict[str, list[Problem]] = {name: [] for name in report.checked}
    only = report.checked[0] if len(report.checked) == 1 else None
    for problem in report.problems:
        name = _above(problem.file, cases) or only or problem.file
        cases.setdefault(name, []).append(problem)
    return cases


def _above(file: str, cases: dict[str, list[Problem]]) -> str | None:
    while file and file not in cases:
        file = file.rpartition("/")[0]
    return file or None
