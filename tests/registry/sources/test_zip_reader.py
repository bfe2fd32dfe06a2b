"""One test for each way in which a ZIP lies; and that no other bytes get through either."""

import io
import os
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.errors import LimitError, RegistryError
from registry.sources.release_source import SourceError, read_source
from registry.sources.zip_reader import ArchiveError, read_archive
from tests.registry.forging_zips import End, Forged, deflated, forge, streamed
from tests.registry.making import files

PLAIN = Forged()
OTHER = Forged(name=b"docs/README.md", content=b"# It\n" * 9)


def unpacked(raw: bytes) -> dict[str, bytes]:
    return {entry.name: entry.content() for entry in read_archive(raw).entries}


@pytest.mark.parametrize("method", [0, 8])
def test_entries_are_read(method: int) -> None:
    one = Forged(method=method, content=b"some content " * 50)
    assert unpacked(forge(one, OTHER)) == {
        "manifest.json": one.content,
        "docs/README.md": OTHER.content,
    }


def test_empty_archive_has_no_entries() -> None:
    assert read_archive(forge()).entries == ()


def test_what_python_and_info_zip_and_git_write_is_read(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/Straße.md").write_bytes(b"x" * 500)
    (tmp_path / "manifest.json").write_bytes(b"{}")
    expected = {"docs/Straße.md": b"x" * 500, "manifest.json": b"{}"}
    packed = tmp_path.parent / "it.zip"
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-c", packed, "docs", "manifest.json"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    found = read_source(packed)
    assert found == expected
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    tree = _git(tmp_path, "write-tree").strip()
    _git(tmp_path, "archive", "--format=zip", "-o", str(packed), tree)
    assert read_source(packed) == expected


def _git(path: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=path, check=True, capture_output=True, text=True)
    return done.stdout


BROKEN = {
    "bytes before the first entry": (forge(PLAIN, end=End(prefix=b"#!/bin/sh\n")), "before them"),
    "bytes between entries": (forge(PLAIN, OTHER, end=End(between=b"x")), "between"),
    "bytes before the directory": (forge(PLAIN, end=End(before_directory=b"x")), "between its"),
    "bytes before the end record": (forge(PLAIN, end=End(before_end=b"x")), "right before"),
    "bytes behind the end": (forge(PLAIN, end=End(trailing=b"x")), "behind its end"),
    "a second archive behind the first": (forge(PLAIN) + forge(OTHER), "right before"),
    "a comment that is cut off": (forge(PLAIN, end=End(comment_size=9)), "cut off"),
    "an end record inside the comment": (
        forge(PLAIN, end=End(comment=forge(OTHER))), "right before",
    ),
    "no end record": (forge(PLAIN)[:-22], "no end record"),
    "half an end record": (forge(PLAIN)[:-4], "no end record"),
    "fewer entries than stated": (forge(PLAIN, end=End(here=2, count=2)), "fewer"),
    "more entries than stated": (forge(PLAIN, OTHER, end=End(here=1, count=1)), "more than"),
    "two counts that differ": (forge(PLAIN, end=End(here=1, count=2)), "several files"),
    "another disk": (forge(PLAIN, end=End(disk=1)), "several files"),
    "an entry on another disk": (forge(Forged(disk=1)), "several files"),
    "a zip64 count": (forge(PLAIN, end=End(here=0xFFFF, count=0xFFFF)), "ZIP64"),
    "a zip64 directory": (forge(PLAIN, end=End(directory=0xFFFFFFFF)), "ZIP64"),
    "a zip64 entry that lies": (
        forge(Forged(size=0xFFFFFFFF, packed=9, extra=struct.pack("<2HQ", 1, 8, 1 << 40))), "ZIP64",
    ),
    "a zip64 entry without its size": (forge(Forged(size=0xFFFFFFFF)), "lacks a size"),
    "a zip64 end record that lies": (
        forge(PLAIN, end=End(before_end=struct.pack("<4sQ", b"PK\x06\x06", 44) + b"\0" * 44)),
        "right before",
    ),
    "a directory elsewhere": (forge(PLAIN, end=End(directory=0)), "right before"),
    "a directory of another size": (forge(PLAIN, end=End(directory_size=1)), "right before"),
    "two entries over one another": (forge(PLAIN, Forged(offset=0)), "overlap"),
    "an entry inside another's data": (
        forge(Forged(method=0, content=PLAIN.local_header()), Forged(offset=43)), "overlap",
    ),
    "an entry that reaches into the directory": (forge(Forged(packed=60)), "into its directory"),
    "an offset behind everything": (forge(Forged(offset=0x7FFFFFFF)), "between or before"),
    "local name": (forge(Forged(local={"name": b"manifest.jsom"})), "two headers differ"),
    "local size": (forge(Forged(local={"size": 3})), "two headers differ"),
    "local packed size": (forge(Forged(local={"packed": 3})), "two headers differ"),
    "local checksum": (forge(Forged(local={"crc": 3})), "two headers differ"),
    "local method": (forge(Forged(local={"method": 0})), "two headers differ"),
    "local flags": (forge(Forged(local={"flags": 1 << 11})), "two headers differ"),
    "a data descriptor": (forge(Forged(flags=1 << 3)), "data descriptor"),
    "a damaged directory": (forge(PLAIN).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged"),
    "a damaged entry": (forge(PLAIN).replace(b"PK\x03\x04", b"PK\x03\x05"), "no entry at byte"),
}  # fmt: skip


@pytest.mark.parametrize("attack", BROKEN)
def test_archive_that_lies_is_refused(attack: str) -> None:
    raw, words = BROKEN[attack]
    with pytest.raises(ArchiveError, match=words):
        read_archive(raw)


FAULTS = {
    "encryption": (Forged(flags=1), "encrypted"),
    "strong encryption": (Forged(flags=1 << 6), "encrypted"),
    "a patch": (Forged(flags=1 << 5), "patch"),
    "a masked header": (Forged(flags=1 << 13), "masked"),
    "an unknown flag": (Forged(flags=1 << 4), "unknown flags"),
    "bzip2": (Forged(method=12, data=b"BZh"), "method 12"),
    "lzma": (Forged(method=14, data=b"x"), "method 14"),
    "zstandard": (Forged(method=93, data=b"x"), "method 93"),
    "stored with two sizes": (Forged(method=0, size=200_000_000), "two sizes differ"),
    "a symbolic link": (Forged(attributes=0o120777 << 16), "symbolic"),
    "a device": (Forged(attributes=0o020666 << 16), "regular"),
    "a socket": (Forged(attributes=0o140666 << 16), "regular"),
    "a directory by its mode only": (Forged(attributes=0o040755 << 16), "regular"),
    "the rights of its owner": (Forged(attributes=0o104755 << 16), "rights of its owner"),
    "a sticky bit": (Forged(attributes=0o101644 << 16), "rights of its owner"),
    "a directory by its DOS mark only": (Forged(attributes=0x10), "something else"),
    "a volume label": (Forged(attributes=0x08), "something else"),
    "a directory with content": (
        Forged(name=b"docs/", attributes=0o040755 << 16), "directory with content",
    ),
    "a Unicode name beside its name": (
        Forged(extra=struct.pack("<2H", 0x7075, 5) + b"\1abcd"), "not made for its name",
    ),
    "an extra field of AES": (Forged(extra=struct.pack("<2H", 0x9901, 0)), "not known here"),
    "one extra field twice": (Forged(extra=struct.pack("<2HQ", 1, 8, 2) * 2), "twice"),
    "half an extra field": (Forged(extra=b"UT\x05"), "damaged"),
    "an extra field that is too long": (Forged(extra=b"UT\x05\x00x"), "damaged"),
    "an extra field in the local header": (Forged(local={"extra": b"up\0\0"}), "names that differ"),
    "a name of another code page": (Forged(name=b"docs/\x81.md"), "not UTF-8"),
    "a name that is not UTF-8": (Forged(name=b"docs/\xff.md", flags=1 << 11), "not UTF-8"),
    "an over-long encoding": (Forged(name=b"docs/\xc0\xae", flags=1 << 11), "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("attack", FAULTS)
def test_entry_that_no_release_needs_is_refused(attack: str) -> None:
    forged, words = FAULTS[attack]
    (entry,) = read_archive(forge(forged)).entries
    assert words in entry.fault


BOMB = b"\0" * 5_000_000
CONTENTS = {
    "more than it states": Forged(content=BOMB, size=10),
    "less than it states": Forged(size=20_000_000),
    "another checksum": Forged(crc=7),
    "data behind its end": Forged(data=deflated(b"{}") + b"more"),
    "data that is cut off": Forged(data=deflated(b"{}" * 50)[:-3], content=b"{}" * 50),
    "no deflate": Forged(data=b"\xff" * 20),
    "a zlib header": Forged(data=b"\x78\x9c" + deflated(b"{}")),
}


@pytest.mark.parametrize("attack", CONTENTS)
def test_entry_that_unpacks_to_something_else_is_refused(attack: str) -> None:
    (entry,) = read_archive(forge(CONTENTS[attack])).entries
    assert not entry.fault
    with pytest.raises(ArchiveError):
        entry.content()


NAMES = [
    "/etc/passwd", "../evil", "docs/../../evil", "./manifest.json", "docs//x.md", "C:evil",
    "C:/e", "\\\\host\\share", "docs\\..\\x", "..", ".", "", "docs/x\0.md", "docs/x\n.md",
    "docs/\x1b[2J", "docs/a\u202eb", "docs/\u200b", "docs/nul", "docs/CON.txt", "docs/com1.md",
    "docs/x.", "docs/x ", ".GIT/config", ".git/../x", ".git/c:x",
    "docs/git~1", "docs/.ＧＩＴ/x", "-rf", "docs/$HOME",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    hostile = Forged(name=name.encode(), flags=0 if name.isascii() else 1 << 11)
    with pytest.raises(SourceError):
        read_source(written(tmp_path, forge(PLAIN, hostile)))


@pytest.mark.parametrize("name", ["../", "/", "docs/.GIT/", "docs/../", "nul/"])
def test_folder_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    hostile = Forged(name=name.encode(), content=b"", attributes=0o040755 << 16)
    with pytest.raises(SourceError):
        read_source(written(tmp_path, forge(PLAIN, hostile)))


@pytest.mark.parametrize("second", [b"manifest.json", b"manifest.json/"])
def test_name_that_is_there_twice_is_refused(tmp_path: Path, second: bytes) -> None:
    again = Forged(name=second, content=b"", attributes=0)
    with pytest.raises(SourceError, match="twice"):
        read_source(written(tmp_path, forge(PLAIN, again)))


@pytest.mark.parametrize("comment", [b"hello", b"{\n}", b"{\xc3\xa4}"])
def test_comment_of_the_archive_is_data(tmp_path: Path, comment: bytes) -> None:
    raw = forge(PLAIN, end=End(comment=comment))
    assert read_archive(raw).comment == comment
    assert read_source(written(tmp_path, raw)) == {"manifest.json": PLAIN.content}


def test_comment_that_holds_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read_source(written(tmp_path, forge(PLAIN, end=End(comment=forge()))))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="expands"):
        read_source(written(tmp_path, forge(Forged(content=BOMB))))


def written(directory: Path, raw: bytes) -> Path:
    path = directory / "it.zip"
    path.write_bytes(raw)
    return path


def valid_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files().items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return packed.getvalue()


VALID = valid_zip()
_edits = st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=6)


def changed(edits: list[tuple[int, int]]) -> bytes:
    raw = bytearray(VALID)
    for position, value in edits:
        raw[position] = value
    return bytes(raw)


def read_by_python(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


@given(_edits)
@settings(max_examples=400)
def test_what_is_read_of_an_edited_archive_is_what_others_read(
    edits: list[tuple[int, int]],
) -> None:
    raw = changed(edits)
    try:
        archive = read_archive(raw)
        found = {e.name: e.content() for e in archive.entries if not e.fault}
    except ArchiveError:
        return
    if all(not entry.fault for entry in archive.entries):
        assert found == read_by_python(raw)


_SHAPES = st.builds(
    lambda name, content, method, descriptor, wide, lies, behind: replace(
        streamed(one := Forged(name=name, content=content, method=method), is_wide=wide, **lies),
        behind=streamed(one, is_signed=descriptor, is_wide=wide, **lies).behind + behind,
    ),
    st.sampled_from([b"manifest.json", b"docs/a.md", b"docs/b.md", b"docs/"]),
    st.sampled_from([b"", b"{}", b"x" * 90, PLAIN.local_header(), b"PK\x07\x08" + b"\0" * 12]),
    st.sampled_from([0, 8]),
    st.booleans(),
    st.booleans(),
    st.dictionaries(st.sampled_from(["crc", "packed", "size"]), st.integers(0, 99), max_size=1),
    st.sampled_from([b"", b"", b"", b"\0" * 8, PLAIN.local_header()]),
)


@given(st.lists(_SHAPES, min_size=1, max_size=4), st.binary(max_size=30))
@settings(max_examples=400)
def test_descriptors_are_taken_only_as_every_reader_takes_them(
    shapes: list[Forged], comment: bytes
) -> None:
    """Readers by the directory (Python's) and readers of the stream see the same entries."""
    raw = forge(*shapes, end=End(comment=comment))
    try:
        entries = read_archive(raw).entries
        found = [(one.name, one.content()) for one in entries]
    except ArchiveError:
        return
    if any(entry.fault for entry in entries):
        return  # one is enough for the whole to be refused
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert found == [(info.filename, archive.read(info)) for info in archive.infolist()]
    assert found == list(_read_as_a_stream(raw))


def _read_as_a_stream(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """What a reader sees that never looks at the directory, and believes what comes first."""
    position = 0
    while raw.startswith(b"PK\x03\x04", position):
        fields = struct.unpack_from("<4s5H3L2H", raw, position)
        flags, method, packed, name_size, extra_size = *fields[2:4], *fields[7:8], *fields[9:]
        start = position + 30 + name_size + extra_size
        name = raw[position + 30 : position + 30 + name_size].decode()
        if not flags & 8:
            data = raw[start : start + packed]
            yield name, data if method == 0 else zlib.decompress(data, -15)
            position = start + packed
            continue
        if method == 0:
            position = raw.index(b"PK\x07\x08", start)
            content = raw[start:position]
        else:
            inflater = zlib.decompressobj(-15)
            content = inflater.decompress(raw[start:])
            position = len(raw) - len(inflater.unused_data)
        yield name, content
        position += 4 if raw.startswith(b"PK\x07\x08", position) else 0
        position += 20 if extra_size else 12
    assert raw.startswith((b"PK\x01\x02", b"PK\x05\x06"), position)


@given(st.binary(max_size=300))
@example(b"PK\x05\x06" + b"\0" * 18)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for candidate in (raw, forge(Forged(extra=raw[:50], name=raw[50:90] or b"x")), VALID + raw):
        try:
            for entry in read_archive(candidate).entries:
                if not entry.fault:
                    entry.content()
        except RegistryError:
            continue


def _swaps(seed: int) -> Iterator[bytes]:
    """The same archive with whole stretches moved, doubled and left out."""
    chosen = random.Random(seed)
    for _ in range(200):
        start, end, to = sorted(chosen.randrange(len(VALID)) for _ in range(3))
        yield VALID[:start] + VALID[end:]
        yield VALID[:end] + VALID[start:]
        yield VALID[:start] + VALID[end:to] + VALID[start:end] + VALID[to:]


def test_no_stretch_can_be_moved_doubled_or_left_out() -> None:
    for raw in _swaps(int(os.environ.get("OPSTEPS_TEST_SEED", "7"))):
        if raw == VALID:
            continue
        with pytest.raises(ArchiveError):
            unpacked(raw)
