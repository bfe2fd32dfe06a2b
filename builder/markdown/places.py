"""The places that a document's own links and pictures may lead to: what the catalogue publishes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from builder.markdown.parsing import TooCostlyError, document_events

# Most documents name nothing of their own release, and that can be seen without parsing them.
_NAMES_A_FILE = re.compile(r"\]\(\s*<?(?!https?:|mailto:|#)|\]:", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that is published, with its size in pixels."""

    address: str
    """Its path below the library's own page."""
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkPlaces:
    """The pages and pictures that a document may lead to, by their paths below the release."""

    document: str
    """The document's own path, such as ``docs/README.md``."""
    pages: tuple[tuple[str, str], ...] = ()
    """The address of what the catalogue shows of a file."""
    pictures: tuple[tuple[str, Picture], ...] = ()
    root: str = ""
    """The way from the page to the library's own page."""


NOWHERE = LinkPlaces(document="")
"""For a text that stands alone: whatever it names of a release is shown as text."""


def names_files(text: str) -> bool:
    """True if a document may have a link or a picture that is relative to it."""
    return _NAMES_A_FILE.search(text) is not None


def path_in_release(document: str, target: str) -> str | None:
    """The path below the release that a link of a document names, None when it leaves it.

    >>> path_in_release("docs/README.md", "../assets/a%20b.png")
    'assets/a b.png'
    >>> path_in_release("docs/README.md", "../../other/a.png")
    """
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return None
    joined = posixpath.join(posixpath.dirname(document), unquote(parts.path))
    path = posixpath.normpath(joined)
    return None if path == ".." or path.startswith(("../", "/")) else path


def picture_paths(document: str, text: str) -> Iterator[str]:
    """The paths below the release that a document's pictures name, in their order."""
    if not names_files(text):
        return
    try:
        events = document_events(text)
    except TooCostlyError:
        return
    for event in events:
        start = event.get("Start") if event.__class__ is dict else None
        if start.__class__ is dict and "Image" in start:
            path = path_in_release(document, start["Image"]["dest_url"])
            if path is not None:
                yield path
