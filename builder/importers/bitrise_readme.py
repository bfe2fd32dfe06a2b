"""The README of an imported step: everything that its author wrote, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from builder.importers.strangers_links import with_live_links
from builder.importers.strangers_text import clean, linked_address, plain_line

_FACTS = {
    "run_if": "Bitrise runs it only if",
    "is_always_run": "Bitrise runs it even when an earlier step failed",
    "is_skippable": "When it fails, Bitrise goes on",
    "is_requires_admin_user": "Bitrise runs it as administrator",
    "deps": "It needs these packages",
    "dependencies": "It needs these packages",
}
_LINKS = (
    ("Website", "website"), ("Source code", "source_code_url"), ("Support", "support_url"),
)  # fmt: skip


def readme(raw: Mapping[str, Any], step: Mapping[str, Any], source_id: str) -> str:
    """Markdown: title, summary, description, links, facts of Bitrise, origin."""
    parts = [f"# {step['display_name']}"]
    for key in ("summary", "description"):
        text = with_live_links(clean(raw[key])) if isinstance(raw.get(key), str) else ""
        if text and text not in parts:
            parts.append(text)
    links = list(_links(raw))
    if links:
        parts.append("## Links\n\n" + "\n".join(links))
    facts = [*_facts(raw), *_origin(raw, source_id)]
    parts.append("## In Bitrise\n\n" + "\n".join(facts))
    return clean("\n\n".join(parts)) + "\n"


def _links(raw: Mapping[str, Any]) -> Iterator[str]:
    for label, key in _LINKS:
        text = raw.get(key)
        if not isinstance(text, str) or not text.strip():
            continue
        address = linked_address(text)
        yield f"- {label}: <{address}>" if address else f"- {label}: {plain_line(text, 500)}"


def _facts(raw: Mapping[str, Any]) -> Iterator[str]:
    for key, label in _FACTS.items():
        value = raw.get(key)
        if key.startswith("is_"):
            if str(value).strip().lower() in {"true", "yes", "on"}:
                yield f"- {label}."
        elif value:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"- {label}: `{plain_line(text, 500).replace('`', chr(39))}`"


def _origin(raw: Mapping[str, Any], source_id: str) -> Iterator[str]:
    source = raw.get("source")
    places = source if isinstance(source, dict) else {}
    git, commit = places.get("git"), places.get("commit")
    if isinstance(git, str) and isinstance(commit, str):
        yield f"- Released from `{plain_line(git, 300)}` at `{plain_line(commit, 64)}`."
    yield (
        f"- Imported from the step `{plain_line(source_id, 100)}` of the Bitrise StepLib: "
        "the description only, there is no executor."
    )
