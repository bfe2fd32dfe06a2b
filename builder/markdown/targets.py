"""The targets of a document's links and pictures: where each leads, if it may lead anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from builder.markdown.addresses import safe_url
from builder.markdown.escaping import attribute_html, text_html
from builder.markdown.places import LinkPlaces, Picture, path_in_release

LINK_RELATION = "nofollow noopener ugc"
"""Said of every link to elsewhere."""
_NO_NAME = "image"


def foreign_link(url: str, title: str = "") -> str:
    """The tag that opens a link to elsewhere, whose address is safe."""
    said = f' title="{attribute_html(title)}"' if title else ""
    return f'<a href="{attribute_html(url)}"{said} rel="{LINK_RELATION}">'


class Targets:
    """All that a document may lead to: the web, its headings, its release as it is published."""

    def __init__(
        self, *, prefix: str, anchors: Callable[[], Mapping[str, str]], places: LinkPlaces
    ) -> None:
        """``anchors`` finds the document's headings; it is asked when a link names one."""
        self._prefix = prefix
        self._anchors = anchors
        self._document = places.document
        self._root = places.root
        self._pages = dict(places.pages)
        self._pictures = dict(places.pictures)

    def open_link(self, target: str, title: str) -> str | None:
        """The tag that opens a link; None where there is only its text to be shown."""
        if safe_url(target):
            return foreign_link(target, title)
        address = self._inner(target)
        return f'<a href="{attribute_html(address)}">' if address else None

    def _inner(self, target: str) -> str | None:
        path, _, fragment = target.partition("#")
        if path:
            named = path_in_release(self._document, path)
            if named != self._document or not fragment:
                return self._pages.get(named) if named else None
        name = self._anchors().get(unquote(fragment).lower())
        return f"#{self._prefix}{name}" if name and self._prefix else None

    def picture(self, source: str, alternative: str, *, is_linked: bool) -> str:
        """A picture, if it is published; else the words that stand for it, with a link to it."""
        words = alternative.strip()
        path = path_in_release(self._document, source)
        picture = self._pictures.get(path) if path else None
        if picture is not None:
            # A link needs a name; a picture alone may be for the eye only.
            return self._shown(picture, words or (_NO_NAME if is_linked else ""))
        text = text_html(words or _NO_NAME)
        address = None if is_linked else safe_url(source, mail=False)
        return f"{foreign_link(address)}{text}</a>" if address else text

    def _shown(self, picture: Picture, alternative: str) -> str:
        address = attribute_html(f"{self._root}{picture.address}")
        return (
            f'<img src="{address}" alt="{attribute_html(alternative)}" width="{picture.width}" '
            f'height="{picture.height}" loading="lazy">'
        )
