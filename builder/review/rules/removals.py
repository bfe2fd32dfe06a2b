"""Entries about removed versions are written by `opsteps uninstall`, never in a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from builder.content_rules.rule_problems import error
from builder.review.evidence.model import ReviewedLibrary
from registry.problems import Problem


def removed_problems(change: ReviewedLibrary) -> Iterator[Problem]:
    """Entries that the change adds or alters, or takes away while the release is not back."""
    if not (change.after.has_facts and change.after.readable):
        return
    before, now, after = (s.facts.removed for s in (change.before, change.now, change.after))
    back = {str(version) for version in change.after.versions()} - after.keys()
    for text in sorted((before.keys() | after.keys()) - back):
        if after.get(text) not in (before.get(text), now.get(text)):
            yield error(
                "removal-by-hand",
                f"{change.path}/library.yaml",
                f"what is said about the removal of {text} was changed",
                "put it back; 'opsteps uninstall' writes it, and installing the release ends it",
                pointer=f"/removed/{text}" if text in after else "/removed",
            )
