"""The records that are served: lean, immutable bytes, made once from a registry's libraries.

The records are msgspec structs and not dataclasses, because they are kept by the ten thousand:
the garbage collector does not walk them, and the cache on disk decodes straight into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import msgspec

from registry.formats.model import UNINSTALLED, ReleaseContent
from registry.library import wire
from registry.library.release_state import Library, LibraryStatus, ReleaseState
from registry.names import LibraryName
from registry.names import step_id as make_step_id
from registry.served.held_releases import by_version
from registry.served.memory import WITHDRAWN, RememberedLibrary, RememberedRelease

PROBLEMS_KEPT = 5
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(RememberedLibrary)
_STEPS_HERE = b"\0"
"""Stands for the steps while a detail is made: no JSON holds this byte, escaped or not."""


class ServedStep(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One step as it goes over the wire, and what lists filter by."""

    id: str
    body: bytes
    etag: bytes
    category: str
    platforms: tuple[str, ...]


class ServedLibrary(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One library as it goes over the wire. ``version`` is empty when nothing of it is served."""

    name: str
    id: int
    key: str
    version: str
    is_enabled: bool
    is_premium: bool
    status: str
    summary: bytes
    detail_head: bytes
    """The detail up to its steps."""
    detail_tail: bytes
    """The detail after its steps."""
    detail_etag: bytes
    detail_length: int
    steps: tuple[ServedStep, ...]
    categories: tuple[str, ...]
    problems: tuple[str, ...]
    awaits_tag: bool
    """A release has a ledger entry and no tag: the tag may follow at any moment."""
    is_hidden: bool
    """Uninstalled: its name is kept, and nobody sees it."""
    is_withheld: bool = False
    """An alarm keeps it from being served, and nothing older stands in for it."""
    missing: tuple[str, ...] = ()
    """Versions that were served and whose directory is gone, without a word in the facts."""
    news: bytes = b""
    """Its part that is served for the first time: a `RememberedLibrary`, as msgpack."""
    alarmed: tuple[str, ...] = ()
    """Versions that are in alarm."""

    @property
    def visible_steps(self) -> tuple[ServedStep, ...]:
        """The steps that lists show and lookups answer with."""
        return self.steps if self.is_enabled else ()

    @property
    def is_usable(self) -> bool:
        """Enabled, and there is something to use: what ``enabled_only`` lists."""
        return self.is_enabled and bool(self.version)

    def detail_bytes(self) -> bytes:
        """The whole detail."""
        return whole_detail(self.detail_head, self.steps, self.detail_tail)


def whole_detail(head: bytes, steps: Iterable[ServedStep], tail: bytes) -> bytes:
    """A library's detail, with its steps between these."""
    return b"".join((head, b",".join([step.body for step in steps]), tail))


def etag_of(*parts: bytes) -> bytes:
    """A strong entity tag of the bytes, in quotes."""
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part)
    return b'"' + digest.hexdigest().encode() + b'"'


def served_steps(
    library: LibraryName, version: str, content: ReleaseContent
) -> tuple[ServedStep, ...]:
    """Every step of a release, serialised once."""
    result = []
    for file, step in zip(content.manifest.steps, content.steps, strict=True):
        body = wire.step_bytes(library, version, step, has_executor=file.executor is not None)
        result.append(
            ServedStep(
                id=make_step_id(library, step.name),
                body=body,
                etag=etag_of(body),
                category=step.category,
                platforms=tuple(platform.value for platform in step.platform_support),
            )
        )
    return tuple(result)


def served_library(
    library: Library, key: str, known: RememberedLibrary | None = None
) -> ServedLibrary:
    """A library's record; ``key`` is the snapshot's, so that a later load can tell a change.

    ``known`` is what was served of it before.
    """
    content = library.content
    version = str(library.active.version) if library.active and content else ""
    steps = served_steps(library.name, version, content) if content else ()
    head, _, tail = wire.library_detail_bytes(library, (_STEPS_HERE,)).partition(_STEPS_HERE)
    detail = whole_detail(head, steps, tail)
    return ServedLibrary(
        name=library.name,
        id=library.library_id,
        key=key,
        version=version,
        is_enabled=library.is_enabled,
        is_premium=content.manifest.is_premium if content else False,
        status=library.status.value,
        summary=wire.library_summary_bytes(library),
        detail_head=head,
        detail_tail=tail,
        detail_etag=etag_of(detail),
        detail_length=len(detail),
        steps=steps,
        categories=tuple(sorted({step.category for step in steps})),
        problems=_problems(library),
        awaits_tag=any(
            record.state is ReleaseState.ALARM and record.tag is None for record in library.releases
        ),
        is_hidden=library.is_uninstalled,
        is_withheld=library.is_withheld,
        missing=_missing(library, known),
        news=_news(library, known),
        alarmed=tuple(
            str(record.version) for record in library.releases if record.state is ReleaseState.ALARM
        ),
    )


def _news(library: Library, known: RememberedLibrary | None) -> bytes:
    """Return what to remember: new releases, and the library's facts if nothing is wrong."""
    versions = by_version(known)
    new = tuple(_new_releases(library, versions))
    is_sound = library.status is not LibraryStatus.ERROR
    is_told = is_sound and bool(new or versions)
    facts = (library.facts_id if is_told else None) or ""
    active = str(library.active.version) if is_told and library.active is not None else ""
    told = (known.facts, known.active) if known is not None else ("", "")
    if not new and all(
        one in ("", before) for one, before in zip((facts, active), told, strict=True)
    ):
        return b""
    return _ENCODER.encode(
        RememberedLibrary(name=library.name, releases=new, facts=facts, active=active)
    )


def _new_releases(
    library: Library, known: Mapping[str, RememberedRelease]
) -> Iterator[RememberedRelease]:
    """Those that were never served, and those that went or came back since."""
    for record in library.releases:
        before = known.get(str(record.version))
        if record.state is ReleaseState.RELEASED and (before is None or before.gone):
            if record.tag is not None and record.digest is not None and record.tree is not None:
                yield RememberedRelease(
                    version=str(record.version),
                    tag=record.tag,
                    digest=record.digest,
                    tree=record.tree,
                )
        elif record.state is ReleaseState.WITHDRAWN and before is not None:
            is_removed = record.removal is not None or library.facts.state == UNINSTALLED
            if is_removed and before.gone != WITHDRAWN:
                yield msgspec.structs.replace(before, gone=WITHDRAWN)


def _missing(library: Library, known: RememberedLibrary | None) -> tuple[str, ...]:
    """Versions whose directory is gone, where only the history says whether it may be."""
    before = by_version(known)
    return tuple(
        str(record.version)
        for record in library.releases
        if record.state is ReleaseState.WITHDRAWN
        and record.removal is None
        and library.facts.state != UNINSTALLED
        and str(record.version) in before
        and not before[str(record.version)].gone
    )


def news_of(libraries: Iterable[ServedLibrary]) -> list[RememberedLibrary]:
    """Return what to remember of these libraries."""
    return [_DECODER.decode(library.news) for library in libraries if library.news]


def _problems(library: Library) -> tuple[str, ...]:
    found = [str(problem) for problem in library.problems]
    found += [
        f"release {record.version}: {record.alarm}"
        for record in library.releases
        if record.state is ReleaseState.ALARM
    ]
    kept = found[:PROBLEMS_KEPT]
    if len(found) > len(kept):
        kept.append(f"and {len(found) - len(kept)} more")
    return tuple(kept)
