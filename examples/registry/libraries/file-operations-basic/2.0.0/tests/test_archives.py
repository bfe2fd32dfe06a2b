"""archive.create and archive.extract, with archives that mean harm."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import ok, refused

Builder = Callable[[Path, list[tuple[str, bytes]]], Path]


def make_zip(path: Path, files: list[tuple[str, bytes]]) -> Path:
    """Write a ZIP file with these entries, whatever their names mean."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def make_tar(path: Path, files: list[tuple[str, bytes]]) -> Path:
    """Write a compressed TAR file with these entries, whatever their names mean."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


both = pytest.mark.parametrize("make", [make_zip, make_tar])


def places(source: Path, destination: Path, **more: Any) -> dict[str, Any]:
    """Return a step's parameters."""
    return {"source": str(source), "destination": str(destination), **more}


def contents(path: Path) -> dict[str, bytes]:
    """Return every file below a directory."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with a program, an empty directory, a link and something to leave out."""
    site = tmp_path / "site"
    (site / "bin").mkdir(parents=True)
    (site / "empty").mkdir()
    (site / "bin" / "run").write_bytes(b"#!/bin/sh\n")
    (site / "bin" / "run").chmod(0o755)
    (site / "größe.txt").write_bytes(b"x" * 300_000)
    (site / "cache.tmp").write_bytes(b"junk")
    (site / "link").symlink_to("bin", target_is_directory=True)
    return site


@pytest.mark.parametrize("name", ["site.zip", "site.tar", "site.tar.gz", "site.TGZ"])
def test_what_is_packed_is_unpacked(site: Path, tmp_path: Path, name: str) -> None:
    packed = ok("archive.create", places(site, tmp_path / name, exclude=["*.tmp"]))
    assert (packed["file_count"], packed["skipped_count"]) == (2, 1)
    assert packed["size_bytes"] == (tmp_path / name).stat().st_size
    target = tmp_path / "target"
    unpacked = ok("archive.extract", places(tmp_path / name, target))
    assert (unpacked["file_count"], unpacked["size_bytes"]) == (2, 300_010)
    assert contents(target) == {"bin/run": b"#!/bin/sh\n", "größe.txt": b"x" * 300_000}
    assert (target / "empty").is_dir()
    if os.name != "nt":
        assert os.access(target / "bin" / "run", os.X_OK)
        assert not os.access(target / "größe.txt", os.X_OK)


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_the_same_files_give_the_same_archive(site: Path, tmp_path: Path, form: str) -> None:
    ok("archive.create", places(site, tmp_path / "a", format=form))
    for file in site.rglob("*"):
        os.utime(file, (86400, 86400))
    ok("archive.create", places(site, tmp_path / "b", format=form))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_excluding_a_directory_excludes_what_is_in_it(site: Path, tmp_path: Path) -> None:
    ok("archive.create", places(site, tmp_path / "a.zip", exclude=["bin", "empty", "*.tmp"]))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["größe.txt"]


def test_an_archive_is_replaced_only_when_asked(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"old")
    assert "already exists" in refused("archive.create", places(site, path))
    assert ok("archive.create", places(site, path, if_exists="skip"))["skipped"] is True
    assert path.read_bytes() == b"old"
    ok("archive.create", places(site, path, if_exists="overwrite"))
    assert zipfile.is_zipfile(path)


def test_packing_that_cannot_work_leaves_nothing(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    assert "outside of source" in refused("archive.create", places(site, site / "bin" / "a.zip"))
    assert "choose a format" in refused("archive.create", places(site, tmp_path / "a.rar"))
    assert "no directory" in refused("archive.create", places(site / "none", path))
    assert "time" in refused("archive.create", places(site, path), {"deadline": 0})
    assert not path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are any bytes")
def test_a_name_that_is_not_text_is_not_packed(site: Path, tmp_path: Path) -> None:
    (site / os.fsdecode(b"\xff")).touch()
    assert "not valid text" in refused("archive.create", places(site, tmp_path / "a.zip"))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression_is_read_whatever_the_name(tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "archive", mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("./a/b")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    output = ok("archive.extract", places(tmp_path / "archive", tmp_path / "out"))
    assert output["format"] == "tar"
    assert contents(tmp_path / "out") == {"a/b": b"x"}


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "inner.zip", [("inside", b"")])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(inner, "inner.zip")
    ok("archive.extract", places(tmp_path / "a.tar", tmp_path / "out"))
    assert list(contents(tmp_path / "out")) == ["inner.zip"]


@both
@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:/evil", "C:evil", "a/" * 65 + "b"]
)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, make: Builder, name: str) -> None:
    archive = make(tmp_path / "archive", [("good", b"good"), (name, b"evil")])
    error = refused("archive.extract", places(archive, tmp_path / "out" / "in"))
    assert "unsafe name" in error or "too long" in error
    assert list(tmp_path.iterdir()) == [archive]


@both
def test_a_file_twice_is_refused(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [("a", b"1"), ("./a", b"2")])
    assert "twice" in refused("archive.extract", places(archive, tmp_path / "out"))


@both
def test_a_file_that_is_also_a_directory_leaves_nothing(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [("b/c", b"0"), ("a", b"1"), ("a/b", b"2")])
    refused("archive.extract", places(archive, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc"
        archive.addfile(info)
    assert "link or a special file" in refused(
        "archive.extract", places(tmp_path / "a.tar", tmp_path / "out")
    )
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc")
    assert "link" in refused("archive.extract", places(tmp_path / "a.zip", tmp_path / "out"))


@both
def test_a_link_in_the_destination_is_not_followed(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [("link/evil", b"evil")])
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    out.mkdir()
    (out / "link").symlink_to(elsewhere, target_is_directory=True)
    assert "not a directory" in refused(
        "archive.extract", places(archive, out, if_exists="overwrite")
    )
    assert contents(elsewhere) == {}
    archive = make(tmp_path / "other", [("link", b"evil")])
    assert "not a file" in refused("archive.extract", places(archive, out, if_exists="overwrite"))


@both
def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [("zeros", bytes(2 * 1024 * 1024))])
    assert archive.stat().st_size < 10_000
    out = tmp_path / "out"
    assert "max_megabytes" in refused("archive.extract", places(archive, out, max_megabytes=1))
    assert not out.exists()
    ok("archive.extract", places(archive, out, max_megabytes=2))


@both
def test_too_many_entries_are_refused(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [(f"d{index}/", b"") for index in range(6)])
    out = tmp_path / "out"
    assert "max_files" in refused("archive.extract", places(archive, out, max_files=5))
    ok("archive.extract", places(archive, out, max_files=6))


def test_a_huge_tar_header_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("file")
        info.pax_headers = {"comment": "x" * 1024 * 1024}
        archive.addfile(info)
    error = refused("archive.extract", places(tmp_path / "a.tgz", tmp_path / "out"))
    assert "header that is too large" in error


def test_a_chain_of_tar_headers_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 512
    record = b"505 comment=" + b"x" * 492 + b"\n"
    block = header.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(block * 3000)
    assert "damaged" in refused("archive.extract", places(tmp_path / "a.tar", tmp_path / "out"))


@both
def test_damage_is_found_and_undone(tmp_path: Path, make: Builder) -> None:
    noise = bytes(range(256)) * 4000
    archive = make(tmp_path / "archive", [("first", b"1"), ("dir/second", noise)])
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive.write_bytes(data)
    refused("archive.extract", places(archive, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"text" * 500])
def test_what_is_not_an_archive_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive"
    path.write_bytes(content)
    error = refused("archive.extract", places(path, tmp_path / "out"))
    assert "damaged" in error or "ended" in error
    assert not (tmp_path / "out").exists()


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip", [("secret", b"x")]).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert "encrypted" in refused("archive.extract", places(tmp_path / "a.zip", tmp_path / "out"))


@both
def test_existing_files_are_kept_unless_asked(tmp_path: Path, make: Builder) -> None:
    archive = make(tmp_path / "archive", [("new", b"new"), ("old", b"new")])
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_bytes(b"old, longer")
    assert "already exists" in refused("archive.extract", places(archive, out))
    assert contents(out) == {"old": b"old, longer"}
    output = ok("archive.extract", places(archive, out, if_exists="skip"))
    assert (output["file_count"], output["skipped_count"]) == (1, 1)
    assert contents(out) == {"new": b"new", "old": b"old, longer"}
    ok("archive.extract", places(archive, out, if_exists="overwrite"))
    assert contents(out) == {"new": b"new", "old": b"new"}


def test_a_late_extraction_stops_and_leaves_nothing(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("a", b"1")])
    assert "time" in refused("archive.extract", places(archive, tmp_path / "o"), {"deadline": 0})
    assert not (tmp_path / "o").exists()
