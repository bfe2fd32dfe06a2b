"""A survey of a registry as tables for people and as plain data for JSON."""

from __future__ import annotations

from typing import Any

from builder.diff.as_markdown import table
from builder.diff.model import Bump
from builder.diff.survey import Survey, Upgrade

_SAID = (Bump.PATCH, Bump.MINOR, Bump.MAJOR)


def summary(survey: Survey) -> str:
    """Say what was looked at and what was found, in sentences."""
    compared, broke = len(survey.upgrades), len(survey.broke_silently)
    libraries = len({upgrade.library for upgrade in survey.broke_silently})
    share = f" ({broke / compared:.1%})" if compared else ""
    unread = f" {survey.unread} cannot be read." if survey.unread else ""
    return (
        f"{survey.releases} releases of {survey.libraries} libraries;"
        f" {compared} have a stable release before them.{unread}\n"
        f"{broke} of these{share}, in {libraries} libraries, broke callers with a version"
        " that does not say so."
    )


def demands_rows(survey: Survey) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Head and rows: what a release demanded, by what its version said."""
    counts = survey.counts()
    head = ("what changed demands", *(f"version said {said.word}" for said in _SAID), "releases")
    rows: list[tuple[object, ...]] = []
    for demanded in sorted(Bump, reverse=True):
        numbers = [counts.get((demanded, said), 0) for said in _SAID]
        rows.append((demanded.word, *numbers, sum(numbers)))
    return head, rows


def breaks_rows(survey: Survey) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Head and rows: the kinds of break."""
    head = ("kind of break", "releases", "of them without saying so", "in libraries")
    return head, [(row[0].value, *row[1:]) for row in survey.breaks()]


def survey_markdown(survey: Survey) -> str:
    """The sentences and both tables."""
    parts = [summary(survey), table(*demands_rows(survey)), table(*breaks_rows(survey))]
    return "\n\n".join(parts) + "\n"


def survey_data(survey: Survey) -> dict[str, Any]:
    """The survey as plain data, with every release whose version says too little."""
    return {
        "libraries": survey.libraries,
        "releases": survey.releases,
        "unread": survey.unread,
        "first": survey.first,
        "compared": len(survey.upgrades),
        "broke_silently": len(survey.broke_silently),
        "demanded_and_said": [
            {"demanded": demanded.word, "said": said.word, "releases": number}
            for (demanded, said), number in sorted(survey.counts().items(), reverse=True)
        ],
        "breaks": [
            {"kind": kind.value, "releases": having, "silent": silent, "libraries": libraries}
            for kind, having, silent, libraries in survey.breaks()
        ],
        "too_low": [_upgrade_data(upgrade) for upgrade in survey.upgrades if not upgrade.ok],
    }


def _upgrade_data(upgrade: Upgrade) -> dict[str, Any]:
    return {
        "library": upgrade.library,
        "old": str(upgrade.old),
        "new": str(upgrade.new),
        "demanded": upgrade.demanded.word,
        "least": str(upgrade.least),
        "kinds": sorted(upgrade.kinds),
    }
