"""Problems as a JSON array."""

from __future__ import annotations

import json
from dataclasses import asdict

from builder.validation.formats.report import ProblemReport


def problems_json(report: ProblemReport) -> str:
    """A list of problems, each with all its fields; ASCII only."""
    return json.dumps([asdict(problem) for problem in report.problems], indent=2) + "\n"
