"""Health, figures, metrics, and the one write that the reading half has."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from registry.formats.timestamps import time_now
from server.api.contract.health_schemas import CacheCleared, Health, Performance, Usage
from server.api.contract.replies import Reply, ServerParts, errors
from server.api.contract.scopes import Access, Requires
from server.asgi.answer import NO_STORE, Answer, json_answer
from server.errors import AnswerError

router = APIRouter(tags=["operations"])
_METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"


_READ = [Depends(Requires(Access.READ))]


@router.get("/health", response_model=Health, dependencies=[Depends(Requires(Access.PUBLIC))])
async def get_health(parts: ServerParts) -> Reply:
    """The health of the server; answered without a token, and while the registry is loading."""
    return Reply(json_answer(parts.health.fields()))


@router.get("/api/v1/analytics/usage", response_model=Usage, responses=errors(), dependencies=_READ)
async def get_usage(parts: ServerParts) -> Reply:
    """Counts of what is served, and true figures of this process; nothing is estimated."""
    served = parts.lookups.served()
    content: dict[str, Any] = {
        "status": "success",
        "total_libraries": len(served.libraries),
        "enabled_libraries": sum(library.is_usable for library in served.libraries.values()),
        "total_steps": len(served.steps),
        "performance_stats": parts.health.performance(),
        "cache_stats": parts.health.caches(),
        "timestamp": time_now("milliseconds"),
    }
    return Reply(json_answer(content))


@router.get(
    "/api/v1/performance", response_model=Performance, responses=errors(), dependencies=_READ
)
async def get_performance(parts: ServerParts) -> Reply:
    """True figures of this process since its start."""
    content = {
        "stats": parts.health.performance(),
        "cache_size": sum(parts.health.caches().values()),
        "loaded_libraries": len(parts.lookups.served().libraries),
        "timestamp": time_now("milliseconds"),
    }
    return Reply(json_answer(content))


@router.post(
    "/api/v1/cache/clear",
    response_model=CacheCleared,
    responses=errors(403),
    dependencies=[Depends(Requires(Access.MANAGE))],
)
async def clear_cache(parts: ServerParts) -> Reply:
    """Forget everything in memory and build it from Git again; answers when that is done.

    Needs a token with the scope `manage`; without any token configured, a caller on this machine.
    """
    parts.lookups.clear()
    seconds = parts.settings.reload_seconds
    if not await parts.reloads.run(parts.follower.reload, seconds):
        raise AnswerError(503, f"building it again takes longer than {seconds:g} s; see /health")
    content = {
        "status": "success",
        "message": "everything was built again from Git",
        "commit": parts.lookups.served().commit,
        "timestamp": time_now("milliseconds"),
    }
    return Reply(json_answer(content))


class _MetricsText(Response):
    media_type = _METRICS_TYPE


@router.get("/metrics", response_class=_MetricsText, responses=errors(), dependencies=_READ)
async def get_metrics(parts: ServerParts) -> Reply:
    """Counters and latencies in the text format of Prometheus."""
    answer = Answer(
        pieces=(parts.metrics.export(),),
        content_type=_METRICS_TYPE.encode(),
        headers=(NO_STORE,),
    )
    return Reply(answer)
