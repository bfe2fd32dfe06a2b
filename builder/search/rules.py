"""The rules of ranking that are numbers and lists, once for the server and for the browser.

The catalogue's index carries them, so `catalog-site/assets/search-rules.js` has none of its own.
"""

from __future__ import annotations

from builder.search.words import QUESTION_WORDS, STOP_WORDS, WHOLE_LENGTH, WORD_LENGTH

COMPLETED, MENDED = 0.8, 0.7
"""The factors of a word that was not typed as it is: completed, or mended."""
RARE, TIMES = 3, 8
"""A word in fewer documents than this may be a mistake that somebody else made, too, if one with
another letter is in so many times as many."""
TAIL = 0.2
"""The share of the best score below which a document is left out."""
ALL = 0.999999
"""A share of a question from which on it is the whole: shares are sums of fractions."""
COMPLETIONS = 8
"""Words that an unfinished one stands for at most."""
NEAREST, SHORTEST_MENDED, LONGEST_MENDED, FEW_LETTERS = 3, 3, 24, 4
"""Words that a wrong one is mended by at most; its fewest and most letters; up to so many letters
one of them may be wrong, and two in longer words."""
FEW_HITS, SUGGESTIONS, BEST_STEPS = 3, 5, 4
"""Below so many hits other questions are suggested, at most so many; steps shown inside a hit."""
QUERY_CHARACTERS, QUERY_WORDS, PHRASES = 500, 16, 4
"""Limits of a question."""

RULES = {
    "stopWords": sorted(STOP_WORDS),
    "questionWords": sorted(QUESTION_WORDS),
    "wordLength": WORD_LENGTH,
    "wholeLength": WHOLE_LENGTH,
    "completed": COMPLETED,
    "mended": MENDED,
    "rare": RARE,
    "times": TIMES,
    "tail": TAIL,
    "all": ALL,
    "completions": COMPLETIONS,
    "nearest": NEAREST,
    "shortestMended": SHORTEST_MENDED,
    "longestMended": LONGEST_MENDED,
    "fewLetters": FEW_LETTERS,
    "fewHits": FEW_HITS,
    "suggestions": SUGGESTIONS,
    "bestSteps": BEST_STEPS,
    "queryCharacters": QUERY_CHARACTERS,
    "queryWords": QUERY_WORDS,
    "phrases": PHRASES,
}
