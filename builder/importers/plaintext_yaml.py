"""YAML in which every scalar is the text that its author wrote.

Sources differ in how they read ``yes``, ``1.10`` or ``2019-02-29``; none of them means a date that
does not exist to make the whole file unreadable. So nothing is guessed here: only ``null`` (and an
empty value) is None, everything else is text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

_NULL = "tag:yaml.org,2002:null"
_DEPTH = 32


class PlainYamlError(ValueError):
    """The file cannot be read; the message says where."""


@dataclass(kw_only=True, slots=True)
class PlainYaml:
    """A document's value and the keys that were there twice (the last one counts)."""

    value: Any
    repeated: list[str] = field(default_factory=list)


def read_plain_yaml(raw: bytes) -> PlainYaml:
    """Read one document; raises PlainYamlError for syntax, aliases and nesting beyond 32."""
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise PlainYamlError(f"it is not UTF-8 at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise PlainYamlError(" ".join(str(error).split())[:300]) from error
    document = PlainYaml(value=None)
    if node is not None:
        document.value = _value(node, _DEPTH, set(), document.repeated)
    return document


def _value(node: yaml.Node, depth: int, seen: set[int], repeated: list[str]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == _NULL else str(node.value)
    line = node.start_mark.line + 1
    # An alias is the same node again; a few of them inside each other are a bomb.
    if id(node) in seen:
        raise PlainYamlError(f"line {line}: aliases are not read")
    if depth == 0:
        raise PlainYamlError(f"line {line}: it is nested deeper than {_DEPTH}")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, depth - 1, seen, repeated) for child in node.value]
    found: dict[str, Any] = {}
    for key_node, child in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
        if key in found:
            repeated.append(key)
        found[key] = _value(child, depth - 1, seen, repeated)
    return found
