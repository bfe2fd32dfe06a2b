"""Upstreams: what they offer, what would be installed, and updates."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from registry.errors import InvalidNameError
from registry.names import LibraryName, library_id
from registry.upstreams.declaration import Upstream
from registry.upstreams.fetched import FetchState
from registry.upstreams.offers import OfferStatus
from registry.upstreams.planning import wish_of as parse_wish
from server.advice import for_http
from server.api.contract.library_keys import LibraryKey, library_name
from server.api.contract.replies import Reply, ServerParts, errors, make_cursor, read_cursor
from server.api.contract.scopes import Access, Requires
from server.api.contract.upstream_schemas import (
    Available,
    Resolution,
    ResolveRequest,
    Updated,
    UpdateRequest,
    UpstreamList,
)
from server.api.contract.writers import Writer
from server.asgi.answer import Scope, json_answer
from server.changes.planning_process import (
    States,
    fetch_upstreams,
    list_offers,
    list_upstreams,
    make_plan,
    plan_fetched,
)
from server.changes.wishes import wish_of
from server.changes.write_process import CarryOut
from server.errors import AnswerError
from server.parts import Parts

router = APIRouter(
    prefix="/api/v1", tags=["upstreams"], dependencies=[Depends(Requires(Access.READ))]
)


@router.post(
    "/libraries/{library}/update",
    response_model=Updated,
    responses=errors(400, 402, 403, 404, 409, 413, 415, 422, 502, 507),
)
async def update_library(
    parts: ServerParts, by: Writer, library: LibraryKey, wanted: UpdateRequest | None = None
) -> Reply:
    """Update a library from its upstream, with what it needs: all or nothing.

    A failed update leaves everything as it was. What is pinned moves only to a version that is
    named.
    """
    asked = wanted or UpdateRequest()
    name = library_name(parts, library)
    wish = wish_of(name, asked.version, asked.range)
    plan, _ = await parts.changes.planner.fetch(partial(make_plan, (wish,), update=True))
    change = CarryOut(plan=plan, operation="update", license_key=asked.license_key)
    done = await parts.changes.carry_out(change, by)
    first = done.first
    content = {
        "library_id": library_id(first.name),
        "name": first.name,
        "version": first.active,
        "was": first.was_active,
        "status": first.status,
        "changed": done.changed,
        "reason": None if done.changed else _why_unchanged(parts, name),
        "commit": done.commit,
        "also": done.also,
    }
    return Reply(json_answer(content))


def _why_unchanged(parts: Parts, name: LibraryName) -> str:
    """Say why an update changed nothing."""
    snapshot = parts.follower.snapshot
    upstream = snapshot.library(name).instance.upstream if snapshot is not None else None
    if upstream is None:
        return f"{name} is from no upstream: install its next version with an upload"
    return f"the upstream {upstream!r} has no later version that fits"


@router.post(
    "/resolve",
    response_model=Resolution,
    responses=errors(400, 404, 409, 413, 415, 422, 502),
)
async def resolve_requirements(
    parts: ServerParts, request: Request, wanted: ResolveRequest
) -> Reply:
    """Resolve these requirements, and show what would be active; nothing is installed.

    409 says in words who contradicts whom. Who may change libraries has upstreams asked that were
    not asked lately; everybody else is answered from what was fetched: `upstreams` says when.
    """
    try:
        wishes = tuple(map(parse_wish, wanted.requirements))
    except InvalidNameError as error:
        raise AnswerError(
            422, f"requirements: {error.message}. {for_http(error.next_step)}"
        ) from error
    planner = parts.changes.planner
    if parts.gate.may(cast("Scope", request.scope), "manage"):
        asked = planner.fetch(partial(make_plan, wishes, update=wanted.update))
    else:
        asked = planner.ask(partial(plan_fetched, wishes, update=wanted.update))
    plan, states = await asked
    found = [
        {
            "name": one.name,
            "version": str(one.version),
            "was": str(one.was) if one.was is not None else None,
            "upstream": one.upstream,
            "digest": one.digest,
            "is_installed": one.is_here,
        }
        for one in plan.libraries
    ]
    return Reply(json_answer({"libraries": found, "upstreams": _fetched(states)}))


@router.get("/upstreams", response_model=UpstreamList, responses=errors())
async def get_upstreams(parts: ServerParts) -> Reply:
    """The registries that libraries are installed from, and when each was fetched."""
    found = await parts.changes.planner.ask(list_upstreams)
    return Reply(json_answer({"upstreams": [_shown(*one) for one in found]}, cached=True))


@router.post("/upstreams/update", response_model=UpstreamList, responses=errors(403))
async def update_upstreams(parts: ServerParts, by: Writer) -> Reply:
    """Fetch what all upstreams have now; nothing is installed. Each says if it could not be had."""
    del by  # whoever may write
    found = await parts.changes.planner.fetch(fetch_upstreams, 0.0)
    return Reply(json_answer({"upstreams": [_shown(*one) for one in found]}))


@router.get("/available", response_model=Available, responses=errors(422))
async def get_available(
    parts: ServerParts,
    status: Annotated[OfferStatus | None, Query(description="Only those.")] = None,
    limit: Annotated[int, Query(ge=1, description="Entries of a page.")] = 100,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Reply:
    """The offers of upstreams beside what is installed, as they were when fetched."""
    if limit > parts.settings.list_limit:
        raise AnswerError(422, f"limit: at most {parts.settings.list_limit} entries come at once")
    start = read_cursor(cursor)
    asked = parts.changes.planner.ask(list_offers, status, start, limit)
    found, total, states = await asked
    rows = [
        {
            **asdict(one),
            "version": str(one.version),
            "installed": str(one.installed) if one.installed is not None else None,
        }
        for one in found
    ]
    following = make_cursor(start + limit) if start + limit < total else None
    content = {
        "libraries": rows,
        "total": total,
        "next_cursor": following,
        "upstreams": _fetched(states),
    }
    return Reply(json_answer(content, cached=True))


def _fetched(states: States) -> list[dict[str, Any]]:
    """Return the age of an answer that follows from what was fetched."""
    return [
        {"alias": one.alias, "fetched_at": state.fetched_at, "problem": state.problem}
        for one, state in states
    ]


def _shown(upstream: Upstream, state: FetchState) -> dict[str, Any]:
    return {
        "alias": upstream.alias,
        "url": upstream.address.url,
        "prefixes": list(upstream.prefixes),
        "trusted": upstream.trusted,
        "head": state.head,
        "fetched_at": state.fetched_at,
        "problem": state.problem,
    }
