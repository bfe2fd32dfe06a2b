from __future__ import annotations

from pathlib import Path

import pytest
from text_replace import MAX_BYTES, execute


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.conf"
    path.write_bytes(b"host = @HOST@\r\nurl = https://@HOST@/\r\n")
    return path


def test_every_occurrence_is_replaced_and_nothing_else(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "app.conf"
    parameters = {"source": str(source), "destination": str(target), "search": "@HOST@"}
    result = execute({**parameters, "replacement": "example.com"}, {})
    assert result["success"], result["error"]
    assert target.read_bytes() == b"host = example.com\r\nurl = https://example.com/\r\n"
    assert result["output"] == {
        "destination": str(target),
        "replacements": 2,
        "size_bytes": target.stat().st_size,
    }


def test_a_file_that_is_there_is_kept(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "app.conf"
    target.write_text("mine")
    result = execute({"source": str(source), "destination": str(target), "search": "h"}, {})
    assert result["error"] == f"{target} is there already; set if_exists to overwrite"
    assert target.read_text() == "mine"


def test_a_file_is_changed_in_place(source: Path) -> None:
    parameters = {"source": str(source), "destination": str(source), "search": "@HOST@"}
    result = execute({**parameters, "if_exists": "overwrite"}, {})
    assert result["success"], result["error"]
    assert source.read_bytes() == b"host = \r\nurl = https:///\r\n"


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"\xff\xfe", "is not UTF-8 text"), (b"x" * (MAX_BYTES + 1), "is larger than")],
)
def test_what_it_cannot_read_is_refused(tmp_path: Path, content: bytes, error: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    target = tmp_path / "target"
    result = execute({"source": str(source), "destination": str(target), "search": "x"}, {})
    assert error in result["error"]
    assert not target.exists()


def test_a_directory_that_is_not_there_is_named(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "none" / "app.conf"
    result = execute({"source": str(source), "destination": str(target), "search": "h"}, {})
    assert not result["success"]
    assert str(target) in result["error"]
