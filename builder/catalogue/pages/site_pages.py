"""The pages that stand alone: home, search, schemas, about, the one for what is missing; assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from builder.catalogue.data.opensearch import opensearch
from builder.catalogue.output.site_state import LogEntry
from builder.catalogue.output.tree_writer import PlannedFile, digest
from builder.catalogue.theme.head import PICTURE
from builder.catalogue.theme.identicon import hue_of, initials_of
from builder.catalogue.theme.theme import SitePage, Theme, fill_card
from builder.catalogue.views.overview import FEATURED_RULE, Overview, joined_cards
from builder.catalogue.views.structured import site_data
from registry.formats.schema import Format, schema_bytes, schema_of
from registry.snapshots.registry import Snapshot

_RECENT = 8
_TOPICS = 24
_DATE_LENGTH = 10
_SHOWN_STEPS = 3
_WHAT = "Libraries of automation steps"
_CHOSEN = "Chosen by those who keep this registry."
_LEAD = (
    "Find a step, read exactly what it does and what it may touch, and pin the release you trust."
)


def plan_picture(theme: Theme, salt: bytes) -> PlannedFile:
    """The picture of the site for previews of links; drawn when the site's settings change."""
    facts = theme.facts

    def draw() -> bytes:
        from builder.catalogue.data.preview import preview  # Pillow takes its time to load

        text = facts.description or _LEAD
        return preview(above=_WHAT, title=facts.title, name=facts.name, text=text)

    return PlannedFile(path=PICTURE, key=digest(salt), render=draw)


def site_pages(
    theme: Theme, overview: Overview, snapshot: Snapshot, log: Sequence[LogEntry]
) -> dict[str, bytes]:
    """Path → bytes."""
    first = overview.by_name[0] if overview.by_name else None
    example = f"{first.name}.{first.steps[0]}" if first and first.steps else "core.flow.start"
    files = dict(theme.assets)
    files["opensearch.xml"] = opensearch(theme.facts, theme.base_url)
    for kind in Format:
        files[f"schemas/{kind.value}.schema.json"] = schema_bytes(kind)
    publishers = snapshot.facts.publishers or any(r.publisher for r in overview.records)
    plain: list[tuple[SitePage, dict[str, Any]]] = [
        (
            SitePage(
                path="search/", title="Search", description="Search all steps.", kind="search"
            ),
            {},
        ),
        (
            SitePage(
                path="schemas/",
                title="Schemas",
                description="The JSON Schemas of manifests, steps and registries.",
                kind="schemas",
            ),
            {"schemas": _schemas()},
        ),
        (
            SitePage(
                path="libraries/",
                title="Libraries",
                description="All libraries are on one list.",
                kind="libraries",
                original="browse/",
            ),
            {},
        ),
        (
            SitePage(
                path="about/",
                title="About",
                description="What this catalogue is and what you can rely on.",
                kind="about",
            ),
            {
                "example": example,
                "has_publishers": publishers,
                "has_advisories": any(r.hits for r in overview.records),
                "commit": snapshot.commit,
                "committed_at": _date_of(snapshot, overview, log),
            },
        ),
    ]
    for page, values in plain:
        body = theme.fragment(f"{page.kind}.html", theme.root_of(page), values)
        files[f"{page.path}index.html"] = theme.page(page, body)
    missing = SitePage(path="", title="Not found", description="No such page.", kind="missing")
    body = theme.fragment("missing.html", theme.root_of(missing), {})
    files["404.html"] = theme.page(missing, body)
    files["index.html"] = _home(theme, overview, snapshot)
    return files


def _home(theme: Theme, overview: Overview, snapshot: Snapshot) -> bytes:
    page = SitePage(
        path="",
        title=f"{theme.facts.title}: {_WHAT.lower()}",
        description=theme.facts.description or _LEAD,
        kind="home",
        data=site_data(theme.facts, theme.base_url),
    )
    root = theme.root_of(page)
    records = overview.featured(snapshot.facts.policy.featured)
    featured = fill_card(joined_cards(records), root)
    groups = overview.categories
    values: dict[str, Any] = {
        "figures": [
            _figure(len(overview.records), "library", "libraries"),
            _figure(overview.step_count, "step", "steps"),
            _figure(overview.release_count, "release", "releases"),
            _figure(len(groups), "category", "categories"),
        ],
        "lead": theme.facts.description or _LEAD,
        "featured_by": _CHOSEN if snapshot.facts.policy.featured else FEATURED_RULE,
        "shown_steps": [(r.steps[0], r) for r in records if r.steps][:_SHOWN_STEPS],
        "featured": Markup(featured.decode()),  # noqa: S704 - cards are rendered HTML
        "categories": [(g.slug, g.title, len(g.records)) for g in groups[:_TOPICS]],
        "recent": overview.recently_released(_RECENT),
        "hue_of": hue_of,
        "initials_of": initials_of,
    }
    return theme.page(page, theme.fragment("home.html", root, values))


def _figure(number: int, one: str, more: str) -> tuple[str, str]:
    return f"{number:,}", one if number == 1 else more


def _date_of(snapshot: Snapshot, overview: Overview, log: Sequence[LogEntry]) -> str:
    """The date of the commit; nothing where it is older than what came here before.

    An import gives its commits the dates of the releases that it brings.
    """
    dates = [*(record.date for record in overview.records), *(entry.here for entry in log[:1])]
    latest = max((date[:_DATE_LENGTH] for date in dates), default="")
    return "" if latest > snapshot.committed_at[:_DATE_LENGTH] else snapshot.committed_at


def _schemas() -> list[tuple[str, str, str]]:
    return [
        (
            f"{kind.value}.schema.json",
            str(schema_of(kind).get("title", kind.value)),
            str(schema_of(kind).get("description", "")),
        )
        for kind in Format
    ]
