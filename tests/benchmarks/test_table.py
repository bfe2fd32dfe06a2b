from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import table, wrk
from benchmarks.__main__ import DOCS, MODULES, main, promises
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, absolute, against

RATIO = Promise(
    key="lookup", what="a lookup", bound=Bound.AT_LEAST, limit=0.4, unit="×", peer="nginx"
)
LIMIT = Promise(key="start", what="a start", bound=Bound.AT_MOST, limit=1.5, unit="s")


def test_the_page_lists_and_explains_every_promise() -> None:
    text = DOCS.read_text(encoding="utf-8")
    _, _, rest = text.partition(table.BEGIN)
    measured, _, explained = rest.partition(table.END)
    for promise in promises():
        assert f"| {promise.what} | {promise.reach} |" in measured, promise.key
        assert f"`{promise.key}`" in explained.replace("\n", " "), promise.key


def test_every_module_has_promises_and_keys_are_unique() -> None:
    keys = [promise.key for promise in promises()]
    assert len(keys) == len(set(keys)) >= len(MODULES)


def test_a_ratio_is_taken_pair_by_pair_and_its_median_decides() -> None:
    row = against(RATIO, [10.0, 30.0, 20.0], [20.0, 100.0, 40.0], unit="requests/s")
    assert row.ratio is not None
    assert row.ratio.runs == (0.5, 0.3, 0.5)
    assert row.decisive == 0.5
    assert row.holds


def test_a_limit_is_held_by_the_median() -> None:
    assert absolute(LIMIT, [1.0, 1.5, 9.0]).holds
    assert not absolute(LIMIT, [1.0, 1.6, 9.0]).holds


def test_what_was_not_measured_is_said_so() -> None:
    rows = {"start": absolute(LIMIT, [1.0, 2.0])}
    text = table.markdown([RATIO, LIMIT], rows, "a machine", day="2026-01-02")
    assert "| a lookup | ≥ 0.4 × nginx | not yet measured |" in text
    assert "| a start | ≤ 1.5 s | 1.5 s (1–2) |  |  | yes | 2026-01-02 |" in text
    assert "Measured on: a machine" in text


def test_rows_that_are_not_measured_again_keep_their_figures_and_their_day() -> None:
    first = {
        "start": absolute(LIMIT, [1.0], notes="a | note: with a colon"),
        "lookup": against(RATIO, [1.0], [2.0], unit="requests/s", notes="earlier"),
    }
    before = table.markdown([RATIO, LIMIT], first, "a machine", day="2026-01-02")
    now = {"lookup": against(RATIO, [3.0], [4.0], unit="requests/s")}
    text = table.markdown([RATIO, LIMIT], now, "a machine", day="2026-03-04", before=before)
    assert "| a start | ≤ 1.5 s | 1 s |  |  | yes | 2026-01-02 |" in text
    assert "- start: a | note: with a colon" in text
    assert "| 0.75 × | yes | 2026-03-04 |" in text
    assert "earlier" not in text
    other = replace(LIMIT, limit=0.5)
    text = table.markdown([RATIO, other], now, "a machine", day="2026-03-04", before=before)
    assert "| a start | ≤ 0.5 s | not yet measured |" in text
    assert "a note" not in text


def test_the_docs_are_changed_between_the_markers_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    assert table.write_docs(page, "new\n")
    assert page.read_text("utf-8") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    assert not table.write_docs(page, "new\n")
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(BenchmarkError, match="no markers"):
        table.write_docs(page, "new\n")


def test_json_has_every_run() -> None:
    row = against(RATIO, [1.0, 2.0], [4.0, 4.0], unit="requests/s")
    found = json.loads(table.as_json({"lookup": row}, {"other": "no nginx"}, "a machine"))
    assert found["rows"][0]["ratio"] == [0.25, 0.5]
    assert found["rows"][0]["holds"] is False
    assert found["failed"] == {"other": "no nginx"}


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "no such benchmark: nonsense" in capsys.readouterr().err


WRK = """Running 1s test @ http://127.0.0.1:1/
  1 threads and 16 connections
  58394 requests in 1.00s, 71.25MB read
Requests/sec:  58394.96
Transfer/sec:     71.25MB
"""


def test_wrk_is_parsed_and_failures_are_refused() -> None:
    assert wrk.parse(WRK) == wrk.WrkResult(rate=58394.96)
    failing = WRK.replace("Requests/sec", "  Non-2xx or 3xx responses: 5\nRequests/sec")
    with pytest.raises(BenchmarkError, match="Non-2xx or 3xx responses: 5"):
        wrk.parse(failing)
