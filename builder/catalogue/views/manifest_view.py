"""The links of a manifest: to other libraries, and to places to read more."""

from __future__ import annotations

from collections.abc import Sequence

from builder.markdown import safe_url
from registry.errors import InvalidNameError
from registry.formats.model import Manifest
from registry.names import LibraryName
from registry.versions import parse_dependency


def dependencies_of(texts: Sequence[str]) -> list[tuple[LibraryName | None, str]]:
    """The libraries that requirements name; None for one that cannot be read."""
    found: list[tuple[LibraryName | None, str]] = []
    for text in texts:
        try:
            found.append((parse_dependency(text).library, text))
        except InvalidNameError:
            found.append((None, text))
    return found


def links_of(manifest: Manifest | None) -> list[tuple[str, str, str | None]]:
    """Label, text and, when it is safe to follow, the address of each link of a manifest."""
    if manifest is None:
        return []
    pairs = [("Homepage", manifest.homepage), ("Repository", manifest.repository)]
    links = [(label, text, safe_url(text, mail=False)) for label, text in pairs if text]
    mails = [("Support", manifest.support_email), ("Author's mail", manifest.author_email)]
    links += [(label, text, safe_url(f"mailto:{text}")) for label, text in mails if text]
    return links
