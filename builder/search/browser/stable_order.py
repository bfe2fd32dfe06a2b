"""Make Pagefind's output depend on its input only.

Pagefind 1.5 writes the values of a filter in the order of a randomly seeded hash map, and names
the files by their content, so two runs over the same pages differ. Here the values are sorted and
the files are named again. The files are gzipped CBOR (RFC 8949) of arrays, texts and whole numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

_MAGIC = b"pagefind_dcd"
_UINT, _TEXT, _ARRAY = 0, 3, 4
_DIRECT = 24
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
# The place of the list of filters in a ``pf_meta`` file: after version, pages and chunks.
_FILTERS = 3


def canonicalise(out_dir: Path) -> None:
    """Sort the filters' values in a Pagefind bundle and rename the files accordingly."""
    entry_file = out_dir / "pagefind-entry.json"
    entry = json.loads(entry_file.read_bytes())
    for language, facts in sorted(entry["languages"].items()):
        meta_file = out_dir / f"pagefind.{facts['hash']}.pf_meta"
        meta = _read(meta_file)
        meta[_FILTERS] = sorted(
            [name, _sort_filter(out_dir / "filter", key, language)] for name, key in meta[_FILTERS]
        )
        body = encode(meta)
        facts["hash"] = f"{language}_{hashlib.sha256(body).hexdigest()[:10]}"
        meta_file.unlink()
        _write(out_dir / f"pagefind.{facts['hash']}.pf_meta", body)
    entry["languages"] = dict(sorted(entry["languages"].items()))
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
    entry_file.write_text(text, "utf-8")


def _sort_filter(folder: Path, key: str, language: str) -> str:
    """Sort one filter's values; returns the name that it has now."""
    old = folder / f"{key}.pf_filter"
    name, values = _read(old)
    body = encode([name, sorted(values)])
    old.unlink()
    renamed = f"{language}_{hashlib.sha256(body).hexdigest()[:7]}"
    _write(folder / f"{renamed}.pf_filter", body)
    return renamed


def _read(path: Path) -> Any:
    raw = gzip.decompress(path.read_bytes())
    if not raw.startswith(_MAGIC):
        raise ValueError(f"{path.name} is not a Pagefind file")
    value, end = decode(raw, len(_MAGIC))
    if end != len(raw):
        raise ValueError(f"{path.name} has bytes after its value")
    return value


def _write(path: Path, body: bytes) -> None:
    path.write_bytes(gzip.compress(_MAGIC + body, compresslevel=9, mtime=0))


def decode(raw: bytes, at: int = 0) -> tuple[Any, int]:
    """One CBOR value of the kinds that Pagefind writes, and where it ends; ValueError otherwise."""
    kind, size = raw[at] >> 5, raw[at] & 31
    at += 1
    if size >= _DIRECT:
        if size not in _SIZES:
            raise ValueError(f"a CBOR length of kind {size} is not expected here")
        width = _SIZES[size]
        size = int.from_bytes(raw[at : at + width], "big")
        at += width
    if kind == _UINT:
        return size, at
    if kind == _TEXT:
        return raw[at : at + size].decode(), at + size
    if kind != _ARRAY:
        raise ValueError(f"a CBOR value of kind {kind} is not expected here")
    items = []
    for _ in range(size):
        item, at = decode(raw, at)
        items.append(item)
    return items, at


def encode(value: Any) -> bytes:
    """The CBOR of nested lists of texts and whole numbers."""
    if isinstance(value, int):
        return _head(_UINT, value)
    if isinstance(value, str):
        body = value.encode()
        return _head(_TEXT, len(body)) + body
    return _head(_ARRAY, len(value)) + b"".join(encode(item) for item in value)


def _head(kind: int, size: int) -> bytes:
    if size < _DIRECT:
        return bytes([kind << 5 | size])
    for code, width in _SIZES.items():
        if size < 1 << (8 * width):
            return bytes([kind << 5 | code]) + size.to_bytes(width, "big")
    raise ValueError(f"{size} does not fit into CBOR")
