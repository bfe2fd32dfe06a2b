"""The one rule, for every way in, about installing a premium library.

Releasing a library in one's own registry is publishing it, and needs no key. Taking one from
somebody else, as a file or from an upstream, does.
"""

from __future__ import annotations

from registry.errors import RegistryError
from registry.installing.incoming import Incoming


class LicenseError(RegistryError):
    """A premium library that may not be installed."""

    exit_code = 20


class MissingLicenseError(LicenseError):
    """No licence key came with it."""


class RefusedLicenseError(LicenseError):
    """The licence key that came with it is not accepted; the message begins with the reason."""


def require_license(incoming: Incoming, key: str | None) -> None:
    """Raise a LicenseError for a premium library without a key that is accepted.

    Until keys can be verified none is: what is not verified is not believed.
    """
    if not incoming.content.manifest.is_premium:
        return
    if not key:
        raise MissingLicenseError(
            f"{incoming.name} {incoming.version} is premium, and no licence key came with it",
            next_step="Give one: --license-key or OPSTEPS_LICENSE_KEY, over HTTP 'license_key'",
        )
    raise RefusedLicenseError(
        "licence_unverifiable: licence keys cannot be verified yet, and none is taken unverified",
        next_step=f"{incoming.name} cannot be installed with this version of opsteps",
    )
