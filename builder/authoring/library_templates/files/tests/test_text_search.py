from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from text_search import execute


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("started\nERROR: no disk\nan error again\n", encoding="utf-8")
    return path


def test_lines_are_found_with_their_numbers(log_file: Path) -> None:
    result = execute({"path": str(log_file), "text": "error", "ignore_case": True}, {})
    assert result["success"], result["error"]
    assert result["output"]["matches"] == [
        {"line": 2, "text": "ERROR: no disk"},
        {"line": 3, "text": "an error again"},
    ]
    assert result["output"]["truncated"] is False


def test_case_counts_unless_it_is_ignored(log_file: Path) -> None:
    result = execute({"path": str(log_file), "text": "error"}, {})
    assert [match["line"] for match in result["output"]["matches"]] == [3]


def test_it_stops_after_max_matches(log_file: Path) -> None:
    result = execute({"path": str(log_file), "text": "r", "max_matches": 1}, {})
    assert (result["output"]["count"], result["output"]["truncated"]) == (1, True)


def test_the_run_is_logged(log_file: Path) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    context = {"log": lambda message, **fields: lines.append((message, fields))}
    execute({"path": str(log_file), "text": "started"}, context)
    assert lines == [("searched", {"path": str(log_file), "found": 1})]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = execute({"path": str(tmp_path / "none"), "text": "x"}, {})
    assert not result["success"]
    assert result["error"] == f"there is no file at {tmp_path / 'none'}"


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"text": "x"}, "path must be text"),
        ({"path": "/x"}, "text must be text"),
        ({"path": "/x", "text": "x", "ignore_case": "no"}, "ignore_case must be true or false"),
        (
            {"path": "/x", "text": "x", "max_matches": 0},
            "max_matches must be a number from 1 to 10000",
        ),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], error: str) -> None:
    assert execute(parameters, {})["error"] == error
