"""file.list, file.exists, file.info and directory.create."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import ok, refused


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with a hidden file, a directory and a link to it."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.log").write_text("bb")
    (tmp_path / "a.log").write_text("a")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "link").symlink_to("inner", target_is_directory=True)
    return tmp_path


def names(output: dict[str, Any]) -> list[str]:
    """Return the names in a listing, in its order."""
    return [entry["name"] for entry in output["entries"]]


def test_a_listing_is_sorted_and_complete(tree: Path) -> None:
    output = ok("file.list", {"path": str(tree)})
    assert names(output) == [".hidden", "a.log", "inner", "link"]
    assert [entry["type"] for entry in output["entries"]] == ["file", "file", "directory", "link"]
    assert output["count"] == 4
    assert output["entries"][1]["modified"].endswith("Z")


def test_links_are_not_followed(tree: Path) -> None:
    output = ok("file.list", {"path": str(tree), "pattern": "*.log", "recursive": True})
    assert [Path(entry["path"]).relative_to(tree).as_posix() for entry in output["entries"]] == [
        "a.log",
        "inner/b.log",
    ]


def test_a_listing_stops_at_the_limit(tree: Path) -> None:
    output = ok("file.list", {"path": str(tree), "max_entries": 2})
    assert (names(output), output["count"], output["truncated"]) == ([".hidden", "a.log"], 2, True)
    assert ok("file.list", {"path": str(tree), "max_entries": 4})["truncated"] is False


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are any bytes")
def test_a_name_that_is_not_text_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.txt")).touch()
    output = ok("file.list", {"path": str(tmp_path)})
    assert names(output) == ["\N{REPLACEMENT CHARACTER}.txt"]


def test_only_a_directory_is_listed(tree: Path) -> None:
    assert "no directory" in refused("file.list", {"path": str(tree / "a.log")})
    assert "no directory" in refused("file.list", {"path": str(tree / "none")})


def test_a_late_listing_stops(tree: Path) -> None:
    assert "time" in refused("file.list", {"path": str(tree)}, {"deadline": 0})


def test_a_listing_can_be_narrowed(tree: Path) -> None:
    parameters: dict[str, Any] = {"path": str(tree), "recursive": True, "include_hidden": False}
    assert names(ok("file.list", parameters)) == ["a.log", "inner", "b.log", "link"]
    output = ok("file.list", {**parameters, "types": ["file"]})
    assert (names(output), output["total_bytes"]) == (["a.log", "b.log"], 3)
    assert "types must be among" in refused("file.list", {**parameters, "types": ["socket"]})
    assert "list of strings" in refused("file.list", {**parameters, "types": "file"})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.log", "file"),
        ("inner", "directory"),
        ("link", "link"),
        ("none", "none"),
        ("a.log/x", "none"),
    ],
)
def test_exists_names_the_type(tree: Path, name: str, kind: str) -> None:
    output = ok("file.exists", {"path": str(tree / name)})
    assert output["type"] == kind
    assert output["exists"] == (kind != "none")


def test_info_describes_a_file(tree: Path) -> None:
    path = tree / "a.log"
    path.chmod(0o640)
    os.utime(path, (0, 0))
    assert ok("file.info", {"path": str(path)}) == {
        "path": str(path),
        "exists": True,
        "type": "file",
        "size_bytes": 1,
        "modified": "1970-01-01T00:00:00Z",
        "mode": "0640",
    }


def test_info_about_nothing_is_an_answer(tree: Path) -> None:
    output = ok("file.info", {"path": str(tree / "none")})
    assert (output["exists"], output["type"], output["size_bytes"]) == (False, "none", None)
    assert ok("file.info", {"path": str(tree / "link")})["type"] == "link"


def test_a_tree_is_made(tmp_path: Path) -> None:
    path = tmp_path / "site"
    parameters = {"path": str(path), "subdirectories": ["assets/images", "pages"]}
    assert ok("directory.create", parameters)["created"] is True
    assert (path / "assets" / "images").is_dir()
    assert (path / "pages").is_dir()
    assert ok("directory.create", parameters)["created"] is False


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/./b", "", "c:x", "a\\b", "a\0"])
def test_a_tree_stays_where_it_is_made(tmp_path: Path, name: str) -> None:
    path = tmp_path / "site"
    parameters = {"path": str(path), "subdirectories": [name]}
    assert "relative paths" in refused("directory.create", parameters)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_does_not_follow_links(tree: Path) -> None:
    parameters = {"path": str(tree), "subdirectories": ["link/new"]}
    assert "is a link" in refused("directory.create", parameters)
    assert not (tree / "inner" / "new").exists()


def test_a_directory_is_made_once(tmp_path: Path) -> None:
    path = str(tmp_path / "new")
    assert ok("directory.create", {"path": path}) == {"path": path, "created": True}
    assert ok("directory.create", {"path": path}) == {"path": path, "created": False}
    assert "already exists" in refused("directory.create", {"path": path, "exist_ok": False})


def test_a_directory_needs_its_parent_and_a_free_name(tree: Path) -> None:
    assert "No such file" in refused("directory.create", {"path": str(tree / "x" / "y")})
    assert "not a directory" in refused("directory.create", {"path": str(tree / "a.log")})
