"""Documents to be found: each library with what its steps say, and each step by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from builder.markdown import plain_text
from builder.search.card import Card, StepName
from builder.search.words import STOP_WORDS, name_parts, name_words, whole_name, words
from registry.formats.model import Manifest, ReleaseContent, Step
from registry.library.release_state import Library, LibraryStatus
from registry.names import CORE, LibraryName

# How much a word counts by where it stands. One field holds them all: the weights of the places
# are added up before the sum saturates (BM25F), and a question reads one posting list a word.
_NAME, _TITLE, _TAG, _CATEGORY, _SUMMARY = 6.0, 5.0, 3.0, 1.5, 2.0
_DESCRIPTION, _PARAMETER, _PARAMETER_TEXT, _PART_OF = 0.7, 0.5, 0.3, 1.0
# A library has what its steps have, at this share; of several steps with a word, the one that says
# most, so that many steps do not make a library the answer to everything.
_OF_STEP = 0.6
_SUMMARY_LENGTH = 240
_SHORT_NAME = 3
_WITHDRAWN = 0.5
"""The factor of all weights of what should not be used any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentLimits:
    """Limits on the searched part of one library or step."""

    text_words: int = 1_000
    """Words of one text."""
    parameters: int = 200
    """Parameters of one step."""
    steps: int = 500
    """Steps of one library."""
    shown_steps: int = 60
    """Steps of a library that a hit may show."""


DEFAULT_DOCUMENT_LIMITS = DocumentLimits()


def _share(count: int) -> float:
    """The share of a name's weight that each of so many words has."""
    return (1 + _SHORT_NAME) / (max(count, 1) + _SHORT_NAME)


@dataclass(kw_only=True, slots=True)
class SearchDocument:
    """A card with its words: how much each counts, and in which order they stand."""

    card: Card
    factor: float = 1.0
    """The factor of all weights; less than 1 for what should not be used any more."""
    weights: dict[str, float] = field(default_factory=dict)
    sequence: list[str] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The name and the title, each as one word: a question that is one of them comes first."""
        card = self.card
        found = {whole_name(name_parts(card.name)), whole_name(words(card.title))}
        return frozenset(found - {""})

    def add(self, text: str, weight: float, limit: int) -> None:
        """Count the words of a text."""
        self._count(words(text)[:limit], weight)

    def add_name(self, name: str, weight: float) -> None:
        """Count the parts of a name, and the whole."""
        found = name_words(name)
        self._count(found, weight * _share(len(found)))

    def add_title(self, title: str, weight: float, limit: int) -> None:
        """Count the words of a title: each says more the fewer they are."""
        found = words(title)[:limit]
        telling = sum(word not in STOP_WORDS for word in found)
        self._count(found, weight * _share(telling))

    def add_steps(self, steps: Iterator[SearchDocument]) -> None:
        """Count the words of steps: of each word the step that says most."""
        best: dict[str, float] = {}
        for step in steps:
            self.sequence += step.sequence
            for word, weight in step.weights.items():
                if weight > best.get(word, 0.0):
                    best[word] = weight
        weights = self.weights
        for word, weight in best.items():
            weights[word] = weights.get(word, 0.0) + weight * _OF_STEP

    def _count(self, found: Sequence[str], weight: float) -> None:
        weights = self.weights
        for word in found:
            if word not in STOP_WORDS:
                weights[word] = weights.get(word, 0.0) + weight
        self.sequence += found
        self.sequence.append("")


def library_documents(
    library: Library, limits: DocumentLimits = DEFAULT_DOCUMENT_LIMITS
) -> Iterator[SearchDocument]:
    """The documents of a library: itself and its steps; none when it is not served."""
    if library.content is None or library.active is None:
        return
    if library.status in {LibraryStatus.DISABLED, LibraryStatus.ERROR}:
        return
    content = library.content
    steps = content.steps[: limits.steps]
    is_withdrawn = library.facts.deprecated is not None or library.active.yank is not None
    document = _library_document(library, content, limits)
    if is_withdrawn:
        document.factor = _WITHDRAWN
    found = [_step_document(document.card, content, step, limits) for step in steps]
    document.add_steps(iter(found))
    yield document
    for step in found:
        step.add_name(library.name, _PART_OF)
        if step.card.deprecated:
            step.factor = _WITHDRAWN
        yield step


def _library_document(
    library: Library, content: ReleaseContent, limits: DocumentLimits
) -> SearchDocument:
    manifest = content.manifest
    document = SearchDocument(card=library_card(library, content, limits))
    document.add_name(library.name, _NAME)
    document.add_title(manifest.display_name, _TITLE, limits.text_words)
    document.add(manifest.description, _SUMMARY, limits.text_words)
    document.add(manifest.author, _PART_OF, limits.text_words)
    _add_words(document, manifest.tags, document.card.categories, limits)
    return document


def library_card(
    library: Library, content: ReleaseContent, limits: DocumentLimits = DEFAULT_DOCUMENT_LIMITS
) -> Card:
    """The face of a library that is served."""
    manifest, steps, active = content.manifest, content.steps, library.active
    dates = [record.date for record in library.releases if record.is_served and record.date]
    deprecated = library.facts.deprecated
    categories = manifest.categories or tuple(sorted({step.category for step in steps}))
    platforms = {platform for step in steps for platform in step.platform_support}
    return Card(
        kind="library",
        id=library.name,
        name=library.name,
        title=manifest.display_name,
        summary=_summary(manifest.description),
        library=library.name,
        categories=tuple(categories),
        platforms=tuple(sorted(platforms)),
        premium=manifest.is_premium,
        version=str(active.version) if active else "",
        license=manifest.license or "",
        author=manifest.author,
        deprecated=deprecated is not None or bool(active and active.yank),
        executor=any(file.executor is not None for file in manifest.steps),
        replacement=(deprecated.replacement or "") if deprecated else "",
        # The core library is renewed with this program, and would push away what was there before.
        first="" if library.name == CORE else min(dates, default=""),
        newest=max(dates, default=""),
        steps=tuple(
            StepName(name=step.name, title=" ".join(step.display_name.split()))
            for step in steps[: limits.shown_steps]
        ),
        count=len(steps),
    )


def _step_document(
    of: Card, content: ReleaseContent, step: Step, limits: DocumentLimits
) -> SearchDocument:
    manifest: Manifest = content.manifest
    executed = _executed(content)
    card = Card(
        kind="step",
        id=f"{of.library}.{step.name}",
        name=step.name,
        title=step.display_name,
        summary=_summary(step.description),
        library=LibraryName(of.library),
        categories=(step.category,),
        platforms=tuple(step.platform_support),
        premium=manifest.is_premium,
        version=of.version,
        license=of.license,
        author=of.author,
        deprecated=of.deprecated or step.is_deprecated,
        executor=step.name in executed,
        replacement="",
        first=of.first,
        newest=of.newest,
    )
    document = SearchDocument(card=card)
    document.add_name(step.name, _NAME)
    document.add_title(step.display_name, _TITLE, limits.text_words)
    document.add(step.description, _DESCRIPTION, limits.text_words)
    _add_words(document, step.tags, (step.category,), limits)
    for name, parameter in islice(step.parameters.items(), limits.parameters):
        document.add_name(name, _PARAMETER)
        document.add(parameter.description, _PARAMETER_TEXT, limits.text_words)
    return document


def _executed(content: ReleaseContent) -> frozenset[str]:
    pairs = zip(content.steps, content.manifest.steps, strict=True)
    return frozenset(step.name for step, file in pairs if file.executor is not None)


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
    first, _, rest = text.strip().partition("\n\n")
    # What ends in a colon introduces the list after it.
    return plain_text(f"{first}\n{rest}" if first.endswith(":") else first, _SUMMARY_LENGTH)
