"""Search in the browser: one small record page a library, indexed by the Pagefind program.

Pagefind has no incremental mode, and its time goes with the pages it reads, so it never sees the
catalogue's pages: it reads one record a library from a private directory. A record stands at the
same path as the library's page, so that what Pagefind links to is right below any base address.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pagefind_bin import get_executable

from builder.errors import BuilderError
from builder.search.browser.stable_order import canonicalise
from registry.names import LibraryName

_ENTRY = "pagefind-entry.json"
_DIGEST = ".indexed"
# What HTML cannot carry; a record is data, so such characters become spaces.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")


class PagefindError(BuilderError):
    """The Pagefind program is missing or failed; the message carries what it said."""

    exit_code = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class PagefindSettings:
    """Limits of one record and of one run."""

    run_seconds: float = 300.0
    """Longest run of the Pagefind program, seconds."""
    record_characters: int = 8_000
    """Most characters of one text of a record."""
    record_words: int = 400
    """Most words and names (steps, parameters, tags) of one record."""


DEFAULT_PAGEFIND = PagefindSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRecord:
    """The facts that the browser's search knows of one library. Hostile texts are escaped.

    ``page`` is the library's page below the site, such as
    ``libraries/file-operations/index.html``; results link to it (``index.html`` left off).
    ``steps`` holds each step's title and name; ``words`` parameter names and tags. ``meta`` comes
    back with a result (``data().meta``) and is not searched. ``platforms`` and ``categories`` are
    filters, with ``premium`` as ``yes`` or ``no``.
    """

    page: str
    title: str
    name: str
    summary: str
    steps: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    premium: bool = False
    meta: Mapping[str, str] = field(default_factory=dict)


def write_records(
    records_dir: Path,
    changed: Mapping[LibraryName, SearchRecord],
    removed: Iterable[SearchRecord | str] = (),
    *,
    settings: PagefindSettings = DEFAULT_PAGEFIND,
) -> int:
    """Write the records of the changed libraries; drop those of the removed ones.

    ``removed`` names record pages (or gives the records). Returns how many files really changed.
    A record with the same bytes is left untouched. Raises PagefindError for a page outside.
    """
    written = 0
    for record in changed.values():
        target = _record_path(records_dir, record.page)
        body = record_html(record, settings=settings).encode()
        if target.is_file() and target.read_bytes() == body:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        written += 1
    for gone in removed:
        target = _record_path(records_dir, gone if isinstance(gone, str) else gone.page)
        if target.is_file():
            target.unlink()
            written += 1
    return written


def run_pagefind(
    records_dir: Path, out_dir: Path, *, settings: PagefindSettings = DEFAULT_PAGEFIND
) -> bool:
    """Index all records into ``out_dir`` (usually ``<site>/pagefind``); True when it ran.

    Nothing happens when ``out_dir`` already is the index of exactly these records. The same
    records give the same bytes. The new index replaces the old one by two renames, and a failed
    run (PagefindError) leaves the old one.
    """
    digest = _digest_of(records_dir)
    mark = records_dir / _DIGEST
    stamp = f"{digest} {_entry_digest(out_dir)}"
    if (out_dir / _ENTRY).is_file() and mark.is_file() and mark.read_text("utf-8") == stamp:
        return False
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pagefind-", dir=out_dir.parent) as scratch:
        fresh = Path(scratch) / "new"
        _run(records_dir, fresh, settings)
        canonicalise(fresh)
        if out_dir.exists():
            out_dir.rename(Path(scratch) / "old")
        fresh.rename(out_dir)
    mark.write_text(f"{digest} {_entry_digest(out_dir)}", "utf-8")
    return True


def record_html(record: SearchRecord, *, settings: PagefindSettings = DEFAULT_PAGEFIND) -> str:
    """The record page: small HTML that only Pagefind reads, every text escaped."""
    limit = settings.record_characters
    filters = [("category", value) for value in record.categories]
    filters += [("platform", value) for value in record.platforms]
    filters.append(("premium", "yes" if record.premium else "no"))
    head = "".join(
        f'<meta data-pagefind-filter="{key}[content]" content="{_text(value, limit)}">'
        for key, value in filters
    ) + "".join(
        f'<meta data-pagefind-meta="{_meta_key(key)}[content]" content="{_text(value, limit)}">'
        for key, value in sorted(record.meta.items())
    )
    steps = "".join(f"<li>{_text(step, limit)}</li>" for step in record.steps)
    words = " ".join(record.words[: settings.record_words])
    # Names are also indexed in parts: Pagefind takes "file-operations" for one word.
    parts = re.sub(r"[-._/]+", " ", record.name)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>record</title></head>'
        f"<body data-pagefind-body>{head}"
        f'<h1 data-pagefind-weight="7">{_text(record.title, limit)}</h1>'
        f"<p>{_text(record.summary, limit)}</p>"
        f'<p data-pagefind-weight="5">{_text(record.name, limit)} {_text(parts, limit)}</p>'
        f'<ul data-pagefind-weight="3">{steps}</ul>'
        f"<p>{_text(words, limit)}</p></body></html>\n"
    )


def _meta_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z_]{0,30}", key):
        raise PagefindError(f"{key[:40]!r} is not a name of record metadata")
    return key


def _text(value: str, limit: int) -> str:
    return html.escape(_UNPRINTABLE.sub(" ", value[:limit]), quote=True)


def _record_path(records_dir: Path, page: str) -> Path:
    path = PurePosixPath(page)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".html" or "\\" in page:
        raise PagefindError(f"{page[:80]!r} is not the path of a page below the site")
    return records_dir / path


def _digest_of(records_dir: Path) -> str:
    whole = hashlib.sha256(b"records 1\n")
    for path in sorted(_html_files(records_dir)):
        whole.update(f"{path}\n".encode())
        whole.update(hashlib.sha256((records_dir / path).read_bytes()).digest())
    return whole.hexdigest()


def _html_files(records_dir: Path) -> list[str]:
    return [
        os.path.relpath(os.path.join(folder, name), records_dir)  # noqa: PTH118 - 3 times as quick
        for folder, _, names in os.walk(records_dir)
        for name in names
        if name.endswith(".html")
    ]


def _entry_digest(out_dir: Path) -> str:
    entry = out_dir / _ENTRY
    return hashlib.sha256(entry.read_bytes()).hexdigest() if entry.is_file() else "none"


def _run(records_dir: Path, out_dir: Path, settings: PagefindSettings) -> None:
    """Run the program of the installed wheel over the records, into a directory of its own."""
    if not _html_files(records_dir):
        # Pagefind refuses an empty site; an empty registry still has a search page.
        records_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="empty-") as empty:
            page = (
                '<!doctype html><html lang="en"><body data-pagefind-body>nothing-yet</body></html>'
            )
            (Path(empty) / "index.html").write_text(page, "utf-8")
            _execute(Path(empty), out_dir, settings)
        return
    _execute(records_dir, out_dir, settings)


def _execute(site: Path, out_dir: Path, settings: PagefindSettings) -> None:
    try:
        program = str(get_executable())
    except FileNotFoundError as error:
        next_step = "Install pagefind-bin for this machine again"
        raise PagefindError("the Pagefind program is missing", next_step=next_step) from error
    command = [program, "--site", str(site), "--output-path", str(out_dir)]
    command += ["--glob", "**/*.html", "--force-language", "en", "--quiet"]
    # Run where no pagefind.toml or PAGEFIND_* setting of somebody else is picked up.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAGEFIND_")}
    try:
        done = subprocess.run(
            command,
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=settings.run_seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PagefindError(f"Pagefind did not finish: {error}") from error
    if done.returncode != 0 or not (out_dir / _ENTRY).is_file():
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise PagefindError(f"Pagefind failed with {done.returncode}: {said}")
