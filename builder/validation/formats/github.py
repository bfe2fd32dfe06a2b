"""Problems as workflow commands, which GitHub shows as annotations at the line in the change."""

from __future__ import annotations

from builder.validation.formats.report import ProblemReport
from registry.problems import Problem, printable


def github_annotations(report: ProblemReport) -> str:
    """``::error file=…,line=…,col=…,title=…::message``, a line a problem, and the summary."""
    lines = [annotation(problem) for problem in report.problems]
    return "".join(f"{line}\n" for line in [*lines, f"::notice::{_data(report.summary)}"])


def annotation(problem: Problem) -> str:
    """One workflow command; nothing in a problem can end it or begin another."""
    properties = {"file": problem.file}
    if problem.line:
        properties |= {"line": str(problem.line), "col": str(max(problem.column, 1))}
    properties["title"] = problem.rule
    hint = f"; {problem.expected}" if problem.expected else ""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{problem.severity} {listed}::{_data(problem.message + hint)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
