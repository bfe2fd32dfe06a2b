"""The reasons to refuse something of an upstream."""

from __future__ import annotations

from registry.errors import ConflictError, NotFoundError, RegistryError


class UpstreamError(RegistryError):
    """Something about an upstream; the root of this package's errors."""

    exit_code = 5


class UpstreamAddressError(UpstreamError):
    """An address that an upstream may not have, or not without saying so."""

    exit_code = 2


class UnknownUpstreamError(NotFoundError):
    """No upstream of that name is declared."""


class UnreachableUpstreamError(UpstreamError):
    """The contents of an upstream cannot be known now; nobody else is asked instead."""

    exit_code = 6


class UntrustedUpstreamError(UpstreamError):
    """The upstream's history, or a tag in it, is not a continuation of what was trusted."""


class OwnerError(ConflictError):
    """A library is asked for from where it does not come from."""
