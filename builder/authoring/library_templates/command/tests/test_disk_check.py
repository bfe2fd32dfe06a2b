from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _step import StepError
from disk_check import execute, parse, run


def test_a_real_file_system_is_measured(tmp_path: Path) -> None:
    result = execute({"path": str(tmp_path), "max_used_percent": 100}, {})
    assert result["success"], result["error"]
    output = result["output"]
    assert output["size_bytes"] > 0
    assert 0 <= output["used_percent"] <= 100
    assert str(tmp_path.resolve()).startswith(output["mounted_on"])


def test_a_path_is_no_option_and_no_shell_command(tmp_path: Path) -> None:
    directory = tmp_path / "--help; touch pwned $(touch pwned)"
    directory.mkdir()
    assert execute({"path": str(directory), "max_used_percent": 100}, {})["success"]
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = execute({"path": str(tmp_path / "none")}, {})
    assert not result["success"]
    assert str(tmp_path / "none") in result["error"]


def test_what_is_fuller_than_allowed_fails_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "df"
    program.write_text("#!/bin/sh\necho Filesystem\necho '/dev/disk 1000 870 130 88% /srv'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    result = execute({"path": "/srv", "max_used_percent": 80}, {})
    assert result["error"] == "/srv is 88 % full, more than 80 %"
    assert result["output"]["used_percent"] == 88


def test_spaces_in_names_and_a_reserve_in_use_are_understood() -> None:
    found = parse("Filesystem\nserver:/my share 1000 970 -1 100% /srv/my data\n")
    assert found == {
        "mounted_on": "/srv/my data",
        "size_bytes": 1000 * 1024,
        "available_bytes": -1024,
        "used_percent": 100,
    }


def test_an_answer_that_is_not_understood_is_a_failure() -> None:
    with pytest.raises(StepError, match="not understood"):
        parse("Filesystem\nnothing here\n")


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(StepError, match=r"sleep did not end within 0\.1 seconds"):
        run("sleep", ["60"], 0.1)


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(StepError, match="this machine has no program 'no-such-program'"):
        run("no-such-program", [], 1)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, "path must be text"),
        ({"path": "-h"}, "path must be an absolute path"),
        ({"path": "/\0"}, "path must be an absolute path"),
        (
            {"path": "/", "max_used_percent": "90"},
            "max_used_percent must be a number from 0 to 100",
        ),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], error: str) -> None:
    assert execute(parameters, {})["error"] == error
