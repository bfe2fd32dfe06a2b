"""docs/quality.md, written from the table of criteria."""

from __future__ import annotations

from builder.quality.scoring import CRITERIA, TOTAL

_HEAD = f"""# Quality score

The catalogue gives each library up to {TOTAL} points for its active release, and says what each
was given for and what would bring the rest. The score is worked out of what the registry holds, and
of nothing else: no clock, no votes, no downloads. It is a list of what is left to do, not a proof
that a library is good or safe.

Shares are rounded down. This page is written from the table in `builder/quality/scoring.py`.

| Criterion | Points | Given when |
| --- | ---: | --- |
"""


def quality_page() -> str:
    """The page as it must stand in ``docs/``."""
    rows = (f"| {item.title} | {item.possible} | {item.rule} |\n" for item in CRITERIA)
    return f"{_HEAD}{''.join(rows)}| **Together** | **{TOTAL}** | |\n"
