"""The reasons why a bundle could not be made, or is not taken in."""

from __future__ import annotations

from builder.errors import BuilderError


class BundleError(BuilderError):
    """A bundle that cannot be made, or read; the root of this package's errors."""

    exit_code = 18


class NotABundleError(BundleError):
    """A file that is not a Git bundle of version 2, or is damaged."""


class MissingCommitError(BundleError):
    """The bundle continues from a commit that is not here."""


class RefusedBundleError(BundleError):
    """A bundle that can be read, and that is not to be trusted; nothing was taken from it."""

    exit_code = 19


class MovedTagError(RefusedBundleError):
    """A tag that is here already names another object in the bundle."""


class DivergedError(RefusedBundleError):
    """The bundle's history does not continue the one that is here."""


class OlderBundleError(RefusedBundleError):
    """The bundle is an earlier state of what is here."""


class UnsignedBundleError(RefusedBundleError):
    """Nobody whose key is known has signed the bundle's head."""


class UnsoundBundleError(RefusedBundleError):
    """A bundle's contents fail the verification of a registry; the message names the attack."""
