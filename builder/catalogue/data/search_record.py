"""The facts about a library that the search in the browser knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from builder.search.browser.pagefind import SearchRecord
from registry.formats.model import Step
from registry.library.release_state import Library

_SEARCHED_STEPS = 60


def search_record(library: Library, shared: Mapping[str, Any]) -> SearchRecord:
    """The record of a library; ``shared`` is what all its pages show."""
    steps = library.content.steps if library.content else ()
    manifest = shared["manifest"]
    words = list(manifest.tags) if manifest else []
    for step in steps:
        words += [*step.parameters, *step.tags]
    return SearchRecord(
        page=f"libraries/{library.name}/index.html",
        title=shared["title"],
        name=library.name,
        summary=shared["summary"],
        steps=tuple(f"{step.display_name} {step.name}" for step in steps),
        words=tuple(dict.fromkeys(words)),
        categories=tuple(category for _, category in shared["categories"]),
        platforms=tuple(title for _, title in shared["platforms"]),
        premium=manifest.is_premium if manifest else False,
        meta={
            "name": library.name,
            "summary": shared["summary"],
            "version": shared["version"],
            "hue": str(shared["hue"]),
            "initials": shared["initials"],
            "steps": _step_titles(steps),
            "count": str(len(steps)),
            "premium": "yes" if manifest and manifest.is_premium else "",
        },
    )


def _step_titles(steps: Sequence[Step]) -> str:
    """Names and titles for the links below a search result, as JSON."""
    pairs = [[step.name, " ".join(step.display_name.split())] for step in steps[:_SEARCHED_STEPS]]
    return orjson.dumps(pairs).decode()
