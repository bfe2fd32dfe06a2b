"""The bar of a fetch, for commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FetchWatch = Callable[[str, str, float, float | None], None]
"""Told of which upstream, what is being done, how much of it is, and of how much."""


@contextmanager
def fetch_bar() -> Iterator[FetchWatch | None]:
    """A bar on a terminal, gone afterwards; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Connecting", total=None)

        def watch(name: str, stage: str, done: float, total: float | None) -> None:
            bar.update(task, description=f"{name}: {stage}", completed=done, total=total)

        yield watch
