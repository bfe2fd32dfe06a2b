"""The stems of words (Porter, 1980), the same for what is indexed and for what is asked."""

from __future__ import annotations

from functools import lru_cache

from whoosh.lang.porter import stem as porter_stem


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of an English word; others mostly come out as they are.

    >>> stem("copies"), stem("copying")
    ('copi', 'copi')
    """
    stemmed: str = porter_stem(word)
    return stemmed
