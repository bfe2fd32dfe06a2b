"""The answer to ``/health`` while the keeper does not answer."""

from __future__ import annotations

from typing import Any

import registry
from registry.formats.timestamps import time_now
from server.asgi.answer import Answer, json_answer
from server.readmodel.reader import Reader
from server.settings import Settings

_PROBLEM = "the keeper does not answer: lookups go on from the read model, and nothing else does"
_NEXT_STEP = "Look at the server's log: the keeper is started again by itself."
# Placeholders for what only the keeper knows.
_UNKNOWN: dict[str, Any] = {
    "service": "opsconductor-steps",
    "dirty": False,
    "dirty_paths": [],
    "alarms": [],
    "alarm_count": 0,
    "next_steps": [_NEXT_STEP],
    "warnings": [],
    "search": "unavailable",
    "catalogue": {"status": "off", "commit": "", "built_at": None, "error": _PROBLEM},
    "remote": {"status": "off", "problem": _PROBLEM, "next_step": _NEXT_STEP, "fetched_at": None},
    "clone": {"complete": True, "problem": "", "next_step": ""},
    "writing": {
        "status": "failing",
        "problem": _PROBLEM,
        "failed_at": None,
        "oldest_seconds": 0.0,
    },
    "notices": "off",
    "database": {"status": "down", "problem": _PROBLEM, "security_events_dropped": 0},
}


def worker_health(reader: Reader, settings: Settings) -> Answer:
    """Return the fields of the keeper's ``/health``, as far as a worker knows them."""
    meta = reader.newest()
    fields: dict[str, Any] = {
        **_UNKNOWN,
        "status": "degraded" if meta is not None else "loading",
        "timestamp": time_now("milliseconds"),
        "version": registry.__version__,
        "instance": settings.instance,
        "commit": meta.commit if meta is not None else None,
        "committed_at": meta.committed_at if meta is not None else None,
        "libraries": meta.libraries if meta is not None else 0,
        "steps": meta.steps if meta is not None else 0,
        "problem": _PROBLEM,
        "read_model": {
            "status": "unattended" if meta is not None else "loading",
            "behind_seconds": 0.0,
            "bytes": meta.made_bytes if meta is not None else 0,
        },
    }
    return json_answer(fields)
