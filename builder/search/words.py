"""Text to words, the same for what is indexed and for what is asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Too frequent to tell one document from another: they are not indexed.
_STOP_WORDS = (
    "a an and are as at be by can for from has have if in into is it its not of on or so such"
    " that the their then there these this to was when which will with you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
# The rest of a question in words. They are indexed, and wanted only where nothing else is asked.
_QUESTION_WORDS = (
    "about another any anyone anything are cannot could do does doing else has help how i just"
    " like may me might must my need needs our please shall should some someone something step"
    " steps tell us want wants way we what where whether who why would"
)
QUESTION_WORDS = STOP_WORDS | frozenset(_QUESTION_WORDS.split())
WORD_LENGTH = 48
"""Longest word, characters; what is longer is cut there."""

WHOLE_LENGTH = 120
"""Longest name as one word, characters."""

_WORD = re.compile(r"[^\W_]+")
# "XcodeArchive" → Xcode Archive, "HTTPServer" → HTTP Server.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(text: str) -> str:
    """The text without differences of case, width and accents."""
    if text.isascii():
        return text.lower()
    # Letters of other shapes, such as U+1D54A, have no case before they are plain ones.
    split = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in split if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", plain)


def words(text: str) -> list[str]:
    """The words of a text, folded; stop words included."""
    return [word[:WORD_LENGTH] for word in _WORD.findall(fold(text))]


def whole_name(found: Sequence[str]) -> str:
    """Words as one, to compare a question with a name; without stop words if others are left."""
    return "".join([word for word in found if word not in STOP_WORDS] or found)[:WHOLE_LENGTH]


def name_words(name: str) -> list[str]:
    """The words of a name: its parts at dots, hyphens, underscores and capitals, and as a whole.

    ``git-clone`` gives ``git``, ``clone`` and ``gitclone``, so it is found however it is written.
    """
    parts = name_parts(name)
    return [*parts, "".join(parts)[:WORD_LENGTH]] if len(parts) > 1 else parts


def name_parts(name: str) -> list[str]:
    """The words of a name, without the whole."""
    return words(_CAMEL.sub(" ", name))
