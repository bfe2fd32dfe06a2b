"""Strangers' texts as sentences: what follows one must not run into it."""

from __future__ import annotations

_ENDS = ".!?…:。"


def ended(text: str) -> str:
    """The text with a full stop, unless it ends as a sentence does.

    >>> ended("It lost data"), ended("Why? "), ended("")
    ('It lost data.', 'Why?', '')
    """
    text = text.strip()
    return f"{text}." if text and text[-1] not in _ENDS else text


def first_line(text: str) -> tuple[str, bool]:
    r"""The first line of Markdown that says something, and whether more follow.

    >>> first_line("### Added\n\n- A flag\n- Another")
    ('A flag', True)
    """
    said = (line.strip() for line in text.splitlines())
    lines = [line.lstrip("-*+ ") for line in said if line and not line.startswith(("#", "<", "|"))]
    lines = [line for line in lines if any(map(str.isalnum, line))]
    return (lines[0], len(lines) > 1) if lines else ("", False)
