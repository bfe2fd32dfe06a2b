"""The parts of a server that a route may use: routes know these, and not how they were made."""

from __future__ import annotations

from dataclasses import dataclass

from registry.snapshots.registry import Registry
from server.access.gate import Gate
from server.asgi.upload_form import UploadMemory
from server.changes.change_queue import Operations
from server.database.engine import Database
from server.following.events import Events
from server.following.follower import Follower
from server.front.lookups import Lookups
from server.health.health_report import HealthReport
from server.observing.metrics import Metrics
from server.search import Searching
from server.settings import Settings
from server.thread_pools import Pool


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Made once by `server.app`, and given to every route."""

    settings: Settings
    registry: Registry
    """The handle that lookups are read with."""
    gate: Gate
    lookups: Lookups
    changes: Operations
    follower: Follower
    uploads: UploadMemory
    search: Searching
    events: Events
    database: Database
    rows: Pool
    """The threads that ask the database."""
    reloads: Pool
    """The threads that read everything from Git again."""
    metrics: Metrics
    health: HealthReport
