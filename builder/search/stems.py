"""The stems of words (Porter, 1980), the same for what is indexed and for what is asked.

Whoosh has this algorithm, too, but looks for some endings where a word begins: "generating" and
"tagging" keep theirs. `catalog-site/assets/search-stems.js` does the same as this.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CONSONANTS, _VOWELS = "[^aeiouy]+", "[aeiou]+"
_SOME = re.compile(f"({_CONSONANTS})?{_VOWELS}{_CONSONANTS}")
_ONE = re.compile(f"({_CONSONANTS})?{_VOWELS}{_CONSONANTS}({_VOWELS})?$")
_MANY = re.compile(f"({_CONSONANTS})?{_VOWELS}{_CONSONANTS}{_VOWELS}{_CONSONANTS}")
_VOWEL = re.compile(f"({_CONSONANTS})?[aeiouy]")
_SHORT = re.compile(f"{_CONSONANTS}[aeiouy][^aeiouwxy]$")
_DOUBLED = re.compile(r"([^aeiouylsz])\1$")
_VERB = re.compile(r"(.*)(ed|ing)$")
_WANTS_E = re.compile(r"(at|bl|iz)$")

_SECOND = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize",
    "bli": "ble", "alli": "al", "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize",
    "ation": "ate", "ator": "ate", "alism": "al", "iveness": "ive", "fulness": "ful",
    "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
}  # fmt: skip
_THIRD = {
    "icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": "",
}  # fmt: skip
_SECOND_END = re.compile(f"(.+?)({'|'.join(_SECOND)})$")
_THIRD_END = re.compile(f"(.+?)({'|'.join(_THIRD)})$")
_FOURTH_END = re.compile(
    "(.+?)(al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|ou|ism|ate|iti|ous|ive|ize)$"
)
_ION_END = re.compile("(.+?[st])ion$")
_SHORTEST = 3


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of an English word; others mostly come out as they are.

    >>> stem("copies"), stem("copying")
    ('copi', 'copi')
    >>> stem("tagging"), stem("generating") == stem("generate")
    ('tag', True)
    """
    if len(word) < _SHORTEST:
        return word
    # A y at the beginning is a consonant; as a capital no rule takes it for anything else.
    if word[0] == "y":
        return f"y{_porter(f'Y{word[1:]}')[1:]}"
    return _porter(word)


def _porter(word: str) -> str:
    found = _without_ending(_without_plural(word))
    if found.endswith("y") and _VOWEL.match(found[:-1]):
        found = f"{found[:-1]}i"
    found = _replaced(found, _SECOND_END, _SECOND)
    found = _replaced(found, _THIRD_END, _THIRD)
    found = _without_e(_without_suffix(found))
    return found[:-1] if found.endswith("ll") and _MANY.match(found) else found


def _without_plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and word[-2] != "s" else word


def _without_ending(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _SOME.match(word[:-3]) else word
    verb = _VERB.match(word)
    if verb is None or not _VOWEL.match(verb[1]):
        return word
    start = verb[1]
    if _WANTS_E.search(start):
        return f"{start}e"
    if _DOUBLED.search(start):
        return start[:-1]
    return f"{start}e" if _SHORT.match(start) else start


def _replaced(word: str, end: re.Pattern[str], table: dict[str, str]) -> str:
    found = end.match(word)
    return found[1] + table[found[2]] if found and _SOME.match(found[1]) else word


def _without_suffix(word: str) -> str:
    suffix = _FOURTH_END.match(word)
    if suffix:
        return suffix[1] if _MANY.match(suffix[1]) else word
    ion = _ION_END.match(word)
    return ion[1] if ion and _MANY.match(ion[1]) else word


def _without_e(word: str) -> str:
    if not word.endswith("e") or not (start := word[:-1]):
        return word
    is_short = _ONE.match(start) and not _SHORT.match(start)
    return start if _MANY.match(start) or is_short else word
