"""The built-in library ``core``: definitions without executors, always there.

Its step names, types and ports are those that OpsConductor's frontend draws.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from registry.formats.model import InstanceFacts, LibraryFacts, Manifest, ReleaseContent, Step
from registry.library.digest import release_digest
from registry.library.release_state import Library, ReleaseRecord, ReleaseState
from registry.names import CORE, library_id
from registry.versions import parse_version

# The day on which these definitions took their present form.
_DATE = "2026-11-23T00:00:00Z"


@cache
def core_library() -> Library:
    """The library ``core``, version 1.0.0."""
    raw = resources.files(__package__).joinpath("core.json").read_bytes()
    content = msgspec.json.decode(raw, type=_CoreFile)
    record = ReleaseRecord(
        version=parse_version(content.manifest.version),
        state=ReleaseState.RELEASED,
        tree=None,
        digest=release_digest({"core.json": raw}),
        date=_DATE,
    )
    return Library(
        name=CORE,
        library_id=library_id(CORE),
        facts=LibraryFacts(),
        instance=InstanceFacts(),
        releases=(record,),
        active=record,
        content=ReleaseContent(manifest=content.manifest, steps=content.steps),
    )


class _CoreFile(msgspec.Struct, frozen=True):
    """The layout of ``core.json``: a manifest and its steps in one file."""

    manifest: Manifest
    steps: tuple[Step, ...]
