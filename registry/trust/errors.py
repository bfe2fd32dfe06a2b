"""The reasons to refuse a history, or not to be able to verify it."""

from __future__ import annotations

from registry.errors import GitError, RegistryError


class UntrustedHistoryError(RegistryError):
    """The head does not descend from the last one that was trusted; the message names the attack.

    Its exit code is that of a `verify` that found an attack.
    """

    exit_code = 1


class TrustedFileError(RegistryError):
    """The memory of the last trusted head cannot be read: nothing is trusted then."""

    exit_code = 27


class IncompleteHistoryError(GitError):
    """Commits are missing, as in a shallow clone: what is not there cannot be verified."""


class DamagedObjectError(GitError):
    """An object cannot be read, or its content is not what its id says."""
