"""The errors that stop an audit."""

from __future__ import annotations

from builder.errors import BuilderError


class AdvisorySourceError(BuilderError):
    """A folder or archive of advisories that is not there or cannot be read."""

    exit_code = 4
