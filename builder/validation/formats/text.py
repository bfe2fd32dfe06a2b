"""Problems as lines of text."""

from __future__ import annotations

from builder.validation.formats.report import ProblemReport
from registry.problems import Problem

# What begins a command in the log of a CI service.
_COMMANDS = ("::", "##[", "##vso[", "##teamcity[")


def problems_text(report: ProblemReport) -> str:
    """One line a problem."""
    return "".join(f"{problem_line(problem)}\n" for problem in report.problems)


def problem_line(problem: Problem) -> str:
    """One line that is nothing but text, also in the log of a CI service."""
    line = str(problem)
    return f"./{line.lstrip()}" if line.lstrip().startswith(_COMMANDS) else line
