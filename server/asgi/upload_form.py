"""Read an uploaded form while it streams in: in memory, never on disk, and refused when too large.

Every byte of the body counts against the limit, wherever it stands: what is before, between and
after the parts as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.errors import AnswerError
from server.settings import Settings

_BOUNDARY_LENGTH = 200
_SHOWN = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallForm:
    """The form of ``POST /libraries/install``: a ZIP and, for a premium library, its key."""

    file: bytes = field(repr=False)
    license_key: str | None = field(default=None, repr=False)


@dataclass(kw_only=True, slots=True)
class _Part:
    """A part of the form while it is read."""

    name: str = ""
    is_file: bool = False
    content: bytearray = field(default_factory=bytearray)


class _Reading:
    """Gathers the parts; what has no business in the form is passed over within its limits."""

    def __init__(self, boundary: bytes, settings: Settings) -> None:
        self._settings = settings
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._count = 0
        self._headers_bytes = 0
        self.files: list[bytes] = []
        self.fields: dict[str, bytes] = {}
        self.is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._settings.upload_parts:
            raise AnswerError(413, f"the form has more than {self._settings.upload_parts} parts")
        self._part = _Part()
        self._headers_bytes = 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header[1].extend(data[start:end])

    def _count_header(self, size: int) -> None:
        self._headers_bytes += size
        most = self._settings.upload_header_bytes
        if self._headers_bytes > most:
            raise AnswerError(413, f"the headers of a part have more than {most:,} bytes")

    def _header_end(self) -> None:
        name, value = bytes(self._header[0]).lower(), bytes(self._header[1])
        self._header = (bytearray(), bytearray())
        if name == b"content-disposition":
            _, options = parse_options_header(value)
            self._part.name = options.get(b"name", b"").decode("utf-8", errors="replace")
            self._part.is_file = self._part.name == "file"

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.content.extend(data[start:end])
        most = self._settings.upload_field_bytes
        if not part.is_file and len(part.content) > most:
            raise AnswerError(
                413,
                f"the field {part.name[:_SHOWN]!r} has more than {most:,} bytes; send the ZIP as"
                " the form field 'file'",
            )

    def _end(self) -> None:
        part = self._part
        if part.is_file:
            self.files.append(bytes(part.content))
        else:
            self.fields[part.name] = bytes(part.content)
        self._part = _Part()

    def _finish(self) -> None:
        self.is_complete = True


async def read_install_form(
    content_type: str | None,
    content_length: str | None,
    chunks: AsyncIterator[bytes],
    settings: Settings,
    *,
    take: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - what it is called with
) -> InstallForm:
    """The form in a body's chunks. Raises AnswerError: 400 malformed, 413 too large, 415 no form.

    ``take`` is told of the bytes that are held. What ``chunks`` raises, such as for a client that
    is gone, is passed on; nothing is left behind.
    """
    reading = _Reading(_boundary(content_type), settings)
    most = settings.upload_bytes
    too_large = f"an upload has at most {most:,} bytes (the setting upload_bytes)"
    if content_length is not None and content_length.isdecimal() and int(content_length) > most:
        raise AnswerError(413, too_large)
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > most:
            raise AnswerError(413, too_large)
        take(len(chunk))
        try:
            reading.write(chunk)
        except FormParserError as error:
            raise AnswerError(400, f"the form cannot be read: {str(error)[:200]}") from error
    if not reading.is_complete:
        raise AnswerError(400, "the form ends in the middle")
    if len(reading.files) != 1:
        raise AnswerError(400, _not_one(len(reading.files), reading.fields))
    key = reading.fields.get("license_key")
    return InstallForm(
        file=reading.files[0],
        license_key=key.decode("utf-8", errors="replace") if key else None,
    )


def _not_one(count: int, fields: Mapping[str, bytes]) -> str:
    """Say what to send instead of no file, or of several."""
    if count:
        return f"the form has {count} fields 'file'; send one library at a time"
    sent = ", ".join(repr(name[:_SHOWN]) for name in list(fields)[:5])
    return (
        f"send the ZIP as the form field 'file'; the form has {f'only {sent}' if sent else 'none'}"
    )


def _boundary(content_type: str | None) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        raise AnswerError(
            415,
            "send the ZIP as the field 'file' of a form (multipart/form-data), or JSON that names "
            "a library of an upstream (Content-Type: application/json)",
        )
    boundary = options.get(b"boundary", b"")
    if not boundary or len(boundary) > _BOUNDARY_LENGTH:
        raise AnswerError(400, "the form has no boundary that can be used")
    return boundary


class UploadMemory:
    """The memory of all uploads under way together, bytes; for one event loop."""

    def __init__(self, most: int) -> None:
        """At most ``most`` bytes."""
        self._free = most

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Count the memory of one upload, given back at its end.

        What is yielded takes so many bytes more; it raises AnswerError (503) when there are none.
        """
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            if count > self._free:
                raise AnswerError(503, "too many uploads are under way; ask again in a second")
            self._free -= count
            taken += count

        try:
            yield take
        finally:
            self._free += taken
