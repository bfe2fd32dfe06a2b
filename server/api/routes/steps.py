"""``/api/v1/steps``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from server.api.contract.library_schemas import StepList, WireStep
from server.api.contract.replies import PLATFORM, Reply, ServerParts, errors, page_of, paged
from server.api.contract.scopes import Access, Requires
from server.front.lookups import StepFilter

router = APIRouter(prefix="/api/v1", tags=["steps"], dependencies=[Depends(Requires(Access.READ))])


@router.get("/steps", response_model=StepList, responses=errors(422))
async def list_steps(
    request: Request,
    parts: ServerParts,
    category: Annotated[str | None, Query(max_length=200, examples=["file"])] = None,
    library: Annotated[str | None, Query(max_length=200, description="Name or integer id.")] = None,
    platform: Annotated[str | None, PLATFORM] = None,
    limit: Annotated[int | None, Query(ge=1, description="Steps of a page.")] = None,
    cursor: Annotated[str | None, Query(description="From the `Link` header of a page.")] = None,
) -> Reply:
    """The steps of the active releases of all enabled libraries, narrowed by what is given.

    A category, library or platform that there is none of gives an empty list. `categories` and
    `libraries` are those of the steps found.
    """
    wanted = StepFilter(
        category=category or None, library=library or None, platform=platform or None
    )
    page = page_of(limit, cursor, parts.settings.list_limit)
    answer, total = await parts.lookups.steps(wanted, page)
    return paged(request, answer, page, total)


@router.get("/steps/{step}", response_model=WireStep, responses=errors(404))
async def get_step(
    parts: ServerParts,
    step: Annotated[
        str,
        Path(
            description="`<library>.<step>`, or `<library>.<step>@<version>` for a release.",
            examples=["file-operations-basic.file.copy", "file-operations-basic.file.copy@1.0.0"],
        ),
    ],
) -> Reply:
    """One step, of the active release or of the release that is named.

    A yanked release is answered when it is named; a disabled library's steps are not answered.
    """
    return Reply(await parts.lookups.step(step))
