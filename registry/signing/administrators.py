"""The keys that confirm who may publish, kept outside the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.signing.keys import PublicKey


def read_administrators(path: Path | None) -> tuple[PublicKey, ...]:
    """Read the keys that are pinned in a file; none without a file. Raises SigningError."""
    if path is None:
        return ()
    # cryptography takes its time to load, and most registries name no administrators.
    from registry.signing.errors import MalformedKeyError
    from registry.signing.keys import parse_public_keys

    try:
        keys = parse_public_keys(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedKeyError(f"it cannot be read: {error}", where=str(path)) from error
    if not keys:
        raise MalformedKeyError("there is no key in it", where=str(path))
    return keys
