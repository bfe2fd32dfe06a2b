"""Text as HTML: three signs are markup in a text, and a fourth ends an attribute."""

from __future__ import annotations


def text_html(text: str) -> str:
    """A text between tags."""
    # Faster than html.escape, which looks for quotation marks, too; most texts have none of these.
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text


def attribute_html(text: str) -> str:
    """The value of an attribute, without the quotation marks around it."""
    return text_html(text).replace('"', "&quot;")
