"""The parser: a document as events, one after the other, and no more of them than a build bears.

pulldown-cmark needs time in proportion to a document's length, whatever its signs are. A reader of
the events needs it in proportion to their number, which is why they are counted. The reasons for
this parser, with figures, are in docs/decisions/0015-markdown.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import thread_time
from typing import Any

import pyromark

EVENTS = 100_000
"""Parts and ampersands of a document that is rendered: a second of a processor at most."""
SECONDS = 5.0
"""Longest that one document takes all the same, seconds of processor time."""
NESTING_LEVELS = 20
"""Quotes and lists inside each other that are rendered."""

Event = Any
"""As `pyromark.event.Event` describes it: a word, or a dictionary of one kind and its value."""

_OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
)
_DESCRIPTIONS = pyromark.Markdown(options=_OPTIONS)
_DOCUMENTS = pyromark.Markdown(options=_OPTIONS | pyromark.Options.ENABLE_FOOTNOTES)
_LOOKED_AT = 1024


class TooCostlyError(Exception):
    """To render this costs more than a document may."""


def document_events(text: str) -> list[Event]:
    """The events of a document; raises TooCostlyError."""
    return _limited(_DOCUMENTS, text)


def description_events(text: str) -> list[Event]:
    """The events of a description, in which there are no footnotes; raises TooCostlyError."""
    return _limited(_DESCRIPTIONS, text)


def ranged_events(text: str) -> Iterator[tuple[Event, int]]:
    """Each event of a document with the number of the byte where it begins."""
    for event, place in _DOCUMENTS.events_with_range(text):
        yield event, place["start"]


def _limited(parser: pyromark.Markdown, text: str) -> list[Event]:
    try:
        return _read(parser, text)
    except BaseException as error:
        # What the parser says when it has met a mistake of its own; it is not an Exception.
        if type(error).__name__ == "PanicException":
            raise TooCostlyError from error
        raise


def _read(parser: pyromark.Markdown, text: str) -> list[Event]:
    # Each of them is two steps of the allow-list's parser.
    left = EVENTS - text.count("&")
    events: list[Event] = []
    ends = thread_time() + SECONDS
    for event in parser.events(text):
        events.append(event)
        count = len(events)
        if count > left or (count % _LOOKED_AT == 0 and thread_time() > ends):
            raise TooCostlyError
    return events
