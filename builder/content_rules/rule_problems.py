"""Make problems the way the rules of a review report them."""

from __future__ import annotations

from builder.content_rules.rule_ids import RULES
from registry.problems import Problem, Severity


def error(rule: str, file: str, message: str, expected: str, *, pointer: str = "") -> Problem:
    """Return a problem that stops the change; ``rule`` is one of `RULES`."""
    return _problem(rule, file, message, expected, pointer, Severity.ERROR)


def warning(rule: str, file: str, message: str, expected: str, *, pointer: str = "") -> Problem:
    """Return a problem that a person should look at."""
    return _problem(rule, file, message, expected, pointer, Severity.WARNING)


def _problem(
    rule: str, file: str, message: str, expected: str, pointer: str, severity: Severity
) -> Problem:
    if rule not in RULES:
        raise KeyError(rule)
    return Problem(
        rule=rule,
        file=file,
        message=message,
        expected=expected,
        pointer=pointer,
        severity=severity,
    )
