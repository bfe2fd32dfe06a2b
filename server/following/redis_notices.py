"""Tells other servers through Redis that something has changed, so that none waits for its poll.

A notice is a hint, and nothing in it is believed: whoever hears one looks for itself. Without
Redis, or while it is down or hangs, everybody polls, and no change waits for it.
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
# One that listens hears nothing of a Redis that hangs, so it is asked this often.
_ASK_SECONDS = 1.0
_CHANNEL = "opsteps:{name}:moved"
_LOG = structlog.get_logger(__name__)


class Notices:
    """Publishes and hears notices about one registry: a thread tells, another one listens."""

    def __init__(self, url: str, name: str, heard: Callable[[], None]) -> None:
        """Nothing is connected yet; raises ValueError for an invalid URL."""
        self._channel = _CHANNEL.format(name=name)
        self._heard = heard
        self._listens = False
        self._answers = False
        self._owed = False
        """Something has changed that others were not told."""
        self._wake = threading.Event()
        self._stop = threading.Event()
        # No attempts of its own: a connection that came back unnoticed has missed what was told
        # meanwhile.
        self._redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._threads = [
            threading.Thread(target=target, name=f"notices-{name}", daemon=True)
            for name, target in (("tell", self._tell), ("listen", self._run))
        ]

    @property
    def status(self) -> str:
        """The status in ``/health``: ``ready`` or ``down``."""
        return "ready" if self._listens and self._answers else "down"

    def start(self) -> None:
        """Begin to tell and to listen."""
        for thread in self._threads:
            thread.start()

    def tell(self) -> None:
        """Say soon that something has changed; a Redis that is down is not an error.

        What is not told now, is told once it is back.
        """
        self._owed = True
        self._wake.set()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._redis.close()

    def _tell(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_ASK_SECONDS)
            self._wake.clear()
            try:
                if self._owed:
                    # Before it is sent: what changes meanwhile is told again.
                    self._owed = False
                    self._publish()
                else:
                    self._redis.ping()
            except RedisError as error:
                self._is_away(error)
                self._stop.wait(_RETRY_SECONDS)
            else:
                self._is_back()

    def _publish(self) -> None:
        try:
            self._redis.publish(self._channel, b"moved")
        except RedisError:
            self._owed = True
            raise

    def _is_away(self, error: RedisError) -> None:
        if self.status == "ready":
            reason = type(error).__name__
            _LOG.warning("Redis is down: changes are found by polling", reason=reason)
        self._answers = False

    def _is_back(self) -> None:
        if not self._answers:
            self._answers = True
            # What was told meanwhile is found now.
            self._heard()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except RedisError as error:
                self._is_away(error)
                self._stop.wait(_RETRY_SECONDS)
            finally:
                self._listens = False

    def _listen(self) -> None:
        listening: Any = self._redis.pubsub  # it has no types
        with listening(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(self._channel)
            self._listens = True
            # What was told before somebody listened is found now, and others hear what could not
            # be told.
            self._heard()
            self.tell()
            while not self._stop.is_set():
                if subscription.get_message(timeout=_LISTEN_SECONDS) is not None:
                    self._heard()
