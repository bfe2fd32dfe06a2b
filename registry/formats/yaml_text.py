"""Strict YAML: the JSON subset of it, without anchors, tags or duplicate keys.

Built here from libyaml's events: dates stay text, every value has a place, and nothing recurses
(libyaml's own composer overflows the C stack, and ends the process, on ``- - - …``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from registry.formats.json_text import (
    JsonTextError,
    Position,
    decode_utf8,
    escape_pointer,
    is_portable,
)

_PREFIX = "tag:yaml.org,2002:"
_TRUE = frozenset({"true", "yes", "on"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_INTEGER_CHARACTERS = 20
# First character → (tag, pattern): the rules that the dumper quotes by, so that what it writes
# as text is read as text.
_RESOLVERS: Mapping[str | None, list[tuple[str, re.Pattern[str]]]] = (
    yaml.SafeLoader.yaml_implicit_resolvers
)


def load_yaml(raw: bytes, *, depth: int) -> tuple[Any, Mapping[str, Position]]:
    """Decode one YAML document to JSON values, and the place of each by JSON pointer.

    Raises JsonTextError for syntax errors, anchors, tags, duplicate keys, keys that are not text,
    special floats and nesting deeper than ``depth``.
    """
    document = _Document(depth)
    text = decode_utf8(raw)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            document.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else Position(line=1, column=1)
        raise JsonTextError(error.problem or "this is not YAML", place) from error
    except yaml.YAMLError as error:
        raise JsonTextError(str(error)[:200], Position(line=1, column=1)) from error
    return document.value, document.places or {"": Position(line=1, column=1)}


def _place(mark: Any) -> Position:
    """A mark of libyaml's, for which the stubs have several types."""
    return Position(line=mark.line + 1, column=mark.column + 1)


@dataclass(kw_only=True, slots=True)
class _Open:
    """An array or object that has not ended yet; ``key`` waits for its value."""

    value: list[Any] | dict[str, Any]
    pointer: str
    key: str | None = None


class _Document:
    """The one value of a document while its events come in."""

    def __init__(self, depth: int) -> None:
        self.value: Any = None
        self.places: dict[str, Position] = {}
        self._depth = depth
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """The next event; raises JsonTextError for what is not allowed."""
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_marks(event)
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_marks(event)
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise self._error("anchors and aliases are not allowed", event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error("there is more than one document", event)

    def _error(self, message: str, event: yaml.Event) -> JsonTextError:
        pointer = self._open[-1].pointer if self._open else ""
        return JsonTextError(message, _place(event.start_mark), pointer)

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            raise self._error("anchors and aliases are not allowed", event)
        if event.tag is not None:
            raise self._error(f"the tag {event.tag[:80]!r} is not allowed", event)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= self._depth:
            raise self._error(f"it is nested deeper than {self._depth}", event)
        value: list[Any] | dict[str, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(value=value, pointer=self._put(value, event)))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        parent = self._open[-1] if self._open else None
        if parent is None or isinstance(parent.value, list) or parent.key is not None:
            self._put(self._resolved(event), event)
            return
        key = str(event.value)
        if key in parent.value:
            raise self._error(f"the key {key[:80]!r} is there twice", event)
        parent.key = key

    def _put(self, value: Any, event: yaml.Event) -> str:
        """Place a value into what is open; return its pointer."""
        parent = self._open[-1] if self._open else None
        if parent is None:
            pointer, self.value = "", value
        elif isinstance(parent.value, list):
            pointer = f"{parent.pointer}/{len(parent.value)}"
            parent.value.append(value)
        elif parent.key is None:
            raise self._error("a key must be text", event)
        else:
            pointer = f"{parent.pointer}/{escape_pointer(parent.key)}"
            parent.value[parent.key], parent.key = value, None
        self.places[pointer] = _place(event.start_mark)
        return pointer

    def _resolved(self, event: yaml.ScalarEvent) -> Any:
        text = str(event.value)
        if not event.implicit[0]:  # quoted, or a block
            return text
        match _tag(text):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int" | "float":
                return self._number(text, event)
            case _:
                return text

    def _number(self, text: str, event: yaml.ScalarEvent) -> int | float:
        if not _NUMBER.match(text):
            raise self._error(f"write {text[:40]!r} as a plain number, or in quotes", event)
        if text.lstrip("-").isdigit():
            if len(text) > _INTEGER_CHARACTERS or not is_portable(int(text)):
                raise self._error("the integer does not fit into 64 bits", event)
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise self._error(f"{text[:40]!r} is too large", event)
        return number


def _tag(text: str) -> str:
    for tag, pattern in (*_RESOLVERS.get(text[:1], ()), *_RESOLVERS.get(None, ())):
        if pattern.match(text):
            return str(tag).removeprefix(_PREFIX)
    return "str"


def dump_yaml(value: Mapping[str, Any]) -> bytes:
    """Block-style YAML with keys in the order given; the same value gives the same bytes."""
    text: str = yaml.dump(
        value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text.encode()
