"""The memory of a site tree, so that the next build need not load what is unchanged.

One file beside each tree. It is written last, so a tree without one is half made and worth nothing.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from registry.files.durable import write_whole

FORMAT = 6
"""Changes with the meaning of these records; another format is as good as none."""

Outputs = dict[str, bytes]
"""Path below the site's root → short digest of the file's bytes."""


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One release, as the Atom feed and the home page list it."""

    version: str
    date: str
    digest: str


class RecordedHit(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One advisory about a library, as the page of all advisories lists it."""

    id: str
    versions: tuple[tuple[str, bool], ...]
    """The releases that it hits, greatest first, and whether each has a page."""
    more_versions: int
    safe: tuple[str, bool] | None


class LibraryRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The part of a library that pages about many need, so that it need not be loaded again."""

    key: str
    newest: str | None
    """The date of the last release, where the quality score depends on its age."""
    age: int
    """The age in the steps of the score, as it was when the pages were rendered."""
    name: str
    title: str
    description: str
    author: str
    license: str
    has_executor: bool
    """True if one of its steps can be performed."""
    categories: tuple[str, ...]
    platforms: tuple[str, ...]
    is_premium: bool
    is_broken: bool
    is_deprecated: bool
    """Deprecated, or its active release is yanked."""
    is_hit: bool
    """True if an advisory is about the active release."""
    publisher: str
    """The publisher that has a page, by name; empty without one."""
    is_signed: bool
    """True if that publisher signed the active release."""
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    """The libraries that the active release depends on."""
    hits: tuple[RecordedHit, ...]
    end: bytes
    """Stands for the end of the library's page, which tells of others; empty without a page."""
    steps: tuple[str, ...]
    step_categories: tuple[str, ...]
    mentions: tuple[str, ...]
    """The libraries that its pages link to while those have a page."""
    releases: tuple[FeedEntry, ...]
    card: bytes
    """The library's card; the way to the site's root is still to be filled in."""
    summary: bytes
    """Its element of ``/api/v1/libraries.json``."""
    outputs: Outputs

    @property
    def date(self) -> str:
        """The date of the newest release, or nothing."""
        return max((release.date for release in self.releases), default="")


class StepBodies(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The place of a library's steps in ``/api/v1/steps.json``: the first byte, and each length."""

    start: int
    lengths: tuple[int, ...]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One operation of the log; all its texts are strangers'."""

    commit: str
    time: str
    """The date that the commit bears; that of an imported release may be years before."""
    here: str
    """The latest date up to here in the history: before it, this cannot have happened here."""
    operation: str
    actor: str
    summary: str
    reason: str
    attested: bool
    libraries: tuple[str, ...]
    versions: dict[str, tuple[str, ...]]


class KnownLog(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The latest operations up to a head, attested by these keys."""

    head: str
    keys: tuple[str, ...]
    entries: tuple[LogEntry, ...]


class SiteState(msgspec.Struct, frozen=True, kw_only=True):
    """One complete tree."""

    format: int = FORMAT
    site_key: str
    """Stands for what all pages depend on: templates, code, settings, the registry's own facts."""
    commit: str
    generation: int
    written: tuple[str, ...]
    """Paths that changed since the generation before, or came with this one."""
    removed: tuple[str, ...]
    libraries: dict[str, LibraryRecord]
    unlisted: dict[str, str]
    """Name → key of the libraries that have no page: disabled, uninstalled, not yet released."""
    bodies: dict[str, StepBodies]
    log: KnownLog
    offers: str
    """Stands for what upstreams offered."""
    pages: Outputs
    """Outputs that belong to no single library; of lists, a digest of what they are made of."""


class StateHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a state that says which tree is newer; reading it skips the rest."""

    format: int
    generation: int


_HEADER = msgspec.msgpack.Decoder(StateHeader)
_DECODER = msgspec.msgpack.Decoder(SiteState)
_ENCODER = msgspec.msgpack.Encoder()


def load_state(path: Path) -> SiteState | None:
    """The state, or None when there is none that this program understands."""
    try:
        state = _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return state if state.format == FORMAT else None


def load_generation(path: Path) -> int | None:
    """The generation of a state, as `load_state` would give it."""
    try:
        header = _HEADER.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return header.generation if header.format == FORMAT else None


def save_state(path: Path, state: SiteState) -> None:
    """Put the state in place at once."""
    write_whole(path, _ENCODER.encode(state))
