"""Runs a server: one process, one event loop, and the sockets on it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
import uvloop

from registry.errors import GitError, NotARegistryError
from registry.snapshots.instance_names import require_instance
from registry.snapshots.recognition import refuse_no_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import reconcile
from server.access.gate import is_loopback
from server.app import Server
from server.connections.listener import Front, listening_socket
from server.errors import ListenError, SettingsError
from server.observing.log_lines import LOG_FORMS, TextLines
from server.readmodel.served import Served
from server.settings import Settings
from server.site.static_files import site_problem

# The follower's thread gives the loop the interpreter back after at most so long, seconds.
_SWITCH_SECONDS = 0.000_1
# Objects made before the collector looks: a request makes few, and no cycles.
_COLLECT_AFTER = 50_000
# After what may be under way at a stop: what still hangs then, hangs for ever.
_LAST_SECONDS = 5.0

Ready = Callable[[Server, int], None]
_LOG = structlog.get_logger(__name__)


def serve_registry(
    path: Path,
    settings: Settings,
    *,
    site: Path | None = None,
    builds: bool = True,
    ready: Ready = lambda server, port: None,  # noqa: ARG005 - what a Ready is given
) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` is called once, when lookups are answered.

    Raises SettingsError, AddressError, NotARegistryError, UnknownInstanceError.
    """
    if site is not None and (problem := site_problem(site)):
        raise SettingsError(
            problem,
            next_step=f"Build one with 'opsteps build REGISTRY --out {site}', or leave out --site",
        )
    port = free_port(settings.host, settings.port)
    registry = Registry.open(
        path,
        instance=settings.instance,
        remote=settings.remote or None,
        remote_seconds=settings.remote_seconds,
        check_clone=False,
    )
    _reconcile(registry)
    _recognise(registry, settings)
    server = Server(registry, settings, port=port, site=site, builds=builds)
    # As long as the database is down nobody may write anyway.
    tokens = server.tokens
    is_shut = not tokens.is_known or tokens.are_gone
    refuse_open_address(settings, has_tokens=bool(tokens) or is_shut)
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    last = threading.Timer(settings.stop_seconds + _LAST_SECONDS, _end_now, [server])
    last.daemon = True
    try:
        uvloop.run(_serve(server, port, ready, last))
    finally:
        last.cancel()


def _end_now(server: Server) -> None:
    """A thread hangs where nothing can end it, such as on a disk that does not answer."""
    _LOG.error("ended amid what hangs")
    server.operations.kill()
    os._exit(1)


def _reconcile(registry: Registry) -> None:
    """Clear up what a killed writer left; what stands in the way is no reason not to serve."""
    try:
        reconcile(registry)
    except (GitError, OSError) as error:
        _LOG.warning("not_reconciled", error=str(error))


def _recognise(registry: Registry, settings: Settings) -> None:
    """Refuse what is no registry, or an instance that it never heard of, before anything waits.

    A clone that follows a remote is only known once it has caught up; until then it waits.
    """
    try:
        refuse_no_registry(registry, registry.head())
    except NotARegistryError:
        if registry.remote is None:
            raise
        return
    require_instance(registry, is_new=settings.new_instance)


def refuse_open_address(settings: Settings, *, has_tokens: bool) -> None:
    """Raise SettingsError for an address that others reach while anybody could write."""
    is_guarded = has_tokens or bool(settings.trusted_networks)
    if not is_loopback(settings.host) and not is_guarded:
        raise SettingsError(
            f"{settings.host} can be reached from other machines and no token is configured",
            next_step="Make a token with 'opsteps token create', listen on 127.0.0.1, or name the "
            "clients that need none in the setting trusted_networks",
        )
    if settings.require_read_token and not is_guarded:
        raise SettingsError(
            "require_read_token is set and no token is configured",
            next_step="Make a token with 'opsteps token create'",
        )


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0; raises AddressError when it cannot be listened on."""
    with _listening(host, port) as probe:
        return int(probe.getsockname()[1])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return listening_socket(host, port)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            next_step="Choose another one with --port, or end what listens there",
        ) from error


async def _serve(server: Server, port: int, ready: Ready, last: threading.Timer) -> None:
    settings = server.settings
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loaded = asyncio.Event()

    def tell(served: Served) -> None:
        del served  # that there is one is the news
        loop.call_soon_threadsafe(loaded.set)

    server.follower.listeners.append(tell)
    server.start()
    front = Front(server.app, settings, server.gate.trusted.names_proxy)
    places = front.places
    server.metrics.gauges["connections"] = ("Connections.", lambda: places.count)
    server.metrics.gauges["connections_ended"] = (
        "Connections ended or refused since the start, as there was no place for all.",
        lambda: places.ended,
    )
    await front.start(_listening(settings.host, port))
    announcing = asyncio.create_task(_announce(server, port, ready, loaded))
    await stopping.wait()
    announcing.cancel()
    last.start()
    _LOG.info("stopping")
    server.events.close()
    ends = loop.time() + settings.stop_seconds
    await front.stop(settings.stop_seconds)
    # A thread of its own: those of the loop may all wait for a process that hangs.
    with ThreadPoolExecutor(1) as thread:
        left = max(0.0, ends - loop.time())
        await loop.run_in_executor(thread, server.stop, left)


async def _announce(server: Server, port: int, ready: Ready, loaded: asyncio.Event) -> None:
    await loaded.wait()
    ready(server, port)
    # The first request that is not hot need not wait for FastAPI to be imported.
    await asyncio.to_thread(server.inner)


class _Log:
    """Standard error; a log that cannot be written, as on a full disk, ends no thread."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str, form: str = "") -> None:
    """Log to standard error: as ``form`` says, else text on a terminal and JSON elsewhere.

    Raises SettingsError.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise SettingsError(
            f"the log level is {level!r}", next_step="Use debug, info, warning or error"
        )
    # It tells of every form that is none, in lines that are no JSON.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # The values of variables are left out: there are tokens and licence keys among them.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
    ]
    structlog.configure(
        processors=[*processors, _renderer(form)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Log())),
        cache_logger_on_first_use=True,
    )


def _renderer(form: str) -> Any:
    if form not in LOG_FORMS:
        raise SettingsError(
            f"the log format is {form!r}", next_step="Use text or json, or leave it out"
        )
    if form == "json" or (not form and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer()
    return TextLines(coloured=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))
