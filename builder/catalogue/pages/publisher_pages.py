"""A page for each publisher, with its keys and all its libraries, and the list of publishers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from builder.catalogue.facts.signature_mark import Trust
from builder.catalogue.output.site_state import LibraryRecord
from builder.catalogue.output.tree_writer import PlannedFile, digest
from builder.catalogue.theme.identicon import hue_of, initials_of
from builder.catalogue.theme.theme import SitePage, Theme, fill_card
from builder.catalogue.views.overview import Overview, joined_cards

if TYPE_CHECKING:  # cryptography takes its time to load, and few registries have publishers
    from registry.signing.publishers import Publisher, PublisherKey

_DATE_LENGTH = 10
_CARDS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyLine:
    """One key of a publisher, as its page shows it."""

    kind: str
    fingerprint: str
    times: str
    is_revoked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PublisherView:
    """One publisher: declared by the registry, or only named by libraries."""

    name: str
    is_declared: bool
    keys: tuple[KeyLine, ...]
    prefixes: tuple[str, ...]
    accounts: tuple[str, ...]
    signed: tuple[LibraryRecord, ...]
    """The libraries whose active release it signed."""
    unsigned: tuple[LibraryRecord, ...]
    """Those that name it, without its signature."""


def plan_publishers(
    theme: Theme, overview: Overview, trust: Trust, salt: bytes
) -> Iterator[PlannedFile]:
    """Every page about publishers."""
    views = _views(overview, trust)
    lines = [
        (view.name, hue_of(view.name), initials_of(view.name), view.is_declared, len(view.keys),
         len(view.signed) + len(view.unsigned))
        for view in views
    ]  # fmt: skip
    key = digest(salt + repr(lines).encode())
    yield PlannedFile(path="publishers/index.html", key=key, render=partial(_list, theme, lines))
    for view in views:
        said = (view.is_declared, view.keys, view.prefixes, view.accounts)
        cards = b"\0".join((joined_cards(view.signed), joined_cards(view.unsigned)))
        yield PlannedFile(
            path=f"publishers/{view.name}/index.html",
            key=digest(b"\0".join((salt, repr(said).encode(), cards))),
            render=partial(_page, theme, view, is_confirmed=trust.is_confirmed),
        )


def _views(overview: Overview, trust: Trust) -> list[PublisherView]:
    found: dict[str, list[LibraryRecord]] = {}
    for record in overview.records:
        if record.publisher:
            found.setdefault(record.publisher, []).append(record)
    declared = {str(one.name): one for one in trust.publishers.all()} if trust.publishers else {}
    return [
        _view(name, declared.get(name), found.get(name, [])) for name in sorted({*found, *declared})
    ]


def _view(name: str, declared: Publisher | None, records: list[LibraryRecord]) -> PublisherView:
    return PublisherView(
        name=name,
        is_declared=declared is not None,
        keys=tuple(map(_key, declared.keys)) if declared else (),
        prefixes=tuple(map(str, declared.prefixes)) if declared else (),
        accounts=declared.accounts if declared else (),
        signed=tuple(record for record in records if record.is_signed),
        unsigned=tuple(record for record in records if not record.is_signed),
    )


def _key(held: PublisherKey) -> KeyLine:
    times = (("from", held.since), ("until", held.until), ("revoked from", held.revoked))
    return KeyLine(
        kind=held.key.type.value,
        fingerprint=held.fingerprint,
        times=", ".join(f"{word} {_day(time)}" for word, time in times if time is not None),
        is_revoked=held.revoked is not None,
    )


def _day(time: datetime) -> str:
    return time.isoformat()[:_DATE_LENGTH]


def _list(theme: Theme, lines: list[tuple[str, int, str, bool, int, int]]) -> bytes:
    page = SitePage(
        path="publishers/",
        title="Publishers",
        description="Who publishes libraries here, and with which keys they sign.",
        kind="publishers",
    )
    values = {"lines": lines}
    return theme.page(page, theme.fragment("publishers.html", theme.root_of(page), values))


def _page(theme: Theme, view: PublisherView, *, is_confirmed: bool) -> bytes:
    count = len(view.signed) + len(view.unsigned)
    page = SitePage(
        path=f"publishers/{view.name}/",
        title=view.name,
        description=f"{view.name} publishes {count} librar{'y' if count == 1 else 'ies'} here.",
        kind="publisher",
    )
    root = theme.root_of(page)
    values = {
        "view": view,
        "hue": hue_of(view.name),
        "initials": initials_of(view.name),
        "is_confirmed": is_confirmed,
        "count": count,
        "signed": _cards(view.signed, root),
        "unsigned": _cards(view.unsigned, root),
        "left_out": max(0, len(view.signed) - _CARDS) + max(0, len(view.unsigned) - _CARDS),
    }
    return theme.page(page, theme.fragment("publisher.html", root, values))


def _cards(records: tuple[LibraryRecord, ...], root: str) -> Markup:
    html = fill_card(joined_cards(records[:_CARDS]), root).decode()
    return Markup(html)  # noqa: S704 - cards are rendered HTML
