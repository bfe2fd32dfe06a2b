"""Tells other servers through Redis that something has changed, so that none waits for its poll.

A notice is a hint, and nothing in it is believed: whoever hears one looks for itself. Without
Redis, or while it is down, everybody polls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

_LISTEN_SECONDS = 0.5
_RETRY_SECONDS = 1.0
_TIMEOUT_SECONDS = 2.0
# A connection that went silent is asked this often whether it still lives.
_HEALTH_SECONDS = 5
_CHANNEL = "opsteps:{name}:moved"
_LOG = structlog.get_logger(__name__)


class Notices:
    """Publishes and hears notices about one registry."""

    def __init__(self, url: str, name: str, heard: Callable[[], None]) -> None:
        """Nothing is connected yet; raises ValueError for a URL that is none."""
        self.status = "down"
        """What ``/health`` says: ``ready`` or ``down``."""
        self._channel = _CHANNEL.format(name=name)
        self._heard = heard
        self._stop = threading.Event()
        # No attempts of its own: a connection that came back unnoticed has missed what was told
        # meanwhile, and a change would wait for all of them.
        self._redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            health_check_interval=_HEALTH_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def tell(self) -> None:
        """Say that something has changed; a Redis that is down is no error, and not waited for.

        What is not told now, is told once it is back.
        """
        if self.status == "ready":
            self._publish()

    def _publish(self) -> None:
        try:
            self._redis.publish(self._channel, b"moved")
        except RedisError as error:
            _LOG.warning("no notice was sent", reason=type(error).__name__)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except RedisError as error:
                if self.status == "ready":
                    _LOG.warning("Redis is down: changes are found by polling",
                                 reason=type(error).__name__)  # fmt: skip
                self.status = "down"
                self._stop.wait(_RETRY_SECONDS)

    def _listen(self) -> None:
        listening: Any = self._redis.pubsub  # it has no types
        with listening(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(self._channel)
            # What was told before somebody listened is found now.
            self.status = "ready"
            self._heard()
            # Others hear now what could not be told.
            self._publish()
            while not self._stop.is_set():
                if subscription.get_message(timeout=_LISTEN_SECONDS) is not None:
                    self._heard()
