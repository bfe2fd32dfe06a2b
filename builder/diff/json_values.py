"""Values of JSON, compared as JSON means it: ``1`` is ``1.0`` and is not ``true``."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from registry.formats.model import JsonValue

# Released documents are at most 64 deep; what is deeper is compared by its bytes.
_DEPTH = 100


def identity(value: JsonValue | msgspec.UnsetType, depth: int = 0) -> Hashable:
    """Something to compare and to look up: equal exactly when the values are equal as JSON."""
    if depth > _DEPTH:
        return ("deep", msgspec.json.encode(value, order="deterministic"))
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return frozenset((name, identity(item, depth + 1)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(identity(item, depth + 1) for item in value)
    return value  # null, a number, a text or UNSET


def same_json(one: JsonValue | msgspec.UnsetType, other: JsonValue | msgspec.UnsetType) -> bool:
    """True if two values are the same value of JSON.

    >>> same_json(1, 1.0), same_json(1, True)
    (True, False)
    """
    return identity(one) == identity(other)
