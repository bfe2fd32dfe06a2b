"""A term's postings as the browser reads them: the term, how many, gaps between documents, weights.

Numbers are written seven bits a byte, the lowest first; all but the last byte have the high bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BITS, _MORE = 7, 0x80


def posting_entry(term: str, documents: Sequence[int], weights: bytes) -> bytes:
    """The bytes of one term; documents are numbers in ascending order."""
    name = term.encode()
    head = _number(len(name)) + name + _number(len(documents))
    gaps = [documents[0], *(after - before for before, after in pairwise(documents))]
    # Nearly all gaps of a long list are small, and those of a short one are few.
    short = bytes(gaps) if max(gaps) < _MORE else b"".join(map(_number, gaps))
    return head + _number(len(short)) + short + weights


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= _MORE:
        found.append(value & (_MORE - 1) | _MORE)
        value >>= _BITS
    found.append(value)
    return bytes(found)
