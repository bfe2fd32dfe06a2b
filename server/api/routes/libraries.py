"""``/api/v1/libraries``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from server.api.contract.library_schemas import LibraryDetail, LibrarySummary
from server.api.contract.replies import Reply, ServerParts, errors, page_of, paged
from server.api.contract.scopes import Access, Requires

router = APIRouter(
    prefix="/api/v1", tags=["libraries"], dependencies=[Depends(Requires(Access.READ))]
)


@router.get("/libraries", response_model=list[LibrarySummary], responses=errors(422))
async def list_libraries(
    request: Request,
    parts: ServerParts,
    enabled_only: Annotated[
        bool, Query(description="Leave out what is disabled or cannot be served.")
    ] = False,
    limit: Annotated[int | None, Query(ge=1, description="Entries of a page.")] = None,
    cursor: Annotated[str | None, Query(description="From the `Link` header of a page.")] = None,
) -> Reply:
    """Every library, also those that are disabled or broken; ``core`` first, then by name.

    Without `limit` and `cursor` all of them come at once.
    """
    page = page_of(limit, cursor, parts.settings.list_limit)
    answer = parts.lookups.libraries(enabled_only=enabled_only, page=page)
    served = parts.lookups.served()
    chosen = served.lists.usable_libraries if enabled_only else served.lists.libraries
    total = sum(len(piece.members) for piece in chosen.pieces) if page else 0
    return paged(request, answer, page, total)


@router.get("/libraries/{library}", response_model=LibraryDetail, responses=errors(404))
async def get_library(
    parts: ServerParts,
    library: Annotated[
        str, Path(description="Name or integer id.", examples=["file-operations-basic"])
    ],
) -> Reply:
    """One library: its summary, its manifest, its releases and the steps of the active one."""
    return Reply(parts.lookups.library(library))
