"""Answer questions from one generation of the index; what was read once stays in memory.

The browser answers the same way from the catalogue's own index: the rules of ranking are in
`catalog-site/assets/search-rules.js` once more, and a test asks both the same questions.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from functools import cached_property, lru_cache

from builder.search.best_steps import best_steps
from builder.search.card import Card, Facets
from builder.search.facets import FacetFilter
from builder.search.lexicon import Lexicon
from builder.search.matching import Match, match
from builder.search.query import (
    ParsedQuery,
    SearchHit,
    SearchQuery,
    SearchResults,
    SearchSettings,
    Sort,
    parse_query,
)
from builder.search.ranking import Postings, Scores
from builder.search.reader import LIBRARY, NAME, STEP_TEXT, TEXT, WORDS, DocumentPlace, IndexReader
from builder.search.stems import stem
from builder.search.words import whole_name, words

_KINDS = {"library": TEXT, "step": STEP_TEXT}


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
        kind = query.kind or "library"
        match, spread = self._found(query, parsed, kind)
        filters = FacetFilter.of(query)
        combinations, combination_of = self._combinations
        found = match.scores
        if not filters.is_open:
            passing = {place for place in spread if not filters.failed(combinations[place])}
            found = {d: score for d, score in found.items() if combination_of[d] in passing}
        limit = max(0, min(query.limit, settings.hits))
        offset = max(0, min(query.offset, settings.offset))
        best = self._sorted(found, query.sort)[offset : offset + limit]
        counts = filters.counts({combinations[place]: count for place, count in spread.items()})
        return SearchResults(
            hits=tuple(self._hit(document, found[document], parsed) for document in best),
            total=len(found),
            facets={**counts, "kind": self._kinds(query, parsed, kind, counts["kind"])},
            did_you_mean=match.corrected,
            suggestions=match.suggestions,
            is_complete=match.is_complete,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def _found(
        self, query: SearchQuery, parsed: ParsedQuery, kind: str
    ) -> tuple[Match, Counter[int]]:
        """The libraries or steps that a question finds, and their combinations of facets."""
        field = _KINDS[kind]
        if parsed.is_empty:
            is_asked = bool(query.text.strip()) and not parsed.excluded
            scores = {} if is_asked else dict(self._everything[kind])
            found = Match(scores=scores)
        else:
            found = match(
                parsed,
                query.text[: self._settings.query_characters],
                self._lexicon,
                lambda term: self._postings(field, term),
                len(self._everything[kind]),
            )
        scores = self._without(found.scores, parsed.excluded, field)
        if query.library is not None:
            own = set(self._postings(LIBRARY, query.library).documents)
            scores = {document: score for document, score in scores.items() if document in own}
        for phrase in parsed.phrases:
            scores = self._in_order(scores, phrase)
        whole = whole_name(words(found.corrected)) if found.corrected else parsed.whole
        found = found.with_scores(self._lifted(scores, whole))
        _, combination_of = self._combinations
        return found, Counter(map(combination_of.__getitem__, found.scores))

    def _kinds(
        self, query: SearchQuery, parsed: ParsedQuery, kind: str, own: dict[str, int]
    ) -> dict[str, int]:
        """The number of libraries, and of steps, that the question finds."""
        other = "step" if kind == "library" else "library"
        _, spread = self._found(query, parsed, other)
        filters, (combinations, _) = FacetFilter.of(query), self._combinations
        passing = (c for place, c in spread.items() if not filters.failed(combinations[place]))
        counts = {**own, other: sum(passing)}
        return {name: counts[name] for name in _KINDS if counts.get(name)}

    def _lifted(self, scores: Scores, whole: str) -> Scores:
        """Scores with exact names first, and a successor before what it replaces."""
        above = max(scores.values(), default=0.0)
        for document in self._postings(NAME, whole).documents if whole else ():
            if document in scores:
                scores[document] += above
        for old, new in self._replaced:
            if old in scores and scores.get(new, scores[old]) < scores[old]:
                scores[new] = scores[old]
        return scores

    def _without(self, scores: Scores, excluded: tuple[str, ...], field: str) -> Scores:
        for word in excluded:
            for document in self._postings(field, stem(word)).documents:
                scores.pop(document, None)
        return scores

    def _in_order(self, scores: Scores, phrase: tuple[str, ...]) -> Scores:
        """Those of the best documents that have the phrase's words one after the other."""
        wanted = f" {' '.join(phrase)} "
        best = self._sorted(scores, Sort.RELEVANCE)[: self._settings.phrase_documents]
        return {d: scores[d] for d in best if wanted in f" {self.reader.plain(d)} "}

    def _sorted(self, scores: Scores, sort: Sort) -> list[int]:
        places, first = self._places, self._order
        if sort is Sort.RELEVANCE:
            return sorted(scores, key=lambda document: (-scores[document], first[document]))
        if sort is Sort.NEWEST:
            by_name = sorted(scores, key=lambda document: places[document].id)
            return sorted(by_name, key=lambda document: places[document].newest, reverse=True)
        return sorted(scores, key=lambda document: (places[document].title, places[document].id))

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

    def _hit(self, document: int, score: float, parsed: ParsedQuery) -> SearchHit:
        card: Card = self.reader.card(document)
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
            score=round(score / 100, 3),
            license=card.license,
            author=card.author,
            deprecated=card.deprecated,
            has_executor=card.executor,
            newest=card.newest,
            step_count=card.count,
            steps=best_steps(card.steps, parsed),
        )

    @cached_property
    def words(self) -> list[str]:
        """All words as they are written, sorted; also those of what was replaced."""
        return self.reader.terms(WORDS)

    @cached_property
    def _lexicon(self) -> Lexicon:
        # Asked of libraries and of steps, for the same word.
        return Lexicon(words=self.words, similar=lru_cache(maxsize=256)(self.reader.similar))

    @cached_property
    def _places(self) -> list[DocumentPlace]:
        return self.reader.places()

    @cached_property
    def _order(self) -> list[int]:
        """Each document's place when all are sorted by their first release, then by id."""
        places = self._places
        ordered = sorted(range(len(places)), key=lambda d: (places[d].first, places[d].id))
        order = [0] * len(places)
        for place, document in enumerate(ordered):
            order[document] = place
        return order

    @cached_property
    def _replaced(self) -> list[tuple[int, int]]:
        """Libraries that another one replaces, each with that one."""
        pairs = [(d, place.replacement) for d, place in enumerate(self._places)]
        return [
            (document, new)
            for document, name in pairs
            if name and document in self._everything["library"]
            for new in self._postings(LIBRARY, name).documents
            if new in self._everything["library"]
        ]

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
    def _everything(self) -> dict[str, Scores]:
        """All libraries and all steps."""
        every: dict[str, Scores] = {kind: {} for kind in _KINDS}
        for facets, postings in self.reader.facets().items():
            every[facets.kind[0]].update(dict.fromkeys(postings.documents, 0.0))
        return every
