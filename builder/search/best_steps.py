"""The steps of a library that a question is about, by their names.

The browser chooses the same ones, in `catalog-site/assets/search-rules.js`.
"""

from __future__ import annotations

from collections.abc import Sequence

from builder.search.card import StepName
from builder.search.query import ParsedQuery
from builder.search.rules import BEST_STEPS
from builder.search.stems import stem
from builder.search.words import name_parts, words


def best_steps(steps: Sequence[StepName], parsed: ParsedQuery) -> tuple[StepName, ...]:
    """The steps whose names have most of the words, the best first; none if nothing is asked."""
    wanted = {stem(word) for word in parsed.wanted}
    if not wanted:
        return ()
    ranked = [(_matched(step, wanted, parsed.unfinished), step) for step in steps]
    found = sorted((pair for pair in ranked if pair[0]), key=lambda pair: -pair[0])
    return tuple(step for _, step in found[:BEST_STEPS])


def _matched(step: StepName, wanted: set[str], unfinished: str | None) -> int:
    own = {*name_parts(step.name), *words(step.title)}
    stems = {stem(word) for word in own}
    count = len(wanted & stems)
    if unfinished and stem(unfinished) not in stems:
        count += any(word.startswith(unfinished) for word in own)
    return count
