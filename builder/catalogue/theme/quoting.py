"""Text as HTML, quickly: a page has a hundred small texts, and most of them recur on it.

`markupsafe.escape` takes a microsecond a text, and longer where the text is HTML already. That was
a tenth of a build.
"""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup, escape

_SHORT = 200
_REMEMBERED = 8_192
_remembered = lru_cache(maxsize=_REMEMBERED)(escape)


def quote(value: object) -> Markup:
    """Escape any value as `markupsafe.escape` does.

    >>> quote("a < b"), quote(Markup("<b>")), quote(3)
    (Markup('a &lt; b'), Markup('<b>'), Markup('3'))
    """
    kind = type(value)
    if kind is Markup:
        return value  # type: ignore[return-value]
    # Of exactly this type: a Markup equals the text that is still to be quoted.
    if kind is str and len(value) <= _SHORT:  # type: ignore[arg-type]
        return _remembered(value)
    return escape(value)
