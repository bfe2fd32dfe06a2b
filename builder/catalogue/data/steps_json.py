"""``/api/v1/steps.json`` and ``/api/v1/libraries.json``, from what changed and the files before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.catalogue.output.site_state import SiteState, StepBodies
from builder.catalogue.views.overview import Overview
from registry.library import wire

STEPS = "api/v1/steps.json"
LIBRARIES = "api/v1/libraries.json"
_HEAD = len(b'{"steps":[')


@dataclass(frozen=True, kw_only=True, slots=True)
class StepLists:
    """The two files, and where each library's steps are in the first."""

    files: dict[str, bytes]
    bodies: dict[str, StepBodies]


def make_lists(
    overview: Overview,
    rendered: Mapping[str, tuple[bytes, ...]],
    live: Path | None,
    state: SiteState | None,
) -> StepLists:
    """Put the lists together; steps of libraries that were not rendered come from the live tree."""
    before = (live / STEPS).read_bytes() if live and state else b""
    bodies: list[bytes] = []
    places: dict[str, StepBodies] = {}
    position = _HEAD
    for record in overview.by_name:
        own = rendered.get(record.name)
        if own is None:
            own = _cut(before, state, record.name)
        lengths = tuple(map(len, own))
        places[record.name] = StepBodies(start=position, lengths=lengths)
        position += sum(lengths) + len(lengths)
        bodies += own
    steps = wire.step_list_bytes(
        bodies,
        (category for record in overview.records for category in record.step_categories),
        (record.name for record in overview.records if record.steps),
    )
    libraries = wire.library_list_bytes([record.summary for record in overview.by_name])
    return StepLists(files={STEPS: steps, LIBRARIES: libraries}, bodies=places)


def _cut(before: bytes, state: SiteState | None, name: str) -> tuple[bytes, ...]:
    place = state.bodies[name] if state else StepBodies(start=0, lengths=())
    pieces: list[bytes] = []
    position = place.start
    for length in place.lengths:
        pieces.append(before[position : position + length])
        position += length + 1
    return tuple(pieces)
