"""file.create and file.read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import ok, refused


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = str(tmp_path / "greeting.txt")
    written = ok("file.create", {"path": path, "content": "Grüße\r\n"})
    assert written == {"path": path, "size_bytes": 9}
    assert ok("file.read", {"path": path}) == {
        "path": path,
        "content": "Grüße\r\n",
        "size_bytes": 9,
        "truncated": False,
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_encodings_survive_the_way_there_and_back(tmp_path: Path, encoding: str) -> None:
    path = str(tmp_path / "text")
    ok("file.create", {"path": path, "content": "é", "encoding": encoding})
    assert ok("file.read", {"path": path, "encoding": encoding})["content"] == "é"


def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    assert "already exists" in refused("file.create", {"path": str(path), "content": "new"})
    assert path.read_text() == "old"
    ok("file.create", {"path": str(path), "content": "new", "overwrite": True})
    assert path.read_text() == "new"


def test_content_that_does_not_fit_the_encoding_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "text"
    error = refused("file.create", {"path": str(path), "content": "é", "encoding": "ascii"})
    assert "ascii" in error
    assert not path.exists()


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "text")
    assert path in refused("file.create", {"path": path})


def test_reading_stops_at_the_limit_between_characters(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("aé", encoding="utf-8")
    output = ok("file.read", {"path": str(path), "max_bytes": 2})
    assert (output["content"], output["truncated"], output["size_bytes"]) == ("a", True, 3)


def test_binary_content_is_refused_as_text(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"\xff\xfe\xfd")
    assert "not utf-8" in refused("file.read", {"path": str(path)})


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    assert "no file" in refused("file.read", {"path": str(tmp_path / "none")})
    assert "directory" in refused("file.read", {"path": str(tmp_path)})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in refused("file.read", {"path": str(pipe)})
    for step in ("file.copy", "file.move"):
        parameters = {"source": str(pipe), "destination": str(tmp_path / "copy")}
        assert "not a regular file" in refused(step, parameters)


def test_relative_paths_start_at_the_working_directory(tmp_path: Path) -> None:
    ok("file.create", {"path": "note", "content": "x"}, {"workdir": str(tmp_path)})
    assert (tmp_path / "note").read_text() == "x"
    assert "absolute" in refused("file.read", {"path": "note"})


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({}, "path is required"),
        ({"path": 3}, "path must be a string"),
        ({"path": ""}, "path must be a path"),
        ({"path": "/srv/a\0b"}, "path must be a path"),
        ({"path": "/x", "encoding": "klingon"}, "encoding must be one of"),
        ({"path": "/x", "max_bytes": "9"}, "max_bytes must be a number"),
        ({"path": "/x", "max_bytes": True}, "max_bytes must be a number"),
        ({"path": "/x", "max_bytes": 0}, "max_bytes must be from 1"),
        ({"path": "/x", "max_bytes": 1.5}, "max_bytes must be a whole number"),
        ([], "parameters must be an object"),
    ],
)
def test_wrong_parameters_are_named(parameters: object, word: str) -> None:
    assert word in refused("file.read", parameters)
