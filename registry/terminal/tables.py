"""Tables for people on a terminal, and the same rows for scripts in a pipe.

On a terminal a column that is ``whole`` is never cut or folded; where that leaves no room for the
others, each row takes lines of its own. Elsewhere: one line a row, cells parted by tabs, after a
line with the columns' keys.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from registry.problems import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_GAP = "  "
_NARROWEST = 16
"""Characters below which a column that may fold is better on a line of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column: ``key`` heads it in a pipe, ``title`` on a terminal."""

    key: str
    title: str | None = None
    whole: bool = False
    is_number: bool = False
    is_labelled: bool = False
    """True to print its title with it, where rows are lines: nothing else says which date."""
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)
    """The style of a cell by what it says."""

    def style_of(self, cell: str) -> str:
        """Return the style of a cell."""
        return self.styles.get(cell, self.style)


Row = Sequence[str]


def show_table(
    columns: Sequence[Column], rows: Sequence[Row], *, row_styles: Sequence[str] = ()
) -> None:
    """Print rows on standard output, as it suits a terminal or a pipe. Cells come out printable."""
    cells = [[_clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in ([column.key for column in columns], *cells):
            typer.echo("\t".join(line))
        return
    from rich.console import Console

    console = Console(highlight=False)
    styles = [*row_styles, *[""] * (len(cells) - len(row_styles))]
    shown = _as_table if _has_room(console.width, columns, cells) else _as_records
    for part in shown(columns, cells, styles):
        console.print(part)


def _clean(cell: str) -> str:
    return printable(" ".join(cell.split("\n")))


def _title(column: Column) -> str:
    return column.key.replace("_", " ") if column.title is None else column.title


def _widths(columns: Sequence[Column], cells: Sequence[Row]) -> list[int]:
    from rich.cells import cell_len

    return [
        max(cell_len(text) for text in (_title(column), *(row[number] for row in cells)))
        for number, column in enumerate(columns)
    ]


def _has_room(width: int, columns: Sequence[Column], cells: Sequence[Row]) -> bool:
    natural = _widths(columns, cells)
    needed = sum(
        size if column.whole else min(size, _NARROWEST)
        for column, size in zip(columns, natural, strict=True)
    )
    return needed + len(_GAP) * (len(columns) - 1) <= width


def _as_table(
    columns: Sequence[Column], cells: Sequence[Row], styles: Sequence[str]
) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0))
    for column, size in zip(columns, _widths(columns, cells), strict=True):
        table.add_column(
            Text(_title(column)),
            overflow="fold",
            no_wrap=column.whole,
            justify="right" if column.is_number else "left",
            min_width=size if column.whole else None,
        )
    for row, style in zip(cells, styles, strict=True):
        table.add_row(*_styled(columns, row), style=style)
    yield table


def _as_records(
    columns: Sequence[Column], cells: Sequence[Row], styles: Sequence[str]
) -> Iterator[RenderableType]:
    """A row as lines: what is whole, then the rest, indented; the last column for itself."""
    from rich.padding import Padding
    from rich.text import Text

    for row, style in zip(cells, styles, strict=True):
        texts = _styled(columns, row)
        pairs = list(zip(texts, columns, strict=True))
        whole = [text for text, column in pairs if column.whole and not column.is_labelled]
        labelled = [
            [Text(f"{_title(column)} ") + text]
            for text, column in pairs
            if column.is_labelled and text.plain
        ]
        rest = [
            text for text, column in zip(texts[:-1], columns[:-1], strict=True) if not column.whole
        ]
        lines = [whole, rest, *labelled, [] if columns[-1].whole else [texts[-1]]]
        for number, line in enumerate(lines):
            joined = Text(_GAP, style=style).join(text for text in line if text.plain)
            if joined.plain:
                joined.overflow = "fold"
                joined.stylize_before(style)
                left = 0 if number == 0 else len(_GAP)
                yield Padding(joined, (0, 0, 0, left), expand=False)


def _styled(columns: Sequence[Column], row: Row) -> list[Text]:
    from rich.text import Text

    return [
        Text(cell, style=column.style_of(cell)) for column, cell in zip(columns, row, strict=True)
    ]
