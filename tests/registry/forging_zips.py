"""ZIPs written field by field, so that a test can lie in any of them."""

import struct
import zlib
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class Forged:
    """One entry; ``local`` are the fields in which its local header differs."""

    name: bytes = b"manifest.json"
    content: bytes = b"{}"
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    data: bytes | None = None
    behind: bytes = b""
    extra: bytes = b""
    comment: bytes = b""
    attributes: int = 0o100644 << 16
    disk: int = 0
    offset: int | None = None
    local: dict[str, object] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        if self.data is not None:
            return self.data
        return self.content if self.method == 0 else deflated(self.content)

    def _numbers(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        packed = len(self.raw) if self.packed is None else self.packed
        return crc, packed, len(self.content) if self.size is None else self.size

    def local_header(self) -> bytes:
        one = replace(self, data=self.raw, **self.local)  # type: ignore[arg-type]
        if "content" not in self.local:
            crc, packed, size = replace(one, content=self.content)._numbers()
        head = struct.pack("<4s5H", b"PK\x03\x04", 20, one.flags, one.method, 0, 33)
        sizes = struct.pack("<3L2H", crc, packed, size, len(one.name), len(one.extra))
        return head + sizes + one.name + one.extra + self.raw + self.behind

    def central_header(self, offset: int) -> bytes:
        crc, packed, size = self._numbers()
        place = offset if self.offset is None else self.offset
        head = struct.pack("<4s6H", b"PK\x01\x02", 0x031E, 20, self.flags, self.method, 0, 33)
        sizes = struct.pack(
            "<3L3H", crc, packed, size, *map(len, (self.name, self.extra, self.comment))
        )
        rest = struct.pack("<2H2L", self.disk, 0, self.attributes, place)
        return head + sizes + rest + self.name + self.extra + self.comment


def streamed(one: Forged, *, is_signed: bool = True, is_wide: bool = False, **lies: int) -> Forged:
    """The entry as a tool writes it that knows the sizes only afterwards; ``lies`` stand behind."""
    true = dict(zip(("crc", "packed", "size"), one._numbers(), strict=True))
    sizes = struct.pack("<L2Q" if is_wide else "<3L", *{**true, **lies}.values())
    local = {"flags": 8, "crc": 0, "packed": 0, "size": 0, **one.local}
    if is_wide:
        local["extra"] = struct.pack("<2H2Q", 1, 16, 0, 0)
    behind = (b"PK\x07\x08" if is_signed else b"") + sizes
    return replace(one, flags=one.flags | 8, local=local, behind=behind)


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@dataclass(frozen=True, kw_only=True)
class End:
    """Fields in which the end record lies."""

    prefix: bytes = b""
    between: bytes = b""
    before_directory: bytes = b""
    before_end: bytes = b""
    trailing: bytes = b""
    comment: bytes = b""
    comment_size: int | None = None
    disk: int = 0
    here: int | None = None
    count: int | None = None
    directory: int | None = None
    directory_size: int | None = None


def forge(*entries: Forged, end: End | None = None) -> bytes:
    """The ZIP of these entries."""
    lies = end or End()
    body, offsets = lies.prefix, []
    for entry in entries:
        offsets.append(len(body))
        body += entry.local_header() + lies.between
    body += lies.before_directory
    central = b"".join(e.central_header(at) for e, at in zip(entries, offsets, strict=True))
    here = len(entries) if lies.here is None else lies.here
    count = len(entries) if lies.count is None else lies.count
    at = len(body) if lies.directory is None else lies.directory
    size = len(central) if lies.directory_size is None else lies.directory_size
    comment_size = len(lies.comment) if lies.comment_size is None else lies.comment_size
    record = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", lies.disk, 0, here, count, size, at, comment_size
    )
    return body + central + lies.before_end + record + lies.comment + lies.trailing
