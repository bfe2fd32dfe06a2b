"""Problems as SARIF 2.1.0, which code scanning services and editors read."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from builder.validation.formats.report import ProblemReport
from registry.problems import Problem, printable

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif_json(report: ProblemReport) -> str:
    """One run; its rules are those that something was found by."""
    found = sorted({problem.rule for problem in report.problems})
    indexes = {rule: number for number, rule in enumerate(found)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "opsteps",
                        "semanticVersion": report.version,
                        "rules": [_rule(rule, report) for rule in found],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, indexes) for problem in report.problems],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(rule: str, report: ProblemReport) -> dict[str, Any]:
    described = report.rules.get(rule)
    text = {"shortDescription": {"text": described}} if described else {}
    return {"id": printable(rule), **text}


def _result(problem: Problem, indexes: dict[str, int]) -> dict[str, Any]:
    hint = f"; {problem.expected}" if problem.expected else ""
    region = (
        {"region": {"startLine": problem.line, "startColumn": max(problem.column, 1)}}
        if problem.line
        else {}
    )
    artifact = {"uri": _uri(problem.file)}
    return {
        "ruleId": printable(problem.rule),
        "ruleIndex": indexes[problem.rule],
        "level": problem.severity.value,
        # Braces stand for arguments in a message of SARIF.
        "message": {"text": _braced(printable(problem.message + hint))},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, **region}}],
        "partialFingerprints": {"opsteps/v1": _fingerprint(problem)},
    }


def _uri(path: str) -> str:
    """A relative reference: whatever the path begins with, it is neither scheme nor host."""
    try:
        raw = path.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # half of a pair: no path that Git holds
        raw = printable(path).encode()
    quoted = quote(raw, safe="/")
    return quoted if not quoted.startswith("/") else f"file://{quoted}"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fingerprint(problem: Problem) -> str:
    """The same for the same problem after lines have moved."""
    parts = (problem.rule, problem.file, problem.pointer, problem.message)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
