"""Badges: small pictures (SVG) that say one thing of a library, for a README anywhere.

Their colours stand on light and dark pages alike. A browser measures no text here, so widths come
from a table, and the picture tells the browser to keep to them.
"""

from __future__ import annotations

from builder.catalogue.data.xml_text import kept_in_xml, xml_text

_CHARACTERS = 48
_HEIGHT = 20
_PADDING = 7.0
_WIDE = 11.0
"""Of what is in no table: a character as wide as it is high, such as a Chinese one."""
_USUAL = 7.0
# Verdana at 11 px, and DejaVu Sans, which stands in for it elsewhere, rounded up.
_WIDTHS = {
    **dict.fromkeys("ijl|'.,:;!Ií", 4.3),
    **dict.fromkeys('frt()[]{}/\\-"` ', 5.0),
    **dict.fromkeys("csvxyzkJ*?_^", 6.3),
    **dict.fromkeys("mMW@%", 10.6),
    **dict.fromkeys("wGOQCDHNU&+=<>~#", 8.8),
}
_LABEL_COLOUR = "#4a525b"
GOOD, INFORMATION, WARNING, BAD, QUIET = "#1c6b34", "#0b6e5f", "#8a4a00", "#a3232b", "#5f6873"
"""Colours on which white text is easy to read."""


def badge(label: str, value: str, colour: str) -> bytes:
    """A badge; both texts may be a stranger's."""
    label, value = _short(label), _short(value)
    left, right = _width(label), _width(value)
    words = f"{label}: {value}"
    whole = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:g}" height="{_HEIGHT}"'
        f' viewBox="0 0 {whole:g} {_HEIGHT}" role="img" aria-label="{xml_text(words)}">'
        f"<title>{xml_text(words)}</title>"
        f'<rect width="{whole:g}" height="{_HEIGHT}" rx="4" fill="{_LABEL_COLOUR}"/>'
        f'<path d="M{left:g} 0h{right - 4:g}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4h-{right - 4:g}z"'
        f' fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f"{_text(label, _PADDING, left)}{_text(value, left + _PADDING, right)}</g></svg>\n"
    ).encode()


def quality_colour(points: int) -> str:
    """The colour of a quality score."""
    good, fair = 80, 50
    return GOOD if points >= good else WARNING if points >= fair else BAD


def _short(text: str) -> str:
    line = " ".join(kept_in_xml(text).split())
    return line if len(line) <= _CHARACTERS else f"{line[: _CHARACTERS - 1]}…"


def _width(text: str) -> float:
    return round(sum(map(_character, text)) + 2 * _PADDING)


def _character(character: str) -> float:
    usual = _USUAL if character < "\u0500" else _WIDE
    return _WIDTHS.get(character, usual)


def _text(text: str, start: float, width: float) -> str:
    inner = width - 2 * _PADDING
    return f'<text x="{start:g}" y="14" textLength="{inner:g}">{xml_text(text)}</text>'
