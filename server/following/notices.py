"""Notices for one registry, by the setting; Redis is loaded only where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from registry.publishing.ledger_signature import registry_facts
from registry.snapshots.registry import Registry
from server.errors import SettingsError


class NoticeTeller(Protocol):
    """Tells other servers, and hears them."""

    @property
    def status(self) -> str:
        """The status in ``/health``: ``off``, ``ready`` or ``down``."""

    def start(self) -> None:
        """Begin to listen."""

    def tell(self) -> None:
        """Say that something has changed."""

    def stop(self) -> None:
        """End."""


class _Silence:
    """There is no Redis: everybody polls."""

    status = "off"

    def start(self) -> None:
        return

    def tell(self) -> None:
        return

    def stop(self) -> None:
        return


def make_notices(url: str, registry: Registry, heard: Callable[[], None]) -> NoticeTeller:
    """Notices through the Redis at a URL; raises SettingsError for an invalid one."""
    if not url:
        return _Silence()
    from server.following.redis_notices import Notices

    name = registry_facts(registry, registry.head()).name
    try:
        return Notices(url, f"{name}:{registry.instance}", heard)
    except ValueError as error:
        # The URL itself is not named: there may be a password in it.
        raise SettingsError(
            "the setting redis_url is not the URL of a Redis",
            next_step="Use redis://HOST:PORT/0, or rediss:// for TLS",
        ) from error
