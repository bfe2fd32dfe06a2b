"""The reasons why a release could not be packed, or a package not be read."""

from __future__ import annotations

from builder.errors import BuilderError


class NotServedError(BuilderError):
    """A version that is not served: a candidate, removed, or one with an alarm."""

    exit_code = 4


class PackageError(BuilderError):
    """A ZIP that is not a package, or does not hold what its statement says."""

    exit_code = 16


class WriteError(BuilderError):
    """A file cannot be written where it shall be; nothing is left there."""

    exit_code = 17
