"""The changes between any two releases of a library, for the script of the page that compares.

``rows`` holds each change once: bump, step, place, message, value before, value after. A part in
``judged`` has a variant for each release (-1 where its step is not there) and, by two variants as
``old>new``, the rows from one to the other. A part in ``texts`` has one row without values, and the
values of its variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from builder.catalogue.facts.library_sources import ReadableRelease
from builder.catalogue.views.differences import change_row, shown_value
from builder.diff.all_pairs import compare_all
from builder.diff.model import InterfaceChange

_MOST_BYTES = 512 * 1024


def comparisons(releases: Sequence[ReadableRelease]) -> bytes | None:
    """The file for these releases; None where it would be too much for a page."""
    pairs = compare_all([release.content for release in releases])
    if pairs is None:
        return None
    rows: dict[tuple[Any, ...], int] = {}

    def number(change: InterfaceChange) -> int:
        row = (int(change.bump), *change_row(change))
        return rows.setdefault(row, len(rows))

    judged = [
        {
            "variants": part.variant_of,
            "changes": {
                f"{old}>{new}": [number(change) for change in changes]
                for (old, new), changes in part.changes.items()
            },
        }
        for part in pairs.judged
    ]
    texts = [
        {
            "row": number(part.change),
            "variants": part.variant_of,
            "values": [shown_value(value) for value in part.values],
        }
        for part in pairs.texts
    ]
    data = {
        "versions": [release.version for release in releases],
        "rows": list(rows),
        "judged": judged,
        "texts": texts,
    }
    raw = orjson.dumps(data)
    return raw if len(raw) <= _MOST_BYTES else None
