"""Documents to be found: each library and each of its steps, of weighted words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from builder.search.words import STOP_WORDS, name_words, words
from registry.formats.model import Manifest, ReleaseContent, Step
from registry.library.release_state import Library, LibraryStatus
from registry.names import LibraryName

# How much a word counts by where it stands. One field holds them all: the weights of the places
# are added up before the sum saturates (BM25F), and a question reads one posting list a word.
_NAME, _TITLE, _TAG, _CATEGORY, _SUMMARY = 6.0, 5.0, 3.0, 2.0, 2.0
_DESCRIPTION, _PARAMETER, _PARAMETER_TEXT, _PART_OF = 0.7, 1.2, 0.3, 1.0
_SUMMARY_LENGTH = 240
# A Markdown link: in a list only its text is shown.
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\([^()\s]{1,500}\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentLimits:
    """Limits on the searched part of one library or step."""

    text_words: int = 1_000
    """Words of one text."""
    parameters: int = 200
    """Parameters of one step."""
    steps: int = 500
    """Steps of one library."""


DEFAULT_DOCUMENT_LIMITS = DocumentLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """The face of a hit. ``id`` is a library's name or a step's id, ``name`` the name alone."""

    kind: str
    id: str
    name: str
    title: str
    summary: str
    library: LibraryName
    categories: tuple[str, ...]
    platforms: tuple[str, ...]
    premium: bool
    version: str

    @property
    def facets(self) -> tuple[str, tuple[str, ...], tuple[str, ...], bool]:
        """Return the facets that filters look at: kind, categories, platforms, premium."""
        return self.kind, self.categories, self.platforms, self.premium


@dataclass(kw_only=True, slots=True)
class SearchDocument:
    """A card with its words: how much each counts, and in which order they stand."""

    card: Card
    factor: float = 1.0
    """The factor of all weights; less than 1 for what should not be used any more."""
    weights: dict[str, float] = field(default_factory=dict)
    sequence: list[str] = field(default_factory=list)

    def add(self, text: str, weight: float, limit: int) -> None:
        """Count the words of a text."""
        self._count(islice(words(text), limit), weight)

    def add_name(self, name: str, weight: float) -> None:
        """Count the parts of a name, and the whole."""
        self._count(name_words(name), weight)

    def _count(self, found: Iterator[str], weight: float) -> None:
        weights, sequence = self.weights, self.sequence
        for word in found:
            sequence.append(word)
            if word not in STOP_WORDS:
                weights[word] = weights.get(word, 0.0) + weight
        sequence.append("")


def library_documents(
    library: Library, limits: DocumentLimits = DEFAULT_DOCUMENT_LIMITS
) -> Iterator[SearchDocument]:
    """The documents of a library: itself and its steps; none when it is not served."""
    if library.content is None or library.active is None:
        return
    if library.status in {LibraryStatus.DISABLED, LibraryStatus.ERROR}:
        return
    version = str(library.active.version)
    factor = 0.5 if library.facts.deprecated is not None else 1.0
    yield _library_document(library.name, version, library.content, factor, limits)
    for step in islice(library.content.steps, limits.steps):
        step_factor = min(factor, 0.5) if step.is_deprecated else factor
        yield _step_document(library.name, version, library.content, step, step_factor, limits)


def _library_document(
    name: LibraryName, version: str, content: ReleaseContent, factor: float, limits: DocumentLimits
) -> SearchDocument:
    manifest, steps = content.manifest, content.steps
    categories = manifest.categories or tuple(dict.fromkeys(step.category for step in steps))
    card = Card(
        kind="library",
        id=name,
        name=name,
        title=manifest.display_name,
        summary=_summary(manifest.description),
        library=name,
        categories=tuple(categories),
        platforms=tuple(manifest.platform_support),
        premium=manifest.is_premium,
        version=version,
    )
    document = SearchDocument(card=card, factor=factor)
    document.add_name(name, _NAME)
    document.add(manifest.display_name, _TITLE, limits.text_words)
    document.add(manifest.description, _SUMMARY, limits.text_words)
    document.add(manifest.author, _PART_OF, limits.text_words)
    _add_words(document, manifest.tags, tuple(categories), limits)
    for step in islice(steps, limits.steps):
        document.add_name(step.name, _PART_OF)
        document.add(step.display_name, _PART_OF, limits.text_words)
    return document


def _step_document(
    library: LibraryName,
    version: str,
    content: ReleaseContent,
    step: Step,
    factor: float,
    limits: DocumentLimits,
) -> SearchDocument:
    manifest: Manifest = content.manifest
    card = Card(
        kind="step",
        id=f"{library}.{step.name}",
        name=step.name,
        title=step.display_name,
        summary=_summary(step.description),
        library=library,
        categories=(step.category,),
        platforms=tuple(step.platform_support),
        premium=manifest.is_premium,
        version=version,
    )
    document = SearchDocument(card=card, factor=factor)
    document.add_name(step.name, _NAME)
    document.add(step.display_name, _TITLE, limits.text_words)
    document.add(step.description, _DESCRIPTION, limits.text_words)
    document.add_name(library, _PART_OF)
    _add_words(document, step.tags, (step.category,), limits)
    for name, parameter in islice(step.parameters.items(), limits.parameters):
        document.add_name(name, _PARAMETER)
        document.add(parameter.description, _PARAMETER_TEXT, limits.text_words)
    return document


def _add_words(
    document: SearchDocument,
    tags: tuple[str, ...],
    categories: tuple[str, ...],
    limits: DocumentLimits,
) -> None:
    for tag in tags:
        document.add(tag, _TAG, limits.text_words)
    for category in categories:
        document.add(category, _CATEGORY, limits.text_words)


def _summary(text: str) -> str:
    """The first paragraph on one line, short enough for a list."""
    line = " ".join(_LINK.sub(r"\1", text.strip().partition("\n\n")[0]).split())
    return line if len(line) <= _SUMMARY_LENGTH else line[: _SUMMARY_LENGTH - 1].rstrip() + "…"
