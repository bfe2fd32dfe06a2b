"""The builder's errors: one tree, each with where it happened, what to do next and an exit code."""

from __future__ import annotations

from registry.errors import ReportedError


class BuilderError(ReportedError):
    """Something about building; the root of this room's errors."""


class OutputError(BuilderError):
    """The catalogue's directory cannot be used: something else is there, or it is busy."""

    exit_code = 11


class VersionTooLowError(BuilderError):
    """A candidate's version says less than what changed in it."""

    exit_code = 12
