"""The parts of a server that a route may use: routes know these, and not how they were made."""

from __future__ import annotations

from dataclasses import dataclass

from registry.snapshot import Registry
from server.access import Gate
from server.database.engine import Database
from server.events import Events
from server.follower import Follower
from server.health_report import HealthReport
from server.lookups import Lookups
from server.metrics import Metrics
from server.operations import Operations
from server.pools import Pool
from server.searching import Searching
from server.settings import Settings
from server.uploads import UploadMemory


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
