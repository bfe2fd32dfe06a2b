"""Answer questions from one generation of the index; what was read once stays in memory."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from collections import Counter, OrderedDict
from functools import cached_property
from itertools import islice

from builder.search.query import (
    ParsedQuery,
    SearchHit,
    SearchQuery,
    SearchResults,
    SearchSettings,
    parse_query,
)
from builder.search.ranking import (
    FacetFilter,
    Facets,
    Postings,
    Scores,
    all_words,
    any_of,
    best_documents,
    some_words,
)
from builder.search.reader import LIBRARY, NAME, TEXT, WORDS, IndexReader
from builder.search.stems import stem
from builder.search.words import STOP_WORDS, fold

# What is called exactly as the question is written comes first.
_SAME_NAME = 1_000.0
_SHORTEST_GUESS = 3


class SearchEngine:
    """One generation; not for several threads at once."""

    def __init__(self, reader: IndexReader, settings: SearchSettings) -> None:
        self.reader = reader
        self._settings = settings
        self._cache: OrderedDict[tuple[str, str], Postings] = OrderedDict()
        self._cached = 0

    def answer(self, query: SearchQuery) -> SearchResults:
        """The results of a question; any text is one."""
        started = time.perf_counter()
        settings = self._settings
        parsed = parse_query(query.text, prefix=query.prefix, settings=settings)
        scores, complete = self._matches(parsed, query.text)
        if query.library is not None:
            own = set(self._postings(LIBRARY, query.library).documents)
            scores = {document: score for document, score in scores.items() if document in own}
        suggestion = self._suggestion(query.text, parsed) if not complete or not scores else None
        filters = FacetFilter(query)
        combinations, combination_of = self._combinations
        spread = Counter(map(combination_of.__getitem__, scores))
        passing = {place for place in spread if filters.passes(combinations[place])}
        found = scores
        if len(passing) < len(spread):
            found = {d: score for d, score in scores.items() if combination_of[d] in passing}
        limit = max(0, min(query.limit, settings.hits))
        offset = max(0, min(query.offset, settings.offset))
        best = best_documents(found, offset + limit, self._order)[offset:]
        return SearchResults(
            hits=tuple(self._hit(document, found[document]) for document in best),
            total=len(found),
            facets=filters.counts({combinations[place]: count for place, count in spread.items()}),
            did_you_mean=suggestion,
            is_complete=complete,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def _matches(self, parsed: ParsedQuery, text: str) -> tuple[Scores, bool]:
        """The documents that are asked for, and whether they have all the words."""
        if parsed.is_empty:
            everything = self._everything if not text.strip() else {}
            return self._without(dict(everything), parsed.excluded), True
        lists = [self._word(word) for word in parsed.words]
        telling = [w for phrase in parsed.phrases for w in phrase if w not in STOP_WORDS]
        lists += [self._word(word) for word in telling]
        if parsed.unfinished:
            lists.append(self._unfinished(parsed.unfinished))
        # A phrase of stop words alone is looked for everywhere.
        scores = all_words(lists, self.reader.count) if lists else dict(self._everything)
        complete = bool(scores)
        if len(scores) < self._settings.few_hits and len(lists) > 1 and not parsed.phrases:
            # What has all the words stays above what has some of them.
            others = some_words(lists, self.reader.count)
            above = max(others.values(), default=0.0)
            scores = {**others, **{d: score + above for d, score in scores.items()}}
        scores = self._without(scores, parsed.excluded)
        for phrase in parsed.phrases:
            scores = self._in_order(scores, phrase)
        for document in self._postings(NAME, parsed.whole).documents:
            if document in scores:
                scores[document] += _SAME_NAME
        return scores, complete

    def _word(self, word: str) -> Postings:
        return self._postings(TEXT, stem(word))

    def _unfinished(self, word: str) -> Postings:
        """Return the postings of all that begins with the word, and of the word itself."""
        own = stem(word)
        lists = [(self._postings(TEXT, own), True)]
        begin = bisect_left(self._lexicon, word)
        longer: list[str] = []
        for candidate in islice(self._lexicon, begin, begin + self._settings.scanned_words):
            if not candidate.startswith(word):
                break
            longer.append(candidate)
        stems = {stem(candidate) for candidate in longer} - {own}
        most = sorted(stems, key=lambda s: (-len(self._postings(TEXT, s)), s))
        lists += [(self._postings(TEXT, s), False) for s in most[: self._settings.expansions]]
        return any_of([pair for pair in lists if len(pair[0])] or lists[:1])

    def _without(self, scores: Scores, excluded: tuple[str, ...]) -> Scores:
        for word in excluded:
            for document in self._word(word).documents:
                scores.pop(document, None)
        return scores

    def _in_order(self, scores: Scores, phrase: tuple[str, ...]) -> Scores:
        """Those of the best documents that have the phrase's words one after the other."""
        wanted = f" {' '.join(phrase)} "
        best = best_documents(scores, self._settings.phrase_documents, self._order)
        return {d: scores[d] for d in best if wanted in f" {self.reader.plain(d)} "}

    def _suggestion(self, text: str, parsed: ParsedQuery) -> str | None:
        """The question with each word that occurs nowhere replaced by the most likely one."""
        asked = dict.fromkeys([*parsed.words, *(w for p in parsed.phrases for w in p)])
        unknown = [w for w in asked if w not in STOP_WORDS and not len(self._word(w))]
        if parsed.unfinished and not len(self._unfinished(parsed.unfinished)):
            unknown.append(parsed.unfinished)
        replaced = {word: better for word in unknown if (better := self._similar(word))}
        if not replaced:
            return None
        shown = fold(" ".join(text[: self._settings.query_characters].split()))
        return re.sub(r"[^\W_]+", lambda match: replaced.get(match[0], match[0]), shown)

    def _similar(self, word: str) -> str | None:
        """The most frequent of the words that are the fewest letters away."""
        if len(word) < _SHORTEST_GUESS or len(word) > self._settings.suggested_letters:
            return None
        most = self._settings.suggestion_distance if len(word) > _SHORTEST_GUESS + 1 else 1
        for distance in range(1, most + 1):
            found = [(len(self._word(near)), near) for near in self.reader.similar(word, distance)]
            alive = [(-count, near) for count, near in found if count]
            if alive:
                return min(alive)[1]
        return None

    def _postings(self, field: str, term: str) -> Postings:
        key = (field, term)
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
            return known
        found = self.reader.postings(field, term)
        self._cache[key] = found
        self._cached += len(found) + 1
        while self._cached > self._settings.cached_postings and len(self._cache) > 1:
            self._cached -= len(self._cache.popitem(last=False)[1]) + 1
        return found

    def _hit(self, document: int, score: float) -> SearchHit:
        card = self.reader.card(document)
        return SearchHit(
            kind=card.kind,
            id=card.id,
            name=card.name,
            title=card.title,
            summary=card.summary,
            library=card.library,
            category=card.categories[0] if card.categories else "",
            platforms=card.platforms,
            premium=card.premium,
            version=card.version,
            score=round(score, 3),
        )

    @cached_property
    def _lexicon(self) -> list[str]:
        return self.reader.terms(WORDS)

    @cached_property
    def _order(self) -> array[int]:
        return self.reader.order()

    @cached_property
    def _combinations(self) -> tuple[list[Facets], list[int]]:
        """The combinations of facets that occur, and each document's place among them."""
        found = self.reader.facets()
        column = [0] * self.reader.size
        for place, postings in enumerate(found.values()):
            for document in postings.documents:
                column[document] = place
        return list(found), column

    @cached_property
    def _everything(self) -> Scores:
        return {d: 0.0 for postings in self.reader.facets().values() for d in postings.documents}
