"""The documents of a release as its pages show them, with links to what the catalogue publishes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

from builder.catalogue.facts.library_facts import KnownLibrary
from builder.catalogue.facts.library_sources import CHANGELOG, README, ReadableRelease
from builder.markdown import LinkPlaces, names_files, render_markdown

NOTES = "notes-"
"""The beginning of the ids in a release's notes."""
# A title that says no more than the section's own heading, which stands above it.
_SAID_ALREADY = re.compile(
    r"#\s+(?:change ?log|changes|history|release notes|releases)\s*#*\s*", re.IGNORECASE
)


def readme_of(known: KnownLibrary, release: ReadableRelease | None, root: str) -> Markup | None:
    """README.md of a release for a page from which ``root`` leads to the library's own page."""
    text = _text(release, README)
    if release is None or not text:
        return None
    first, newline, rest = text.partition("\n")
    if newline and first.startswith("# "):
        text = rest  # the page has a title of its own
    places = _places(known, release, README, text, root)
    return render_markdown(text, prefix="readme-", places=places)


def changelog_of(known: KnownLibrary) -> Markup | None:
    """CHANGELOG.md of the active release, for the library's own page."""
    release = known.source.active
    text = _text(release, CHANGELOG)
    if release is None or not text:
        return None
    first, newline, rest = text.partition("\n")
    if newline and _SAID_ALREADY.fullmatch(first.rstrip("\r")):
        text = rest
    places = _places(known, release, CHANGELOG, text, "")
    return render_markdown(text, prefix="changelog-", places=places)


def notes_of(known: KnownLibrary, release: ReadableRelease, root: str) -> Markup | None:
    """The part of a release's own changelog that is about it, for the release's page."""
    text = known.notes.get(release.version)
    if not text:
        return None
    return render_markdown(
        text, prefix=NOTES, places=_places(known, release, CHANGELOG, text, root)
    )


def _text(release: ReadableRelease | None, name: str) -> str:
    raw = release.documents.get(name, b"") if release is not None else b""
    return raw.decode(errors="replace").lstrip("\ufeff \r\n")


def _places(
    known: KnownLibrary, release: ReadableRelease, name: str, text: str, root: str
) -> LinkPlaces:
    document = f"docs/{name}"
    if not names_files(text):  # then the same everywhere, and rendered once
        return LinkPlaces(document=document)
    return LinkPlaces(
        document=document,
        root=root,
        pages=tuple(_pages(known, release, root)),
        pictures=tuple(sorted(release.pictures.items(), key=lambda pair: pair[0])),
    )


def _pages(known: KnownLibrary, release: ReadableRelease, root: str) -> Iterator[tuple[str, str]]:
    """The files of a release that its page, or the library's own, shows in another form."""
    active = known.source.active
    is_active = active is not None and active.record == release.record
    if README in release.documents:
        yield f"docs/{README}", "#readme"
    if CHANGELOG in release.documents and is_active:
        yield f"docs/{CHANGELOG}", f"{root}#changelog"
    elif release.version in known.notes:
        yield f"docs/{CHANGELOG}", "#changes"
    if is_active:
        for step, file in zip(release.content.steps, release.content.manifest.steps, strict=True):
            yield file.file, f"{root}steps/{step.name}/"
