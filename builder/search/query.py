"""Questions and answers. The parser has no syntax errors: any text is a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from builder.errors import BuilderError
from builder.search.card import StepName
from builder.search.rules import PHRASES, QUERY_CHARACTERS, QUERY_WORDS
from builder.search.words import QUESTION_WORDS, whole_name, words


class SearchUnavailableError(BuilderError):
    """There is no index, it is damaged, or somebody else has been writing it for too long."""

    exit_code = 15


class Sort(StrEnum):
    """The order of hits. By use will follow once there are runs."""

    RELEVANCE = "relevance"
    NAME = "name"
    NEWEST = "newest"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSettings:
    """Limits of one question."""

    query_characters: int = QUERY_CHARACTERS
    """Characters of a question that are looked at."""
    query_words: int = QUERY_WORDS
    """Words of a question that are looked for."""
    phrase_documents: int = 2_000
    """Best documents in which the order of a phrase's words is checked."""
    hits: int = 200
    """Most hits of one answer."""
    offset: int = 10_000
    """Furthest that an answer begins."""
    cached_postings: int = 4_000_000
    """Postings kept in memory, 8 bytes each."""
    lock_seconds: float = 120.0
    """The wait of an update for another one of the same index, seconds."""
    segments: int = 8
    """Segments of the index; more of them are merged, the smallest first."""


DEFAULT_SEARCH = SearchSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """A question. None or an empty filter means any; several values of one mean any of these.

    ``kind`` is ``library`` (also when it is None: one hit a library, with its best steps inside)
    or ``step``. With ``prefix`` the last word may be unfinished, as while somebody types. A
    ``limit`` or ``offset`` beyond what the settings allow is taken as the most that they allow.
    """

    text: str = ""
    kind: str | None = None
    category: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    premium: bool | None = None
    deprecated: bool | None = None
    executor: bool | None = None
    library: str | None = None
    sort: Sort = Sort.RELEVANCE
    limit: int = 20
    offset: int = 0
    prefix: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchHit:
    """One library or step that was found. ``category`` is its first; more ``score`` is better.

    ``steps`` are the steps of a library that the question is about, the best first.
    """

    kind: str
    id: str
    name: str
    title: str
    summary: str
    library: str
    category: str
    platforms: tuple[str, ...]
    premium: bool
    version: str
    score: float
    license: str = ""
    author: str = ""
    deprecated: bool = False
    has_executor: bool = False
    newest: str = ""
    step_count: int = 0
    steps: tuple[StepName, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResults:
    """The best hits, how many there are in all, and how they spread over the facets.

    A facet (``category``, ``platform``, ``license`` …) counts what would be found if its own
    filter were not set. ``did_you_mean`` is the question with its mistakes mended, which is what
    was looked for; None without mistakes. ``suggestions`` are other questions, when little is
    found. ``is_complete`` is False when no document has all the words as they were typed.
    """

    hits: tuple[SearchHit, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]]
    did_you_mean: str | None = None
    suggestions: tuple[str, ...] = ()
    is_complete: bool = True
    took_ms: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedQuery:
    """The words of a question, those of ``phrases`` in that order, and none of ``excluded``.

    ``unfinished`` is the last word when it may be the beginning of a longer one.
    ``whole`` is the question as one name, to put what is called exactly that first.
    """

    words: tuple[str, ...] = ()
    unfinished: str | None = None
    phrases: tuple[tuple[str, ...], ...] = ()
    excluded: tuple[str, ...] = ()
    whole: str = field(default="")

    @property
    def is_empty(self) -> bool:
        """True when everything is asked for."""
        return not (self.words or self.unfinished or self.phrases)

    @property
    def wanted(self) -> tuple[str, ...]:
        """All words that are looked for, in the order in which they were written."""
        telling = (w for phrase in self.phrases for w in phrase if w not in QUESTION_WORDS)
        last = (self.unfinished,) if self.unfinished else ()
        return tuple(dict.fromkeys((*self.words, *telling, *last)))


_PIECE = re.compile(r'(-?)"([^"]*)"?|(-?)([^\s"]+)')


def parse_query(
    text: str, *, prefix: bool = True, settings: SearchSettings = DEFAULT_SEARCH
) -> ParsedQuery:
    """Words are wanted, ``"quoted words"`` in that order, and ``-word`` is not wanted.

    Everything else (wildcards, brackets, field names, a quote without its partner) is not syntax:
    the words in it are looked for.
    """
    text = text[: settings.query_characters]
    wanted: list[str] = []
    excluded: list[str] = []
    phrases: list[tuple[str, ...]] = []
    for quoted_minus, quoted, minus, plain in _PIECE.findall(text):
        if plain:
            (excluded if minus else wanted).extend(words(plain))
            continue
        phrase = tuple(words(quoted))
        if quoted_minus:
            excluded.extend(phrase)
        elif len(phrase) > 1:
            phrases.append(phrase)
        else:
            wanted.extend(phrase)
    wanted = list(dict.fromkeys(wanted))[: settings.query_words]
    open_end = prefix and bool(wanted) and re.search(r"[^\W_]\Z", text) is not None
    last = wanted[-1] if open_end and _ends_with_word(text, wanted[-1]) else None
    # A question word at the end is taken as one, and not as the beginning of another.
    if last in QUESTION_WORDS and len(wanted) > 1:
        last = None
    return ParsedQuery(
        words=_telling([word for word in wanted if word != last], bool(last or phrases)),
        unfinished=last,
        phrases=tuple(phrase[: settings.query_words] for phrase in phrases[:PHRASES]),
        excluded=tuple(dict.fromkeys(excluded))[: settings.query_words],
        whole=whole_name(words(text)),
    )


def _ends_with_word(text: str, word: str) -> bool:
    ending = words(text.rsplit(maxsplit=1)[-1])
    return bool(ending) and ending[-1] == word and '"' not in text.rsplit(maxsplit=1)[-1]


def _telling(wanted: list[str], has_more: bool) -> tuple[str, ...]:
    """Without the words that any question has, unless nothing else is asked."""
    telling = tuple(word for word in wanted if word not in QUESTION_WORDS)
    return telling if telling or has_more else tuple(wanted)
