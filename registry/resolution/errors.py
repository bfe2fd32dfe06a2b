"""No choice of versions that meets all requirements."""

from __future__ import annotations

from registry.errors import RegistryError


class ResolutionError(RegistryError):
    """Requirements that cannot all hold; the message names who asks for what."""

    exit_code = 5
