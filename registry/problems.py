"""Problems: everything wrong with a library, collected and reported all at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from registry.errors import RegistryError
from registry.words.counting import counted

_SUMMED = 3
"""Problems that an error's own message names."""
_NAME_CHARACTERS = 300


class Severity(StrEnum):
    """An error stops a library; a warning only deserves attention."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what would be right.

    ``file`` is relative to what was checked, ``pointer`` a JSON pointer (RFC 6901) into it;
    ``line`` and ``column`` count from 1, and are 0 where a problem has no place in a file.
    ``rule`` is a stable short name, as linters have.
    """

    rule: str
    file: str
    message: str
    expected: str = ""
    pointer: str = ""
    line: int = 0
    column: int = 0
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """``file:line:column: error: message (rule at /pointer); what would be right``."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        at = f" at {self.pointer}" if self.pointer else ""
        hint = f"; {self.expected}" if self.expected else ""
        return printable(f"{place}: {self.severity}: {self.message} ({self.rule}{at}){hint}")


def printable(text: str) -> str:
    """Text of strangers, fit for a terminal: what cannot be seen or encoded is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_json(text: str) -> str:
    """JSON that holds strangers' text, fit for a terminal and still the same JSON.

    Outside of its texts JSON has only ASCII, so that what cannot be seen stands in one of them.
    """
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def cut_name(name: str) -> str:
    """A stranger's name as a message may hold it: not longer than a line or two."""
    return name if len(name) <= _NAME_CHARACTERS else f"{name[:_NAME_CHARACTERS]}…"


def more_problems(count: int, limit: int) -> Problem:
    """Return the problem that stands for those that are only counted."""
    return Problem(
        rule="limit-problems",
        file=".",
        message=f"{count:,} more problems are not listed",
        expected=f"mend these, then check again: at most {limit:,} are listed",
        severity=Severity.WARNING,
    )


class InvalidLibraryError(RegistryError):
    """A library that has problems; ``problems`` lists all of them, errors first."""

    exit_code = 1

    def __init__(self, where: str, problems: tuple[Problem, ...]) -> None:
        """Sum the problems up, errors first; each stays readable for itself."""
        self.problems = ordered(problems)
        shown = (errors_of(self.problems) or self.problems)[:_SUMMED]
        super().__init__(
            f"{tally(problems)}: " + "; ".join(map(str, shown)),
            where=printable(where),
            next_step="Run 'opsteps validate' to see each with its place",
        )

    def listed(self) -> InvalidLibraryError:
        """The same for whoever has seen the problems one by one: how many they are."""
        self.message, self.next_step = tally(self.problems), ""
        return self


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors before warnings, and each by place; none twice."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.severity, p.file, p.line, p.column, p.rule)))


def tally(problems: tuple[Problem, ...]) -> str:
    """Count problems: ``2 errors, 1 warning``; nothing is counted that is not there."""
    errors = len(errors_of(problems))
    parts = [
        counted(count, what)
        for count, what in ((errors, "error"), (len(problems) - errors, "warning"))
        if count
    ]
    return ", ".join(parts) or "no problems"


def errors_of(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Only those that stop a library."""
    return tuple(problem for problem in problems if problem.severity is Severity.ERROR)
