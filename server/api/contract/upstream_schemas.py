"""Questions and answers about upstreams: updates, resolutions, what there is to install."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from registry.library.release_state import LibraryStatus
from server.api.contract.wire_model import Wire


class UpdateRequest(Wire):
    """The aim of an update; without either, the last version that fits."""

    version: str | None = Field(default=None, examples=["1.2.0"])
    range: str | None = Field(default=None, examples=["<2"])
    license_key: str | None = Field(
        default=None, repr=False, description="For a version that is premium."
    )


class Updated(Wire):
    """``POST /api/v1/libraries/{library}/update``."""

    library_id: int
    name: str
    version: str | None = Field(description="What callers without a version get now.")
    was: str | None = Field(description="What they got before.")
    status: LibraryStatus
    changed: bool
    reason: str | None = Field(description="Why nothing changed; null where something did.")
    commit: str
    also: list[str] = Field(description="Libraries that changed along with it.")


class ResolveRequest(Wire):
    """Requirements that shall hold together."""

    requirements: list[str] = Field(
        min_length=1, max_length=100, examples=[["file-operations-basic>=1.2"]]
    )
    update: bool = Field(
        default=False, description="Take the last versions of these, not those that are there."
    )


class FetchedUpstream(Wire):
    """The age of an answer that follows from what was fetched of an upstream."""

    alias: str
    fetched_at: str | None = Field(description="RFC 3339, UTC; null: never.")
    problem: str = Field(description="Why the last fetch failed; else empty.")


class ResolvedLibrary(Wire):
    """One library of a resolution."""

    name: str
    version: str
    was: str | None = Field(description="The version that callers get now; null for none.")
    upstream: str | None = Field(description="Where it comes from; null for this registry itself.")
    digest: str
    is_installed: bool = Field(description="The release is here already.")


class Resolution(Wire):
    """The releases that would be active if the requirements were installed; nothing was."""

    libraries: list[ResolvedLibrary]
    upstreams: list[FetchedUpstream]


class UpstreamState(Wire):
    """Another registry that libraries are installed from."""

    alias: str
    url: str
    prefixes: list[str]
    trusted: str | None
    head: str | None
    fetched_at: str | None = Field(description="RFC 3339, UTC.")
    problem: str = Field(description="Why the last fetch failed; else empty.")


class UpstreamList(Wire):
    """All upstreams, in the order in which they are asked."""

    upstreams: list[UpstreamState]


class AvailableLibrary(Wire):
    """A library of an upstream beside what is installed."""

    name: str
    upstream: str
    version: str
    installed: str | None
    status: Literal["available", "update available", "installed", "incompatible", "elsewhere"]
    why: str
    display_name: str
    description: str


class Available(Wire):
    """A page of what upstreams offer."""

    libraries: list[AvailableLibrary]
    total: int
    next_cursor: str | None
    upstreams: list[FetchedUpstream]
