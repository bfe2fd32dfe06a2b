"""``/api/v1/events`` and ``/api/v1/audit``: what happens, and what happened."""

from __future__ import annotations

import base64
import re
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.types import Receive, Scope, Send

from registry.errors import InvalidNameError
from registry.history.audit_trail import AuditEntry, read_part
from registry.installing.installer import Installer
from registry.names import CommitId, parse_library_name
from server.api.contract.replies import Reply, ServerParts, errors
from server.api.contract.schemas import Audit
from server.api.contract.scopes import Access, Requires
from server.asgi.answer import json_answer
from server.errors import AnswerError

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Depends(Requires(Access.READ))])
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_CURSOR = re.compile(r"([0-9a-f]{40}):([0-9]{1,9})\Z")


def _written_out(value: object) -> object:
    """A moment as RFC 3339 has it: a bare number would be taken for seconds since 1970."""
    if isinstance(value, str) and not _DATE.match(value):
        raise PydanticCustomError("moment", "give a time such as 2026-01-31T12:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_written_out)]


class _EventStream(StreamingResponse):
    """Takes its place when it is sent, so that asking for one and taking it are one step."""

    media_type = "text/event-stream"
    place: AbstractContextManager[None] = nullcontext()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.place:
            await super().__call__(scope, receive, send)


@router.get("/events", response_class=_EventStream, responses=errors(422))
async def get_events(
    request: Request,
    parts: ServerParts,
    last_event_id: Annotated[
        str | None, Header(description="The id of the last event heard, to resume after it.")
    ] = None,
    after: Annotated[
        str | None, Query(description="The same, for clients that can set no header.")
    ] = None,
) -> StreamingResponse:
    """A stream of what happens, as server-sent events.

    `installed`, `updated`, `toggled`, `uninstalled`, `removed` (versions of a library), `pinned`,
    `unpinned`, `rolled-back`, `withdrawn` and `changed` name the commit, who did it and the
    libraries; `head` ends what one swap brought, and `health` tells a change of status. The ids are
    commits: any server of the instance resumes after them. `reset` means that too much, or
    something else, happened since: read everything again.
    """
    last = last_event_id or after or ""
    if last and not _COMMIT.match(last):
        raise AnswerError(422, "Last-Event-ID: use the id of an event of this stream")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    stream = _EventStream(parts.events.stream(last), headers=headers)
    stream.place = parts.events.listening(parts.gate.trusted.counted_client(dict(request.scope)))
    return stream


@router.get("/audit", response_model=Audit, responses=errors(422))
async def get_audit(
    parts: ServerParts,
    library: Annotated[str | None, Query(description="Only what changed this library.")] = None,
    actor: Annotated[str | None, Query(max_length=200, description="Only what they did.")] = None,
    operation: Annotated[str | None, Query(max_length=200, examples=["install"])] = None,
    since: Annotated[Moment | None, Query(description="RFC 3339, with a time zone.")] = None,
    until: Annotated[Moment | None, Query(description="The same; both are included.")] = None,
    limit: Annotated[int, Query(ge=1, description="Entries of a page.")] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Reply:
    """The history of the registry: who changed what and when, the newest first.

    One question walks 2,000 commits at most (the setting `audit_commits`): a page may hold fewer
    entries than `limit`, or none, and still have a `next_cursor`, which goes on from there.
    Operation and actor are proven where `attested` is true, by the signature of the instance or of
    CI; elsewhere they are what the commit says.
    """
    if limit > parts.settings.list_limit:
        raise AnswerError(422, f"limit: at most {parts.settings.list_limit} entries come at once")
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise AnswerError(422, f"{name}: give a time zone, such as 2026-01-31T12:00:00Z")
        if moment is not None and not _is_a_time(moment):
            raise AnswerError(422, f"{name}: no time in UTC is that long ago or that far ahead")
    try:
        wanted = parse_library_name(library) if library is not None else None
    except InvalidNameError as error:
        raise AnswerError(422, f"library: {error}") from error
    head, start = _read_cursor(cursor, parts.lookups.served().commit)

    def read(installer: Installer) -> tuple[list[AuditEntry], int | None]:
        (began,) = installer.registry.repository.objects([head])
        if began is None or began.type != "commit":
            raise AnswerError(422, "cursor: there is no such commit here; begin again without it")
        return read_part(
            installer.registry,
            head,
            start,
            limit=limit,
            walk=parts.settings.audit_commits,
            library=wanted,
            actor=actor,
            operation=operation,
            since=since,
            until=until,
        )

    entries, end = await parts.changes.read(read)
    following = f"{head}:{end}" if end is not None else None
    content = {
        "entries": [_shown(entry) for entry in entries],
        "next_cursor": base64.urlsafe_b64encode(following.encode()).decode() if following else None,
    }
    return Reply(json_answer(content, cached=True))


def _is_a_time(moment: datetime) -> bool:
    """True if it is within the years 1 to 9999 in UTC as well."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _read_cursor(cursor: str | None, head: CommitId) -> tuple[CommitId, int]:
    """The head that the first page began at, and how many of its ancestors were walked."""
    if cursor is None:
        return head, 0
    try:
        match = _CURSOR.match(base64.urlsafe_b64decode(cursor).decode())
    except ValueError:
        match = None
    if match is None:
        raise AnswerError(422, "cursor: use next_cursor of this list")
    return CommitId(match[1]), int(match[2])


def _shown(entry: AuditEntry) -> dict[str, object]:
    return {
        "commit": entry.commit,
        "time": entry.time,
        "operation": entry.operation,
        "actor": entry.actor,
        "attested": entry.attested,
        "request_id": entry.request,
        "libraries": list(entry.libraries),
        "versions": {name: list(map(str, found)) for name, found in entry.versions.items()},
        "summary": entry.summary,
        "reason": entry.reason,
    }
