"""The spellings of a path: the frontend's prefix, a gateway that strips it, and ``.json``."""

from __future__ import annotations

from collections.abc import Mapping

from server.errors import AnswerError
from server.settings import Settings

API = "/api/v1/"
STEPS = "/api/v1/steps/"
LIBRARIES = "/api/v1/libraries/"
_LIBRARY = LIBRARIES.count("/")
_INSTALL = "/api/v1/libraries/install"
READS = frozenset({"GET", "HEAD"})
_FRONTEND = "/api/v1/step-libraries"
_SHORT = (
    "/libraries",
    "/steps",
    "/search",
    "/analytics",
    "/performance",
    "/cache",
    "/audit",
    "/events",
)
_JSON = ".json"
QUESTIONS = frozenset({"/api/v1/resolve"})
"""Asked with POST, and change nothing: whoever may read may ask, with an Idempotency-Key or not."""
_OWN = frozenset({"/health", "/metrics", "/openapi.json", "/libraries"})


def canonical_path(path: str) -> str:
    """The one spelling under which a route is known."""
    if path.startswith(_FRONTEND) and path[len(_FRONTEND) : len(_FRONTEND) + 1] in {"", "/"}:
        path = path[len(_FRONTEND) :] or "/libraries"
        if path.startswith(_SHORT):
            path = f"/api/v1{path}"
    if path == "/libraries":  # what is left of the frontend's call behind a gateway
        return "/api/v1/libraries"
    if path.endswith(_JSON) and path.startswith(("/api/v1/steps", "/api/v1/libraries")):
        path = path.removesuffix(_JSON)
    if path.startswith(API) and path.endswith("/"):
        path = path.rstrip("/")
    return path


def is_api(path: str) -> bool:
    """True if a canonical path is answered by the API and not by the catalogue."""
    return path in _OWN or path == API.rstrip("/") or path.startswith("/api/")


def is_library(path: str) -> bool:
    """True if a canonical path is that of one library, and of nothing below it."""
    return path.startswith(LIBRARIES) and path.count("/") == _LIBRARY


def check_lengths(path: str, query: bytes, settings: Settings) -> None:
    """Raise AnswerError (414) for a path or query that is longer than the settings allow."""
    if len(path.encode(errors="surrogatepass")) > settings.path_bytes:
        raise AnswerError(414, f"the path is longer than {settings.path_bytes} bytes")
    if len(query) > settings.query_bytes:
        raise AnswerError(414, f"the query is longer than {settings.query_bytes} bytes")


def is_upload(path: str, fields: Mapping[bytes, bytes]) -> bool:
    """True if the body is a form with a file, which has limits of its own."""
    kind = fields.get(b"content-type", b"").strip().lower()
    return path == _INSTALL and kind.startswith(b"multipart/")
