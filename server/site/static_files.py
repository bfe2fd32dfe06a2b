"""The catalogue: files of a built site, sent as they are.

Invariant: what is sent lies inside the site's directory, whatever the path says. Links are never
followed, except the one that names the current build.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote

from registry.problems import printable
from server.asgi.answer import NO_CACHE, NOSNIFF, VARY, Answer, Header
from server.readmodel.long_lists import accepts
from server.readmodel.records import etag_of
from server.thread_pools import Pool

_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".xml": b"application/xml",
    ".txt": b"text/plain; charset=utf-8",
    ".md": b"text/plain; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".jpg": b"image/jpeg",
    ".jpeg": b"image/jpeg",
    ".gif": b"image/gif",
    ".webp": b"image/webp",
    ".ico": b"image/x-icon",
    ".woff2": b"font/woff2",
    ".atom": b"application/atom+xml; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".yml": b"text/plain; charset=utf-8",
    ".yaml": b"text/plain; charset=utf-8",
}
_OTHER = b"application/octet-stream"
_TEXTS = frozenset({".html", ".css", ".js", ".mjs", ".json", ".xml", ".txt", ".svg"})
_GZIP_LEVEL = 5
_LEAST_COMPRESSED = 1_024
_MOST_COMPRESSED = 2 * 1024 * 1024
"""A larger file is sent as it is: nobody waits for its compression."""
_FINGERPRINTED = re.compile(r"\.[0-9a-f]{12}\.[a-z0-9]+\Z")
_FOR_EVER: Header = (b"cache-control", b"max-age=31536000, immutable")
"""For a file whose name changes with its content."""
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_IMAGE_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
_COMMON: tuple[Header, ...] = (
    NOSNIFF,
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
_NO_SITE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Catalogue</title>"
    b"<h1>There is no catalogue yet</h1><p>It is being built; try again in a moment. "
    b'The API answers already: <a href="/health">/health</a>.</p>'
)
_SITE_GONE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Catalogue</title>"
    b"<h1>The catalogue is gone</h1><p>The directory that this server was given is not there. "
    b'The API answers: <a href="/health">/health</a>.</p>'
)
_NOT_FOUND = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Not found</title>"
    b'<h1>There is no such page</h1><p><a href="/">To the catalogue</a></p>'
)


def site_problem(directory: Path) -> str:
    """Say why a directory is not a built catalogue; empty when it is one."""
    if not directory.is_dir():
        return f"{printable(str(directory))} is not a directory"
    if not (directory / "index.html").is_file():
        return f"{printable(str(directory))} holds no built catalogue: it has no index.html"
    return ""


class Site:
    """The files below a directory; the directory may be replaced by a new build at any moment."""

    def __init__(
        self, directory: Path | None, pool: Pool, *, file_bytes: int, is_built_here: bool = True
    ) -> None:
        """``directory`` None means that no catalogue is served."""
        self._directory = directory
        self._pool = pool
        self._file_bytes = file_bytes
        self._is_built_here = is_built_here

    def problem(self) -> str:
        """Say what is wrong with a catalogue that others build; empty when all is well."""
        if self._directory is None or self._is_built_here:
            return ""
        return site_problem(self._directory)

    async def answer(self, path: str, accept: bytes = b"") -> Answer:
        """The file that a URL path names, or the page that says there is none.

        ``accept`` is the client's ``Accept-Encoding``.
        """
        return await self._pool.run(self._answer, path, accept)

    def _answer(self, path: str, accept: bytes) -> Answer:
        root = self._root()
        if root is None:
            status = 503 if self._directory else 404
            return page(_NO_SITE if self._is_built_here else _SITE_GONE, status=status)
        try:
            name, data = self._find(root, path)
        except _RedirectError as error:
            headers = (*_headers(".html"), (b"location", error.location))
            return Answer(status=308, headers=headers, content_type=_TYPES[".html"])
        finally:
            os.close(root)
        if data is None:
            return self._missing()
        return _file_answer(name, data, accept)

    def _missing(self) -> Answer:
        root = self._root()
        if root is None:
            return page(_NOT_FOUND, status=404)
        try:
            data = _read(root, ["404.html"], self._file_bytes)
        finally:
            os.close(root)
        return page(data or _NOT_FOUND, status=404)

    def _root(self) -> int | None:
        """The current build, held open so that one request sees one build."""
        if self._directory is None:
            return None
        try:
            return os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None

    def _find(self, root: int, path: str) -> tuple[str, bytes | None]:
        parts = safe_parts(path)
        if parts is None:
            return "", None
        if path.endswith("/") or not parts:
            return "index.html", _read(root, [*parts, "index.html"], self._file_bytes)
        data = _read(root, parts, self._file_bytes)
        if data is None and _read(root, [*parts, "index.html"], self._file_bytes) is not None:
            raise _RedirectError("/" + "/".join(parts) + "/")
        return parts[-1], data


class _RedirectError(Exception):
    """A directory was asked for without its slash."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.location = path.encode("ascii", "ignore")


def safe_parts(path: str) -> list[str] | None:
    """The names in a URL path; None when one of them could lead elsewhere or is hidden."""
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part.startswith(".") or "\\" in part or "\0" in part or unquote(part) != part:
            return None
    return parts


def _read(root: int, parts: list[str], limit: int) -> bytes | None:
    """A regular file below an open directory, walked name by name without following a link."""
    held: list[int] = []
    at = root
    try:
        for part in parts[:-1]:
            at = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            held.append(at)
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        held.append(file)
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        with os.fdopen(os.dup(file), "rb") as stream:
            return stream.read(limit)
    except (OSError, ValueError):
        return None
    finally:
        for handle in held:
            os.close(handle)


def _file_answer(name: str, data: bytes, accept: bytes) -> Answer:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name, not a path
    content_type = _TYPES.get(suffix, _OTHER)
    headers = _headers(suffix, is_for_ever=_FINGERPRINTED.search(name) is not None)
    etag = etag_of(data)
    if suffix in _TEXTS and _LEAST_COMPRESSED <= len(data) <= _MOST_COMPRESSED:
        headers = (*headers, VARY)
        if accepts(accept, b"gzip"):
            # A page of 30 kB takes half a millisecond, and no lock of the interpreter.
            data = gzip.compress(data, compresslevel=_GZIP_LEVEL, mtime=0)
            etag = etag[:-1] + b'-gzip"'
            headers = (*headers, (b"content-encoding", b"gzip"))
    return Answer(pieces=(data,), etag=etag, content_type=content_type, headers=headers)


def page(html: bytes, *, status: int) -> Answer:
    """A page of our own, with the headers that every page has."""
    return Answer(
        status=status, pieces=(html,), content_type=_TYPES[".html"], headers=_headers(".html")
    )


def _headers(suffix: str, *, is_for_ever: bool = False) -> tuple[Header, ...]:
    is_image = suffix in {".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico"}
    policy = _IMAGE_POLICY if is_image else _PAGE_POLICY
    kept = _FOR_EVER if is_for_ever else NO_CACHE
    return (kept, *_COMMON, (b"content-security-policy", policy))
