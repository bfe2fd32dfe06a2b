"""From the words of a question to scores: what each may stand for, and how much of it is there.

The browser does the same, in `catalog-site/assets/search-rules.js`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from builder.search.lexicon import Lexicon
from builder.search.query import ParsedQuery
from builder.search.ranking import Postings, Scores, any_of, covered, without_tail
from builder.search.rules import COMPLETED, FEW_HITS, MENDED, RARE, SUGGESTIONS, TIMES
from builder.search.stems import stem
from builder.search.words import WORD_LENGTH, fold

Lookup = Callable[[str], Postings]
"""From a stem, its postings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The documents that a question finds."""

    scores: Scores
    corrected: str | None = None
    suggestions: tuple[str, ...] = ()
    is_complete: bool = True

    def with_scores(self, scores: Scores) -> Match:
        """The same with other documents."""
        return replace(self, scores=scores)


@dataclass(kw_only=True, slots=True)
class _Question:
    """The words of a question, and what became of them."""

    words: tuple[str, ...]
    unfinished: str | None
    lexicon: Lexicon
    lookup: Lookup
    mended: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def postings(self, place: int) -> Postings:
        """The documents of one word: as it is, joined with the next, completed, or mended."""
        word = self.words[place]
        exact = self.lookup(stem(word))
        lists = [(exact, 1.0), *((found, 1.0) for found in self._joined(place))]
        if word == self.unfinished:
            terms = self.lexicon.completions(word, self._count)
            lists += [(self.lookup(term), COMPLETED) for term in terms]
        alive = [pair for pair in lists if len(pair[0])]
        if not alive or (len(alive) == 1 and 0 < len(exact) < RARE):
            alive += self._near(word, len(exact))
        if not alive:
            self.unknown.append(word)
        return any_of(alive)

    def _joined(self, place: int) -> list[Postings]:
        """Names are written as one word or as two: "cocoa pods", "test flight"."""
        pairs = [self.words[at : at + 2] for at in (place - 1, place) if at >= 0]
        joined = ["".join(pair)[:WORD_LENGTH] for pair in pairs if len(pair) > 1]
        return [self.lookup(stem(word)) for word in joined]

    def _near(self, word: str, known: int) -> list[tuple[Postings, float]]:
        most = 1 if known else None
        near = self.lexicon.nearest(word, self._count, most)
        if known:
            near = [other for other in near if self._count(stem(other)) >= known * TIMES]
        if near:
            self.mended[word] = near[0]
        return [(self.lookup(stem(other)), MENDED) for other in near]

    def _count(self, term: str) -> int:
        return len(self.lookup(term))


def match(parsed: ParsedQuery, text: str, lexicon: Lexicon, lookup: Lookup, total: int) -> Match:
    """The documents with the words of a question, the tail cut off."""
    question = _Question(
        words=parsed.wanted, unfinished=parsed.unfinished, lexicon=lexicon, lookup=lookup
    )
    lists = [question.postings(place) for place in range(len(question.words))]
    scores, complete = covered(lists, total)
    scores = without_tail(scores)
    corrected = _replaced(text, question.mended) if question.mended else None
    return Match(
        scores=scores,
        corrected=corrected,
        suggestions=_suggestions(question, corrected, len(scores)),
        is_complete=bool(complete) and not question.mended and not question.unknown,
    )


def _replaced(text: str, better: Mapping[str, str]) -> str:
    shown = fold(" ".join(text.split()))
    return re.sub(r"[^\W_]+", lambda match: better.get(match[0], match[0]), shown)


def _suggestions(question: _Question, corrected: str | None, hits: int) -> tuple[str, ...]:
    """Other questions, when little is found: mended, or without what is nowhere."""
    if hits >= FEW_HITS:
        return ()
    left = [word for word in question.words if word not in question.unknown]
    fewer = [" ".join(left)] if left and question.unknown else []
    each = left if len(left) > 1 else []
    found = dict.fromkeys([*([corrected] if corrected else []), *fewer, *each])
    return tuple(found)[:SUGGESTIONS]
