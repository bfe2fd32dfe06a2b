"""Strangers' words made fit for our fields: names, single lines, texts, addresses and times."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from datetime import UTC, datetime
from functools import lru_cache

from registry.checks.hostile_text import text_problems
from registry.checks.paths import INVISIBLE
from registry.names import LIBRARY_NAME_LENGTH, RESERVED_LIBRARY_NAMES
from registry.problems import Severity

_URL = re.compile(r"https?://[^\s\x00-\x1f<>\"'`]+\Z")
_URL_LENGTH = 500
_ELLIPSIS = "…"
_PARAMETER_LENGTH = 64
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Line separators that editors show as nothing, controls, invisible and reordering characters.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HIDDEN = re.compile(f"[{''.join(sorted(INVISIBLE))}]")
# Look-alikes that no browser takes for what they look like.
_TAG = re.compile(r"<(?=\s*/?\s*[A-Za-z])")
_SCHEME = re.compile(r"((?:java|vb)script|data)(\s*):", re.IGNORECASE)
# Without one of these nothing is active; the thorough look is slow.
_SUSPECT = re.compile(r"[<&]|[ta][\s\0]*:", re.IGNORECASE)
_ANGLE, _COLON = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", "\N{RATIO}"
_ALL = str.maketrans({"<": _ANGLE, ":": _COLON, "&": "\N{FULLWIDTH AMPERSAND}"})


def name_for_library(text: str, taken: Container[str] = ()) -> str:
    """A library's name made from any text, deterministic; a taken one gets a number."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not slug or not slug[0].isalpha():
        slug = f"library-{slug}".rstrip("-")
    if len(slug) > LIBRARY_NAME_LENGTH:
        slug = f"{slug[: LIBRARY_NAME_LENGTH - 9].rstrip('-')}-{_short_hash(text)}"
    if slug in RESERVED_LIBRARY_NAMES:
        slug = f"{slug}-library"
    return _numbered(slug, "-", taken, LIBRARY_NAME_LENGTH)


def parameter_name(text: str, taken: Container[str] = ()) -> str:
    """A lower-case snake name made from any text, deterministic; a taken one gets a number."""
    snake = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", text).lower()).strip("_")
    if not snake or not snake[0].isalpha():
        snake = f"p_{snake}".rstrip("_")
    if len(snake) > _PARAMETER_LENGTH:
        snake = f"{snake[: _PARAMETER_LENGTH - 9].rstrip('_')}_{_short_hash(text)}"
    return _numbered(snake, "_", taken, _PARAMETER_LENGTH)


def _numbered(name: str, joint: str, taken: Container[str], length: int) -> str:
    candidate, number = name, 2
    while candidate in taken:
        suffix = f"{joint}{number}"
        candidate = f"{name[: length - len(suffix)].rstrip(joint)}{suffix}"
        number += 1
    return candidate


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def title_case(tag: str) -> str:
    """``code-sign`` → ``Code Sign``; a word with capitals of its own keeps them."""
    words = re.split(r"[\s_-]+", clean(tag).strip())
    return " ".join(word if word != word.lower() else word[:1].upper() + word[1:] for word in words)


def plain_line(text: str, limit: int) -> str:
    """The text on one line of at most ``limit`` characters."""
    return fit(" ".join(clean(text).split()), limit)


def fit(text: str, limit: int) -> str:
    """The text made clean, of at most ``limit`` characters."""
    # Once more after the cut, which may take the end of a piece of code away.
    return clean(shorten(clean(text), limit))


def shorten(text: str, limit: int) -> str:
    """The text, cut with an ellipsis where it has more than ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + _ELLIPSIS


# The versions of a step repeat most of their texts.
@lru_cache(maxsize=8_192)
def clean(text: str) -> str:
    """The text as Markdown that passes validation.

    Control and invisible characters go. In a text with active content (tags such as ``script``,
    ``javascript:``) the ``<`` and ``:`` that make it active become look-alikes; where that is not
    enough, all of them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _HIDDEN.sub("", _CONTROL.sub(" ", text)).strip()
    if _is_active(text):
        text = _SCHEME.sub(rf"\1\2{_COLON}", _TAG.sub(_ANGLE, text))
    return text.translate(_ALL) if _is_active(text) else text


def is_clean(text: str) -> bool:
    """True if a value can be kept exactly as it is."""
    hidden = _HIDDEN.search(text) or _CONTROL.search(text.replace("\r", ""))
    return hidden is None and not _is_active(text)


def _is_active(text: str) -> bool:
    if not _SUSPECT.search(text):
        return False
    return any(problem.severity is Severity.ERROR for problem in text_problems(text, ""))


def linked_address(text: str | None) -> str | None:
    """An http(s) address that our formats accept, else None."""
    stripped = (text or "").strip()
    return stripped if len(stripped) <= _URL_LENGTH and _URL.match(stripped) else None


def utc_time(text: str | None) -> str | None:
    """A date or time in ISO 8601 as RFC 3339 in UTC with whole seconds; None if it is neither."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.year >= 1970 else None  # noqa: PLR2004 - Git's first year
