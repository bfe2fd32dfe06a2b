"""The look of the site: templates, fingerprinted assets, and the frame around every page."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from builder.catalogue.theme.head import (
    NOT_INDEXED,
    PICTURE,
    feed_link,
    link_preview,
    structured_data,
)
from builder.catalogue.theme.quoting import quote
from builder.catalogue.theme.templates import SiteFacts, Templates
from registry.formats.model import RegistryFacts
from registry.publishing.registry_template.published_address import repository_of

_MARKERS = tuple(f"\ue000{number}\ue001" for number in range(5))
_TITLE, _DESCRIPTION, _CANONICAL, _HEAD, _BODY = _MARKERS
_CARD_ROOT = b"\xee\x80\x82root\xee\x80\x82"
_FIXED_ICON = re.compile(r"\{\{ icon\('([a-z]+)', root\) \}\}")
_IMPORT = re.compile(rb'from "\./([a-z-]+\.js)')
CARD_ROOT = _CARD_ROOT.decode()
"""Stands for the way to the site's root in a card, until the card is on a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePage:
    """The facts of a page about itself.

    ``path`` is below the site's root and ends in ``/`` or is empty; ``kind`` chooses what the
    frame highlights and allows. ``original`` is the path of the page that this one is a version
    of, and ``feed`` that of a feed about it. ``data`` is what it is about, in the words of
    schema.org, for search engines (JSON-LD). They leave out a page that is not ``is_indexed``.
    ``picture`` is the path of the picture that other sites show beside a link to it.
    """

    path: str
    title: str
    description: str
    kind: str
    original: str | None = None
    feed: str | None = None
    data: Mapping[str, Any] | None = None
    is_indexed: bool = True
    picture: str = PICTURE


class Theme:
    """Templates and assets of one build. Cheap to make; the same for every worker."""

    def __init__(
        self,
        source: Path,
        *,
        facts: RegistryFacts,
        base_url: str,
        is_served: bool = False,
        has_pictures: bool = False,
        cache: Path | None = None,
    ) -> None:
        """Read the assets; templates compile when they are first used.

        ``is_served`` says that a server answers at ``base_url``, not a host of plain files;
        ``has_pictures`` that each library gets a picture for previews of links to it.
        ``cache`` is a directory, of nobody else, that keeps them compiled.
        """
        self.facts = facts
        self.is_served = is_served
        self.has_pictures = has_pictures
        self.base_url = base_url.rstrip("/")
        self.repository = facts.repository or repository_of(self.base_url)
        self.assets, self._names = _fingerprint(source)
        self._source = source
        self._sprite = self._names["icons.svg"]
        self._icons: dict[tuple[str, str], Markup] = {}
        self._frames: dict[tuple[str, str], tuple[bytes, ...]] = {}
        site = SiteFacts(
            name=facts.name,
            title=facts.title,
            description=facts.description,
            url=self.base_url,
            repository=self.repository,
            is_served=is_served,
            has_upstreams=bool(facts.upstreams),
        )
        self._templates = Templates(
            source / "templates",
            fixed={"asset": self._names.__getitem__, "site": site, "icon": self._icon},
            prepare=self._with_icons,
            cache=cache,
        )

    @cached_property
    def key(self) -> str:
        """Changes when a template, a style, a script or the registry's own facts change."""
        state = sha256(
            repr((self.facts, self.base_url, self.is_served, self.has_pictures)).encode()
        )
        for path in sorted(self._source.rglob("*")):
            if path.is_file():
                state.update(path.relative_to(self._source).as_posix().encode())
                state.update(path.read_bytes())
        return state.hexdigest()

    def fragment(self, template: str, root: str, values: Mapping[str, Any]) -> str:
        """A template's text for a page from which ``root`` leads to the site's root."""
        return self._templates.render(template, root, values)

    def _with_icons(self, text: str, root: str) -> str:
        return _FIXED_ICON.sub(lambda match: str(self._icon(match[1], root)), text)

    def _icon(self, name: str, root: str) -> Markup:
        """A picture from the sprite, for people who see; its meaning is in the text beside it."""
        found = self._icons.get((name, root))
        if found is None:
            found = Markup(
                '<svg class="icon" aria-hidden="true"><use href="{}assets/{}#{}"></use></svg>'
            ).format(root, self._sprite, name)
            self._icons[(name, root)] = found
        return found

    def page(self, page: SitePage, body: str) -> bytes:
        """A whole page: the frame of its depth and kind around a body that is HTML already."""
        return self.opening(page, body) + self.closing(page)

    def closing(self, page: SitePage) -> bytes:
        """The part of the frame below a page's body."""
        return self._frame(page)[-1]

    def opening(self, page: SitePage, body: str) -> bytes:
        """A page up to where its body ends, to be followed by its `closing`."""
        frame = self._frame(page)
        original = page.path if page.original is None else page.original
        canonical = f"{self.base_url}/{original}"
        return b"".join(
            (
                frame[0],
                str(quote(page.title)).encode(),
                frame[1],
                str(quote(page.description or page.title)).encode(),
                frame[2],
                str(quote(canonical)).encode(),
                frame[3],
                self._head(page, canonical).encode(),
                frame[4],
                body.encode(),
            )
        )

    def _head(self, page: SitePage, canonical: str) -> str:
        """Return the parts of the head that only this page has."""
        if page.kind == "missing":
            return NOT_INDEXED
        parts = [
            link_preview(
                title=page.title,
                description=page.description or page.title,
                address=canonical,
                picture=f"{self.base_url}/{page.picture}",
                is_article=page.kind not in {"home", "browse", "search"},
            )
        ]
        if not page.is_indexed:
            parts.append(NOT_INDEXED)
        if page.feed is not None:
            address = f"{self.root_of(page)}{page.feed}"
            parts.append(feed_link(f"Releases of {page.title}", address))
        if page.data is not None:
            parts.append(structured_data(page.data))
        return "".join(parts)

    def _frame(self, page: SitePage) -> tuple[bytes, ...]:
        root = self.root_of(page)
        found = self._frames.get((root, page.kind))
        if found is None:
            text = self.fragment(
                "frame.html",
                root,
                {
                    "kind": page.kind,
                    "title": Markup(_TITLE),  # noqa: S704 - our own marker
                    "description": Markup(_DESCRIPTION),  # noqa: S704 - our own marker
                    "canonical": Markup(_CANONICAL),  # noqa: S704 - our own marker
                    "head": Markup(_HEAD),  # noqa: S704 - our own marker
                    "body": Markup(_BODY),  # noqa: S704 - our own marker
                },
            )
            found = _split(text)
            self._frames[(root, page.kind)] = found
        return found

    def root_of(self, page: SitePage) -> str:
        """The way from a page to the site's root: relative, so the site works below any path.

        Only the page for what is missing, which a host shows anywhere, needs the site's address.
        """
        if page.kind == "missing":
            return f"{_path_of(self.base_url)}/"
        return "../" * page.path.count("/") or "./"


def fill_card(card: bytes, root: str) -> bytes:
    """A card for a page from which ``root`` leads to the site's root."""
    return card.replace(_CARD_ROOT, root.encode())


def _path_of(url: str) -> str:
    _, _, rest = url.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path if path else ""


def _split(text: str) -> tuple[bytes, ...]:
    """The frame's pieces around what the markers stand for, in their order."""
    pieces: list[bytes] = []
    for marker in _MARKERS:
        piece, _, text = text.partition(marker)
        pieces.append(piece.encode())
    return (*pieces, text.encode())


def _fingerprint(source: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Path on the site → bytes, and plain name → name with a hash of the content."""
    plain = {
        "site.css": b"".join(p.read_bytes() for p in sorted((source / "styles").glob("*.css")))
    }
    for path in sorted((source / "assets").iterdir()):
        plain[path.name] = path.read_bytes()
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}

    def add(name: str) -> str:
        """Add a file after the scripts that it imports, which it names as they are then called."""
        if name not in names:
            content = _IMPORT.sub(lambda m: b'from "./' + add(m[1].decode()).encode(), plain[name])
            stem, extension = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
            names[name] = f"{stem}.{sha256(content).hexdigest()[:12]}{extension}"
            files[f"assets/{names[name]}"] = content
        return names[name]

    for name in plain:
        add(name)
    return files, names
