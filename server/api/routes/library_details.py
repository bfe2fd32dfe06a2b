"""Parts of one library: its versions, its documents, who needs it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query

from builder.diff.as_text import comparison_data
from builder.diff.which_releases import Chooser
from registry.formats.model import InstanceFacts
from registry.names import LibraryName
from registry.snapshots.registry import Snapshot
from registry.upstreams.offers import OfferStatus
from registry.versions import Version
from server.api.contract.library_keys import LibraryKey, library_name, version_of
from server.api.contract.replies import Reply, ServerParts, errors
from server.api.contract.schemas import Comparison, Dependents, Documents, Versions
from server.api.contract.scopes import Access, Requires
from server.asgi.answer import json_answer
from server.changes.planning_process import get_offer
from server.errors import AnswerError
from server.parts import Parts
from server.readmodel.lookup_errors import no_library, nothing_active

router = APIRouter(
    prefix="/api/v1", tags=["libraries"], dependencies=[Depends(Requires(Access.READ))]
)


@router.get("/libraries/{library}/versions", response_model=Versions, responses=errors(404, 422))
async def list_versions(parts: ServerParts, library: LibraryKey) -> Reply:
    """Every version that is known: released, removed, a candidate, or not trusted and why.

    The `state` of a removed one is `withdrawn`: its files went, by an uninstall or by `removed`.
    A release that was yanked is `released` still, and `yanked` says why.
    """
    found = parts.lookups.served().library(library)
    if found is None:
        raise no_library(library)
    detail = msgspec.json.decode(found.detail_bytes())
    name = LibraryName(found.name)
    instance = InstanceFacts()
    snapshot = parts.follower.snapshot
    if snapshot is not None:
        instance = await parts.changes.read(lambda _: snapshot.library(name).instance)
    update, problem = await _update(parts, name) if instance.upstream else (None, "")
    content = {
        "library": name,
        "active": found.version or None,
        "pinned": instance.active,
        "upstream": instance.upstream,
        "update": update,
        "update_problem": problem,
        "versions": detail["versions"],
    }
    return Reply(json_answer(content, cached=True))


async def _update(parts: Parts, name: LibraryName) -> tuple[str | None, str]:
    """The version that there is an update to, or why there is none that can be told."""
    try:
        offer = await parts.changes.planner.ask(get_offer, name)
    except AnswerError as error:
        return None, error.message
    if offer is None:
        return None, ""
    is_update = offer.status is OfferStatus.UPDATE
    return str(offer.version) if is_update else None, offer.why


@router.get(
    "/libraries/{library}/dependents", response_model=Dependents, responses=errors(404, 409)
)
async def list_dependents(parts: ServerParts, library: LibraryKey) -> Reply:
    """The libraries whose active release needs this one: they stand in the way of removing it."""
    name = library_name(parts, library)
    found = await parts.changes.read(lambda installer: installer.dependents(name))
    content = {
        "library": name,
        "dependents": [{**asdict(one), "version": str(one.version)} for one in found],
    }
    return Reply(json_answer(content, cached=True))


@router.get("/libraries/{library}/diff", response_model=Comparison, responses=errors(404, 422))
async def compare_releases(
    parts: ServerParts,
    library: LibraryKey,
    old: Annotated[
        str | None, Query(description="The greatest stable one below the other when left out.")
    ] = None,
    new: Annotated[str | None, Query(description="The last release when left out.")] = None,
) -> Reply:
    """The changes for callers between two releases, as `opsteps diff --json` lists them."""
    name = library_name(parts, library)
    before = version_of(old) if old is not None else None
    after = version_of(new) if new is not None else None
    snapshot = parts.follower.snapshot
    if snapshot is None:
        raise AnswerError(503, "releases cannot be read yet; ask again in a second")
    chooser = Chooser(parts.registry, snapshot)
    found = await parts.changes.read(lambda _: chooser.named(name, before, after))
    return Reply(json_answer(comparison_data(found), cached=True))


@router.get("/libraries/{library}/docs", response_model=Documents, responses=errors(404, 422))
async def get_documents(
    parts: ServerParts,
    library: LibraryKey,
    version: Annotated[
        str | None, Query(description="A release; the active one when left out.")
    ] = None,
) -> Reply:
    """The README and the changelog of a release, as Markdown: a stranger's text, never HTML."""
    found = parts.lookups.served().library(library)
    wanted = version or (found.version if found is not None else "")
    snapshot = parts.follower.snapshot
    if found is None:
        raise no_library(library)
    if not wanted:
        raise nothing_active(found, f"/api/v1/libraries/{found.name}/docs?version=")
    if snapshot is None:
        raise AnswerError(503, "releases cannot be read yet; ask again in a second")
    name, number = LibraryName(found.name), version_of(wanted)
    texts = await parts.changes.read(lambda _: _documents(snapshot, name, number))
    return Reply(json_answer({"library": name, "version": str(number), **texts}, cached=True))


def _documents(snapshot: Snapshot, name: LibraryName, version: Version) -> dict[str, str]:
    files = snapshot.files(name, version, "docs/")
    return {
        key: files.get(f"docs/{file}", b"").decode(errors="replace")
        for key, file in (("readme", "README.md"), ("changelog", "CHANGELOG.md"))
    }
