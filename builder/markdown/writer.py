"""From the events of a document to HTML: every tag that strangers' Markdown becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from builder.markdown.addresses import bare_urls
from builder.markdown.anchors import (
    HeadingNames,
    Outline,
    anchors_of,
    heading_events,
    title_of,
)
from builder.markdown.code import COLOURED_CHARACTERS, code_html, is_coloured
from builder.markdown.escaping import text_html
from builder.markdown.footnotes import Footnotes
from builder.markdown.parsing import NESTING_LEVELS, Event
from builder.markdown.places import LinkPlaces
from builder.markdown.targets import Targets, foreign_link

_WORDS = {"SoftBreak": "\n", "HardBreak": "<br>\n", "Rule": "<hr>\n"}
_OPEN = {"Paragraph": "<p>", "TableHead": "<thead><tr>", "TableRow": "<tr>"}
_CLOSE = {
    "Paragraph": "</p>\n",
    "TableHead": "</tr></thead>\n<tbody>\n",
    "TableRow": "</tr>\n",
    "Table": "</tbody></table></div>\n",
}
_TEXTS = frozenset({"Text", "Code", "Html", "InlineHtml"})
_NESTED = {"Emphasis": "em", "Strong": "strong", "Strikethrough": "del"}
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_COMMENTS = re.compile(r"\s*(?:<!--(?:(?!-->).)*-->\s*)+", re.DOTALL)
_LANGUAGE = re.compile(r"[\w#+-]+")


class Writer:
    """Writes one document. Its headings begin at level ``top``, its ids with ``prefix``.

    With an empty prefix there are no ids, for a document that is part of no page.
    """

    def __init__(
        self, events: Sequence[Event], *, prefix: str, top: int | None, places: LinkPlaces
    ) -> None:
        """Without ``top`` headings are paragraphs, for texts that have no place for any."""
        self._events: Iterator[Event] = iter(events)
        self._prefix = prefix
        anchors = cache(lambda: anchors_of(events))
        self._targets = Targets(prefix=prefix, anchors=anchors, places=places)
        self._outline = Outline(top) if top is not None else None
        self._names = HeadingNames()
        self._parts: list[str] = []
        self._depth = 0
        self._items: list[int] = []
        # Where the text of what is open begins, and what there is to be written at its end.
        self._links: list[tuple[int, str]] = []
        self._told: list[tuple[str, list[str]]] = []
        self._sides: tuple[str, ...] = ()
        self._column = 0
        self._cell = "td"
        self._coloured = 0
        self._footnotes = Footnotes(prefix)
        self._starts: Mapping[str, Callable[[Any], None]] = {
            "BlockQuote": self._quote,
            "CodeBlock": self._code_block,
            "FootnoteDefinition": self._start_footnote,
            "Heading": self._heading,
            "Image": self._image,
            "Link": self._start_link,
            "List": self._list,
            "Table": self._table,
        }
        self._handlers: Mapping[str, Callable[[Any], None]] = {
            "Code": self._code,
            "End": self._end,
            "FootnoteReference": self._footnote_reference,
            "Html": self._html,
            "InlineHtml": self._html,
            "Start": self._start,
            "TaskListMarker": self._task,
            "Text": self._text,
        }

    def html(self) -> str:
        """The whole document."""
        self._write()
        return "".join((*self._parts, self._footnotes.html()))

    def _write(self) -> None:
        handlers = self._handlers
        for event in self._events:
            if event.__class__ is str:
                self._parts.append(_WORDS[event])
            else:
                [(kind, value)] = event.items()
                handlers[kind](value)

    def _start(self, tag: Any) -> None:
        if tag.__class__ is not str:
            [(name, value)] = tag.items()
            self._starts[name](value)
        elif tag in _OPEN:
            self._parts.append(_OPEN[tag])
            self._column = 0
        elif tag in _NESTED:
            self._nest(f"<{_NESTED[tag]}>")
        elif tag == "Item":
            self._items.append(len(self._parts))
            self._parts.append("<li>")
        elif tag == "TableCell":
            self._start_cell()
        elif tag == "HtmlBlock":
            self._html_block()

    def _end(self, tag: Any) -> None:
        if tag.__class__ is not str:
            [(name, value)] = tag.items()
            if name == "List":
                self._unnest("</ol>\n" if value else "</ul>\n")
            else:
                self._unnest("</blockquote>\n")
        elif tag in _CLOSE:
            self._parts.append(_CLOSE[tag])
            self._cell = "td"
        elif tag in _NESTED:
            self._unnest(f"</{_NESTED[tag]}>")
        elif tag == "Item":
            self._items.pop()
            self._parts.append("</li>\n")
        elif tag == "TableCell":
            self._end_cell()
        elif tag == "Link":
            self._end_link()
        elif tag == "FootnoteDefinition":
            self._end_footnote()

    def _nest(self, html: str) -> None:
        self._depth += 1
        if self._depth <= NESTING_LEVELS:
            self._parts.append(html)

    def _unnest(self, html: str) -> None:
        if self._depth <= NESTING_LEVELS:
            self._parts.append(html)
        self._depth -= 1

    def _text(self, text: str) -> None:
        places = bare_urls(text) if "://" in text and not self._links else ()
        done = 0
        for start, end in places:
            url = text[start:end]
            self._parts.append(text_html(text[done:start]))
            self._parts.append(f"{foreign_link(url)}{text_html(url)}</a>")
            done = end
        self._parts.append(text_html(text[done:] if done else text))

    def _code(self, text: str) -> None:
        self._parts.append(f"<code>{text_html(text)}</code>")

    def _html(self, text: str) -> None:
        """HTML of the author's in a line of text: shown as it was written, but for a line break."""
        if _BREAK.fullmatch(text):
            self._parts.append("<br>")
        elif not _COMMENTS.fullmatch(text):
            self._parts.append(text_html(text))

    def _html_block(self) -> None:
        text = self._collect("HtmlBlock")
        if not _COMMENTS.fullmatch(text):
            self._parts.append(f"<p>{text_html(text.strip())}</p>\n")

    def _collect(self, name: str) -> str:
        """The text of an element, to its end; what is inside it is not written."""
        texts: list[str] = []
        depth = 1
        for event in self._events:
            if event.__class__ is str:
                texts.append(" ")
                continue
            [(kind, value)] = event.items()
            if kind == "End" and value == name:
                depth -= 1
                if not depth:
                    break
            elif kind == "Start":
                depth += value.__class__ is dict and name in value
            elif kind in _TEXTS:
                texts.append(value)
        return "".join(texts)

    def _code_block(self, kind: Any) -> None:
        code = self._collect("CodeBlock")
        found = _LANGUAGE.search(kind["Fenced"]) if kind != "Indented" else None
        language = found[0].lower() if found else ""
        html = None
        if is_coloured(language, code) and self._coloured + len(code) <= COLOURED_CHARACTERS:
            self._coloured += len(code)
            html = code_html(language, code)
        # It may scroll sideways, hence it can be reached with the keyboard.
        self._parts.append(f'<pre tabindex="0"><code>{html or text_html(code)}</code></pre>\n')

    def _list(self, first: int | None) -> None:
        if first is None:
            self._nest("<ul>\n")
        else:
            self._nest("<ol>\n" if first == 1 else f'<ol start="{first}">\n')

    def _quote(self, _: Any) -> None:
        self._nest("<blockquote>\n")

    def _task(self, is_done: bool) -> None:
        if self._items:
            self._parts[self._items[-1]] = '<li class="task">'
        state = 'checked="" aria-label="Done"' if is_done else 'aria-label="To do"'
        self._parts.append(f'<input type="checkbox" disabled="" {state}> ')

    def _heading(self, heading: Mapping[str, Any]) -> None:
        inside = heading_events(self._events)
        start = len(self._parts)
        opening, closing = self._heading_tags(int(heading["level"][1]), inside)
        self._parts.append(opening)
        outer, self._events = self._events, iter(inside)
        self._write()
        self._events = outer
        if "".join(self._parts[start + 1 :]).strip():
            self._parts.append(closing)
        else:
            del self._parts[start:]

    def _heading_tags(self, written: int, inside: Sequence[Event]) -> tuple[str, str]:
        if self._outline is None:
            return "<p>", "</p>\n"
        level = self._outline.level(written)
        if not self._prefix:
            return f"<h{level}>", f"</h{level}>\n"
        name = f"{self._prefix}{self._names.give(title_of(inside))}"
        anchor = f'<a class="anchor" href="#{name}" aria-label="Link to this heading"></a>'
        return f'<h{level} id="{name}">', f"{anchor}</h{level}>\n"

    def _table(self, sides: tuple[str, ...]) -> None:
        self._sides = tuple(side.lower() for side in sides)
        self._cell = "th"
        self._parts.append('<div class="scroll" tabindex="0"><table>\n')

    def _start_cell(self) -> None:
        side = self._sides[self._column] if self._column < len(self._sides) else ""
        # A class, because the pages allow no inline style.
        named = f' class="{side}"' if side in {"center", "right"} else ""
        scope = ' scope="col"' if self._cell == "th" else ""
        self._column += 1
        self._parts.append(f"<{self._cell}{scope}{named}>")

    def _end_cell(self) -> None:
        if self._cell == "th" and self._parts[-1].startswith("<th "):
            self._parts[-1] = "<td></td>"  # not a heading: it says nothing
        else:
            self._parts.append(f"</{self._cell}>")

    def _start_link(self, link: Mapping[str, Any]) -> None:
        target = link["dest_url"]
        if link["link_type"] == "Email" and not target.startswith("mailto:"):
            target = f"mailto:{target}"
        opening = self._targets.open_link(target, link["title"])
        self._parts.append(opening or "")
        self._links.append((len(self._parts), target if opening else ""))

    def _end_link(self) -> None:
        start, target = self._links.pop()
        if target:
            is_empty = not "".join(self._parts[start:]).strip()
            self._parts.append(f"{text_html(target)}</a>" if is_empty else "</a>")

    def _image(self, image: Mapping[str, Any]) -> None:
        alternative = self._collect("Image")
        html = self._targets.picture(
            image["dest_url"], alternative, is_linked=bool(self._links and self._links[-1][1])
        )
        self._parts.append(html)

    def _start_footnote(self, label: str) -> None:
        """The text of a footnote is written apart, wherever in the document it stands."""
        self._told.append((label, self._parts))
        self._parts = []

    def _end_footnote(self) -> None:
        label, outer = self._told.pop()
        self._footnotes.tell(label, "".join(self._parts))
        self._parts = outer

    def _footnote_reference(self, label: str) -> None:
        self._parts.append(self._footnotes.reference(label))
