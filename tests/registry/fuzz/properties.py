"""What must hold for any bytes at all; a fuzzer looks for some for which it does not."""

from __future__ import annotations

import asyncio
import io
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from registry.errors import RegistryError
from registry.installing.incoming import check_incoming
from registry.limits import Limits
from registry.sources.release_source import read_upload
from registry.sources.zip_reader import ArchiveError, read_archive
from registry.upstreams.address import parse_address
from registry.upstreams.lock_file import parse_lock
from server.asgi.upload_form import read_install_form
from server.errors import AnswerError
from server.settings import Settings
from tests.registry.forging_zips import End, Forged, forge, streamed
from tests.registry.making import files

_SMALL = Limits(file_bytes=100_000, release_bytes=300_000, archive_bytes=200_000)
_BOUNDARY = "b"


def _require_readable(error: RegistryError) -> None:
    """What strangers wrote does not get to a terminal as it is."""
    assert str(error).isprintable()


def archive(raw: bytes) -> None:
    """A ZIP is refused, or every entry is what Python's reader reads, and no larger than stated."""
    try:
        found = read_archive(raw)
    except ArchiveError:
        return
    if any(entry.fault for entry in found.entries):
        return  # one is enough for the whole to be refused
    with zipfile.ZipFile(io.BytesIO(raw)) as other:
        for entry, info in zip(found.entries, other.infolist(), strict=True):
            if entry.is_directory or entry.size > _SMALL.file_bytes:
                continue
            try:
                content = entry.content()
            except ArchiveError:
                continue
            assert len(content) == entry.size
            try:
                assert other.read(info) == content
            except zipfile.BadZipFile as error:  # it reads unmarked names in its own way
                if "differ" not in str(error) or (entry.name.isascii() and "\0" not in entry.name):
                    raise


def upload(raw: bytes) -> None:
    """An upload is taken whole and within the limits, or refused by an error of ours."""
    try:
        incoming = check_incoming(read_upload(raw, _SMALL), limits=_SMALL)
    except RegistryError as error:
        _require_readable(error)
        return
    assert sum(map(len, incoming.files.values())) <= _SMALL.release_bytes


def manifest(raw: bytes) -> None:
    """Any bytes in the place of a manifest, and of a step."""
    base = files()
    for path in ("manifest.json", "steps/copy.json", "executors/copy.py", "docs/README.md"):
        try:
            check_incoming({**base, path: raw}, limits=_SMALL)
        except RegistryError as error:
            _require_readable(error)


def form(raw: bytes) -> None:
    """A form is read or refused, the same however it comes in pieces."""
    whole = _form(raw, len(raw) or 1)
    for size in (1, 7):
        assert _form(raw, size) == whole


def _form(raw: bytes, size: int) -> tuple[bytes, str | None] | int:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), size):
            yield raw[start : start + size]

    async def read() -> tuple[bytes, str | None]:
        found = await read_install_form(
            f"multipart/form-data; boundary={_BOUNDARY}",
            None,
            stream(),
            Settings(upload_bytes=50_000),
            take=lambda _: None,
        )
        return found.file, found.license_key

    try:
        return asyncio.run(read())
    except AnswerError as error:
        return error.status


def texts(raw: bytes) -> None:
    """Addresses and lock files."""
    for parse in (lambda: parse_address(raw.decode(errors="replace")), lambda: parse_lock(raw)):
        try:
            parse()
        except RegistryError as error:
            _require_readable(error)


PROPERTIES: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "upload": upload,
    "manifest": manifest,
    "form": form,
    "texts": texts,
}
SEEDS: dict[str, list[bytes]] = {
    "form": [
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nZIP\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="license_key"\r\n\r\nK\r\n--b--\r\n',
    ],
    "manifest": [files()["manifest.json"], files()["steps/copy.json"]],
    "texts": [
        b"https://git.example.com/x", b"git@git.example.com:x", b"file:///x",
        b'{"lock_version":1,"registry":"a","libraries":{},"upstreams":{}}',
    ],
}  # fmt: skip


def crc_repaired(raw: bytes) -> bytes:
    """Bytes as a ZIP with one entry of them, so that a fuzzer gets behind the checksums."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", raw)
    assert zlib.crc32(raw) >= 0
    return stream.getvalue()


_ONE = Forged(name=b"docs/a.md", content=b"{}" * 9)
SEEDS["archive"] = SEEDS["upload"] = [
    crc_repaired(b"{}"),
    crc_repaired(b"x" * 100),
    forge(streamed(_ONE), streamed(replace(_ONE, method=0)), end=End(comment=b"{}")),
    forge(streamed(_ONE, is_signed=False), streamed(_ONE, is_wide=True)),
    forge(replace(_ONE, size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 18))),
]
