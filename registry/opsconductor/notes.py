"""Notes on a conversion: warnings in the form that all problems have."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry.problems import Problem, Severity

RULE = "opsconductor"
MANIFEST = "manifest.json"
_SHOWN = 60


def shown(text: object) -> str:
    """A stranger's word in a message, quoted and not longer than a message bears."""
    return repr(str(text)[:_SHOWN])


@dataclass(kw_only=True, slots=True)
class Notes:
    """The notes so far. A stranger's manifest makes at most ``most`` of them."""

    most: int
    problems: list[Problem] = field(default_factory=list)
    _left: int = 0

    def add(self, message: str, action: str, *, pointer: str = "", file: str = MANIFEST) -> None:
        """``action`` is what was done about it."""
        if len(self.problems) >= self.most:
            self._left += 1
            return
        self.problems.append(
            Problem(
                rule=RULE,
                file=file,
                pointer=pointer,
                message=message,
                expected=action,
                severity=Severity.WARNING,
            )
        )

    def listed(self) -> tuple[Problem, ...]:
        """All of them, and how many more there are."""
        if self._left:
            message = f"{self._left:,} more things were not converted"
            more = Problem(rule=RULE, file=MANIFEST, message=message, severity=Severity.WARNING)
            return (*self.problems, more)
        return tuple(self.problems)
