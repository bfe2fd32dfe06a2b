"""The name under which a request is counted: few of them, whatever is asked for."""

from __future__ import annotations

from server.asgi.url_paths import LIBRARIES, STEPS, is_api

ONE_STEP = "/api/v1/steps/{id}"
ONE_LIBRARY = "/api/v1/libraries/{id}"
ALL_STEPS = "/api/v1/steps"
ALL_LIBRARIES = "/api/v1/libraries"
HEALTH = "/health"
REFUSED = "refused"
OTHER = "other"
CATALOGUE = "catalogue"
_COUNTED = frozenset(
    {
        HEALTH,
        "/metrics",
        "/openapi.json",
        ALL_STEPS,
        ALL_LIBRARIES,
        "/api/v1/audit",
        "/api/v1/available",
        "/api/v1/events",
        "/api/v1/resolve",
        "/api/v1/security-events",
        "/api/v1/upstreams",
        "/api/v1/search",
        "/api/v1/analytics/usage",
        "/api/v1/performance",
        "/api/v1/cache/clear",
    }
)


def route_name(path: str) -> str:
    """The name of a canonical path's route."""
    if path.startswith(STEPS):
        return ONE_STEP
    if path.startswith(LIBRARIES):
        return ONE_LIBRARY
    if path in _COUNTED:
        return path
    return OTHER if is_api(path) else CATALOGUE
