"""Whoosh's index in a directory: what its fields are, making one, opening one.

The directory holds pickles. It is one that this user made (`registry.snapshots.cache_place`), and
never one that came with a registry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whoosh import columns, fields, formats
from whoosh.index import create_in, open_dir

from builder.search.reader import (
    CARD,
    FACETS,
    LIBRARY,
    NAME,
    PLACE,
    PLAIN,
    STEP_TEXT,
    TEXT,
    WORDS,
)


def create_index(directory: Path) -> None:
    """Make an empty index in an empty directory."""
    create_in(str(directory), _schema()).close()


def open_index(directory: Path) -> Any:
    """Whoosh's index in a directory; raises whatever unpickling raises when it is damaged."""
    return open_dir(str(directory))


def _schema() -> Any:
    indexed = (NAME, TEXT, STEP_TEXT, WORDS, LIBRARY, FACETS)
    return fields.Schema(
        **{name: fields.FieldType(formats.Existence(), None) for name in indexed},
        **{name: fields.COLUMN(columns.VarBytesColumn()) for name in (CARD, PLACE, PLAIN)},
    )
