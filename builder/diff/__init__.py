"""The interface difference of releases, and the version that it demands.

The rule is in docs/versions.md. ``compare`` sees two releases and nothing else; ``judge`` holds a
version against what changed.
"""

from __future__ import annotations

from builder.diff.compare import compare
from builder.diff.model import BUMPS, Bump, ChangeKind, InterfaceChange, InterfaceDiff
from builder.diff.required import (
    Verdict,
    comparable,
    judge,
    judge_against,
    least_version,
    previous_version,
)

__all__ = [
    "BUMPS",
    "Bump",
    "ChangeKind",
    "InterfaceChange",
    "InterfaceDiff",
    "Verdict",
    "comparable",
    "compare",
    "judge",
    "judge_against",
    "least_version",
    "previous_version",
]  # fmt: skip
