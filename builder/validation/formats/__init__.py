"""Problems for people and machines: text, JSON, GitHub annotations, SARIF and JUnit.

Every string of a library is hostile: each writer escapes what its format gives a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from builder.validation.formats.github import github_annotations
from builder.validation.formats.junit import junit_xml
from builder.validation.formats.plain_json import problems_json
from builder.validation.formats.report import ProblemReport
from builder.validation.formats.sarif import sarif_json
from builder.validation.formats.text import problems_text

__all__ = ["WRITERS", "ProblemReport", "ReportFormat"]


class ReportFormat(StrEnum):
    """The formats that problems can be written in."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


WRITERS: Mapping[ReportFormat, Callable[[ProblemReport], str]] = {
    ReportFormat.TEXT: problems_text,
    ReportFormat.JSON: problems_json,
    ReportFormat.GITHUB: github_annotations,
    ReportFormat.SARIF: sarif_json,
    ReportFormat.JUNIT: junit_xml,
}
