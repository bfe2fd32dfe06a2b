"""file.copy, file.move and file.delete."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import ok, refused


def pair(tmp_path: Path) -> tuple[Path, Path, dict[str, Any]]:
    """Return a source with content, a destination that is not there, and both as parameters."""
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.write_bytes(b"content")
    return source, destination, {"source": str(source), "destination": str(destination)}


def test_a_copy_has_the_content_and_the_permission_bits(tmp_path: Path) -> None:
    source, destination, parameters = pair(tmp_path)
    source.chmod(0o640)
    assert ok("file.copy", parameters)["size_bytes"] == 7
    assert destination.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(destination.stat().st_mode) == stat.S_IMODE(source.stat().st_mode)


def test_a_copy_is_vouched_for(tmp_path: Path) -> None:
    _, _, parameters = pair(tmp_path)
    assert ok("file.copy", parameters)["sha256"] == hashlib.sha256(b"content").hexdigest()


def test_a_copy_has_the_time_of_its_source_only_when_asked(tmp_path: Path) -> None:
    source, destination, parameters = pair(tmp_path)
    os.utime(source, (86400, 86400))
    ok("file.copy", parameters)
    assert destination.stat().st_mtime != 86400
    ok("file.copy", {**parameters, "overwrite": True, "preserve_times": True})
    assert destination.stat().st_mtime == 86400


@pytest.mark.parametrize("step", ["file.copy", "file.move"])
def test_a_destination_is_kept_unless_asked(tmp_path: Path, step: str) -> None:
    source, destination, parameters = pair(tmp_path)
    destination.write_bytes(b"other, longer content")
    assert "already exists" in refused(step, parameters)
    assert destination.read_bytes() == b"other, longer content"
    assert source.exists()
    ok(step, {**parameters, "overwrite": True})
    assert destination.read_bytes() == b"content"


@pytest.mark.parametrize("step", ["file.copy", "file.move"])
def test_a_file_is_not_written_over_itself(tmp_path: Path, step: str) -> None:
    source, destination, parameters = pair(tmp_path)
    os.link(source, destination)
    assert "the same file" in refused(step, {**parameters, "overwrite": True})
    assert source.read_bytes() == b"content"


@pytest.mark.parametrize("step", ["file.copy", "file.move"])
def test_what_is_not_a_file_is_refused(tmp_path: Path, step: str) -> None:
    source, destination, parameters = pair(tmp_path)
    destination.mkdir()
    assert "directory" in refused(step, {**parameters, "overwrite": True})
    source.unlink()
    assert "no file" in refused(step, parameters)
    source.mkdir()
    assert "is a directory" in refused(step, parameters)


def test_a_late_copy_stops_and_leaves_nothing(tmp_path: Path) -> None:
    _, destination, parameters = pair(tmp_path)
    assert "time" in refused("file.copy", parameters, {"deadline": 0})
    assert not destination.exists()


def test_a_copy_reports_progress(tmp_path: Path) -> None:
    _, _, parameters = pair(tmp_path)
    seen: list[float] = []
    context = {"progress": lambda fraction, _: seen.append(fraction), "deadline": lambda: 60}
    ok("file.copy", parameters, context)
    assert seen == [1.0]


def test_a_move_leaves_no_source(tmp_path: Path) -> None:
    source, destination, parameters = pair(tmp_path)
    assert ok("file.move", parameters)["destination"] == str(destination)
    assert not source.exists()
    assert destination.read_bytes() == b"content"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_move_to_another_file_system_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    def other_device(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_device)
    monkeypatch.setattr(Path, "replace", other_device)
    source, destination, parameters = pair(tmp_path)
    if overwrite:
        destination.write_bytes(b"old")
    ok("file.move", {**parameters, "overwrite": overwrite})
    assert not source.exists()
    assert destination.read_bytes() == b"content"


def test_a_source_that_cannot_be_removed_takes_the_move_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, destination, parameters = pair(tmp_path)
    unlink = Path.unlink

    def keeps_source(path: Path, missing_ok: bool = False) -> None:
        if path == source:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", keeps_source)
    assert "Permission denied" in refused("file.move", parameters)
    assert source.exists()
    assert not destination.exists()


def test_a_link_is_not_moved(tmp_path: Path) -> None:
    _, _, parameters = pair(tmp_path)
    link = tmp_path / "link"
    link.symlink_to("source")
    assert "is a link" in refused("file.move", {**parameters, "source": str(link)})


def test_delete_removes_a_file_once(tmp_path: Path) -> None:
    source, _, _ = pair(tmp_path)
    parameters = {"path": str(source)}
    assert ok("file.delete", parameters) == {"path": str(source), "deleted": True}
    assert "missing_ok" in refused("file.delete", parameters)
    assert ok("file.delete", {**parameters, "missing_ok": True})["deleted"] is False


def test_delete_removes_a_link_and_not_its_target(tmp_path: Path) -> None:
    source, _, _ = pair(tmp_path)
    link = tmp_path / "link"
    link.symlink_to("source")
    ok("file.delete", {"path": str(link)})
    assert source.exists()
    assert not link.is_symlink()


def test_delete_refuses_a_directory(tmp_path: Path) -> None:
    assert "is a directory" in refused("file.delete", {"path": str(tmp_path)})
    assert tmp_path.is_dir()
