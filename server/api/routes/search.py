"""``/api/v1/search``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from builder.search.query import SearchQuery, Sort
from server.api.contract.replies import (
    Reply,
    ServerParts,
    errors,
    make_cursor,
    read_cursor,
)
from server.api.contract.schemas import SearchAnswer
from server.api.contract.scopes import Access, Requires
from server.asgi.answer import json_answer
from server.errors import AnswerError

router = APIRouter(prefix="/api/v1", tags=["search"], dependencies=[Depends(Requires(Access.READ))])


_ANY = "repeat it for any of several"
# An address has its limit, too.
Values = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=10)]


@router.get("/search", response_model=SearchAnswer, responses=errors(422))
async def search(  # noqa: PLR0913, PLR0917 - one for each parameter of the query
    parts: ServerParts,
    q: Annotated[str, Query(description="What to look for; the last word may be unfinished.")] = "",
    kind: Annotated[
        Literal["library", "step"] | None,
        Query(description="`step` finds steps; otherwise there is one hit for each library."),
    ] = None,
    category: Annotated[Values | None, Query(description=f"A category; {_ANY}.")] = None,
    platform: Annotated[
        Values | None, Query(description=f"`windows`, `linux` or `macos`; {_ANY}.")
    ] = None,
    license: Annotated[Values | None, Query(description=f"A licence; {_ANY}.")] = None,  # noqa: A002 - its name on the wire
    author: Annotated[Values | None, Query(description=f"An author; {_ANY}.")] = None,
    premium: Annotated[bool | None, Query()] = None,
    deprecated: Annotated[bool | None, Query()] = None,
    executor: Annotated[bool | None, Query(description="With an executor, or without.")] = None,
    library: Annotated[str | None, Query(max_length=200)] = None,
    sort: Annotated[Sort, Query()] = Sort.RELEVANCE,
    limit: Annotated[int, Query(ge=1, description="Hits of a page.")] = 20,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Reply:
    """Libraries by relevance, each with its best steps, or steps; with counts for each facet."""
    settings = parts.settings
    if len(q) > settings.search_text_chars:
        raise AnswerError(422, f"q: at most {settings.search_text_chars} characters are searched")
    if limit > settings.search_limit:
        raise AnswerError(422, f"limit: at most {settings.search_limit} hits come at once")
    start = read_cursor(cursor)
    if start > settings.search_offset:
        raise AnswerError(422, f"cursor: a search reaches {settings.search_offset} hits far")
    query = SearchQuery(
        text=q,
        kind=kind,
        category=_given(category),
        platform=_given(platform),
        license=_given(license),
        author=_given(author),
        premium=premium,
        deprecated=deprecated,
        executor=executor,
        library=library or None,
        sort=sort,
        limit=limit,
        offset=start,
    )
    found = await parts.search.search(query)
    following = start + limit
    more = following < min(found.total, settings.search_offset)
    content = {
        "hits": [asdict(hit) for hit in found.hits],
        "total": found.total,
        "facets": found.facets,
        "did_you_mean": found.did_you_mean,
        "suggestions": found.suggestions,
        "is_complete": found.is_complete,
        "took_ms": round(found.took_ms, 3),
        "next_cursor": make_cursor(following) if more else None,
    }
    return Reply(json_answer(content))


def _given(values: list[str] | None) -> tuple[str, ...]:
    """The values of a filter, without empty ones."""
    return tuple(value for value in values or () if value)
