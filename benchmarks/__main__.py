"""``python -m benchmarks [names] [--quick] [--json|--markdown] [--write-docs]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from rich.console import Console

from benchmarks import machine, table
from benchmarks.rows import Promise, Row
from benchmarks.session import Session

# In the order of the table. Those that add to the large registry come after those that only read.
MODULES = (
    "lookup",
    "workers",
    "step_list",
    "slow_sockets",
    "ready",
    "commit_visible",
    "write_path",
    "installing",
    "resolution",
    "pull_request",
    "catalogue",
    "lighthouse",
    "search_latency",
    "search_browser",
    "whole_registry",
)
DOCS = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def promises(names: Sequence[str] = MODULES) -> list[Promise]:
    """Every promise of these benchmarks, in the order of the table."""
    return [promise for name in names for promise in _module(name).PROMISES]


class Benchmark(Protocol):
    """What each of the modules is."""

    PROMISES: tuple[Promise, ...]

    def measure(self, session: Session) -> list[Row]:
        """Take the figures of all its promises; raises BenchmarkError when it cannot."""


def _module(name: str) -> Benchmark:
    return cast("Benchmark", importlib.import_module(f"benchmarks.{name}"))


def run(
    names: Sequence[str], session: Session, say: Callable[[str], None]
) -> tuple[dict[str, Row], dict[str, str]]:
    """Measure these benchmarks; what cannot run is told in the second answer, by name."""
    rows: dict[str, Row] = {}
    failed: dict[str, str] = {}
    for name in names:
        started = time.monotonic()
        say(f"{name} …")
        try:
            measured: list[Row] = _module(name).measure(session)
        except Exception as error:  # noqa: BLE001 - one that fails must not cost the others' rows
            failed[name] = f"{type(error).__name__}: {error}"
            say(f"{name}: {failed[name]}")
            continue
        rows |= {row.promise.key: row for row in measured}
        say(f"{name}: {time.monotonic() - started:.0f} s")
    return rows, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0: every promise held; 1: one did not; 2: one did not run."""
    options = _options(arguments)
    unknown = sorted(set(options.names) - set(MODULES))
    if unknown:
        sys.stderr.write(f"no such benchmark: {', '.join(unknown)}; there are {MODULES}\n")
        return 2
    names = [name for name in MODULES if not options.names or name in options.names]
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="opsteps-bench-", ignore_cleanup_errors=True) as path:
        session = Session(workdir=Path(path), quick=options.quick)
        rows, failed = run(names, session, lambda text: progress.print(f"[dim][bench][/] {text}"))
        _print(options, rows, failed)
        for name, reason in failed.items():
            progress.print(f"{name} did not run: {reason}", markup=False)
    if failed:
        return 2
    return 0 if all(row.holds for row in rows.values()) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(MODULES)}; all when none")
    parser.add_argument("--quick", action="store_true", help="small and few runs: does it work?")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument(
        "--write-docs", action="store_true", help="also put the rows into docs/performance.md"
    )
    return parser.parse_args(arguments)


def _print(options: argparse.Namespace, rows: dict[str, Row], failed: dict[str, str]) -> None:
    where = f"{machine.describe()}; load {machine.load():.1f}"
    if options.json:
        print(table.as_json(rows, failed, where))
    elif options.markdown:
        measured = [row.promise for row in rows.values()]
        print(table.markdown(measured, rows, where, day=machine.today()), end="")
    else:
        table.show(Console(), rows, where)
    if options.write_docs:
        if options.quick:
            raise SystemExit("a quick run is no measurement: leave --quick out to write the docs")
        before = table.table_in(DOCS.read_text(encoding="utf-8"))
        new = table.markdown(
            promises(), rows, machine.describe(), day=machine.today(), before=before
        )
        table.write_docs(DOCS, new)


if __name__ == "__main__":
    sys.exit(main())
