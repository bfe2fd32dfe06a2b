"""``/api/v1/security-events``: what was refused, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from registry.formats.timestamps import format_seconds
from server.api.contract.replies import Reply, ServerParts, errors, make_cursor, read_cursor
from server.api.contract.schemas import SecurityEvents
from server.api.contract.scopes import Access, Requires
from server.asgi.answer import json_answer
from server.database.security_events import EventKind, list_events
from server.errors import AnswerError

router = APIRouter(
    prefix="/api/v1", tags=["events"], dependencies=[Depends(Requires(Access.ADMIN))]
)


@router.get("/security-events", response_model=SecurityEvents, responses=errors(403, 422))
async def get_security_events(
    parts: ServerParts,
    kind: Annotated[EventKind | None, Query(description="Only those.")] = None,
    limit: Annotated[int, Query(ge=1, description="Entries of a page.")] = 100,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Reply:
    """Failed logins and denied permissions, the newest first. Needs the scope `admin`.

    They changed nothing, so no commit tells of them: they are rows.
    """
    if limit > parts.settings.list_limit:
        raise AnswerError(422, f"limit: at most {parts.settings.list_limit} entries come at once")
    before = read_cursor(cursor) if cursor is not None else None
    found = await parts.rows.run(list_events, parts.database, limit=limit, before=before, kind=kind)
    rows = [
        {
            "id": one.event_id,
            "time": format_seconds(int(one.at.timestamp())),
            "kind": one.kind.value,
            "actor": one.actor,
            "client": one.client,
            "request_id": one.request_id,
            "detail": one.detail,
        }
        for one in found
    ]
    following = make_cursor(found[-1].event_id) if len(found) == limit else None
    return Reply(json_answer({"events": rows, "next_cursor": following}))
