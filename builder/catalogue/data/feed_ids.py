"""The ids of feeds and of their entries (RFC 4287, section 4.2.6): the same wherever they are.

A feed's reader shows an entry as new when its id is. So no id is made of an address, which changes
with the host, the port and the scheme; a release is told by what it is, in every feed that has it.
"""

from __future__ import annotations

from uuid import UUID, uuid5

# Drawn once, for this purpose.
_RELEASES = UUID("6f1c1f5e-5d0b-4c3e-9f0a-2b6f3f2f7c11")
_FEEDS = UUID("b5a3b0f6-0d5e-4a53-8a86-7a5fd2f4d0a7")

NEVER = "1970-01-01T00:00:00Z"
"""The date of what has none: Atom demands one."""


def release_id(library: str, version: str, digest: str) -> str:
    """The id of the entry about a release."""
    return f"urn:uuid:{uuid5(_RELEASES, f'{library}@{version} {digest}')}"


def feed_id(registry: str, library: str = "") -> str:
    """The id of a registry's feed, or of that of one of its libraries."""
    return f"urn:uuid:{uuid5(_FEEDS, f'{registry} {library}')}"
