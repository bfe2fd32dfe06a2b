"""Follow the registry, write the read model, and answer what workers relay."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import structlog
import uvloop
from prometheus_client.core import CounterMetricFamily

from registry.errors import GitError, NotARegistryError
from registry.problems import printable
from registry.snapshots.instance_names import require_instance
from registry.snapshots.recognition import refuse_no_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import reconcile
from registry.trust.moved_head import branch_head, served_branch
from registry.trust.served_head import read_served_head
from server.access.hosts import is_loopback
from server.app import Server
from server.connections.listener import allow_open_files
from server.errors import SettingsError
from server.observing.route_counts import RouteMetrics
from server.observing.worker_counts import Counts
from server.processes.launch import BEAT_SECONDS, Launch, ServerFacts, Teller
from server.processes.niceness import be_nice
from server.processes.replacements import replaced_in
from server.readmodel.served import Served
from server.readmodel.writer import ReadModel
from server.relay.answering import RelayServer
from server.settings import Settings

_NICENESS = 5
"""Lets workers go first, also on a single processor."""
_HEADS = "refs/heads/"
_BRANCHES_SHOWN = 10
# Beyond the time that requests get at a stop: what still hangs then never ends.
_LAST_SECONDS = 5.0
_LOG = structlog.get_logger(__name__)


def keep(registry: Registry, model: ReadModel, launch: Launch, teller: Teller) -> None:
    """Serve until SIGTERM. Raises ReportedError if the server cannot start."""
    settings = launch.settings
    # Each request that is relayed is a connection here.
    allow_open_files(settings)
    _reconcile(registry)
    _recognise(registry, settings)
    server = Server(
        registry,
        settings,
        port=launch.port,
        site=launch.site_path,
        builds=launch.builds,
        model=model,
    )
    # Nobody may write while the database is down, so that does not keep the server from starting.
    is_shut = not server.tokens.is_known or server.tokens.are_gone
    refuse_open_address(settings, has_tokens=bool(server.tokens) or is_shut)
    last = threading.Timer(settings.stop_seconds + _LAST_SECONDS, _end_now, [server])
    last.daemon = True
    try:
        uvloop.run(_serve(server, launch, teller, last))
    finally:
        last.cancel()


def _end_now(server: Server) -> None:
    """End although a thread hangs, such as one that waits for a disk that does not answer."""
    _LOG.error("ended amid what hangs")
    server.operations.kill()
    os._exit(1)


def _reconcile(registry: Registry) -> None:
    """Clear up what a killed writer left. The server starts even if that fails."""
    try:
        reconcile(registry)
    except (GitError, OSError) as error:
        _LOG.warning("not_reconciled", error=str(error))


def _recognise(registry: Registry, settings: Settings) -> None:
    """Raise NotARegistryError or UnknownInstanceError at once, before anything waits.

    A clone of a remote may still be empty: it is judged once it has caught up.
    """
    try:
        refuse_no_registry(registry, registry.head())
    except NotARegistryError:
        if registry.remote is None:
            raise
        return
    _refuse_no_branch(registry, settings.branch)
    require_instance(registry, is_new=settings.new_instance)


def _refuse_no_branch(registry: Registry, name: str) -> None:
    """Raise SettingsError for a branch that never was: one that was served may be gone."""
    served = read_served_head(registry)
    branch = served_branch(registry, served)
    is_known = served is not None and served.branch == branch
    if not name or is_known or branch_head(registry, branch) is not None:
        return
    known = registry.repository.lines("for-each-ref", "--format=%(refname:lstrip=2)", _HEADS)
    there = [printable(one) for one in islice(known, _BRANCHES_SHOWN)]
    raise SettingsError(
        f"there is no branch {printable(name)!r} (the setting branch)",
        next_step=f"Name one that is there: {', '.join(there)}",
    )


def refuse_open_address(settings: Settings, *, has_tokens: bool) -> None:
    """Raise SettingsError if other machines reach the server and no token protects writes."""
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


class _Stopping:
    """The end of this process: at most ``seconds`` after the first signal to stop."""

    def __init__(self, seconds: float, last: threading.Timer) -> None:
        """``last`` ends the process even if something hangs."""
        self.event = asyncio.Event()
        self._seconds = seconds
        self._last = last
        self._ends: float | None = None

    def soon(self) -> None:
        """Stop when the time is up, or at once if `now` is called before."""
        loop = asyncio.get_running_loop()
        if self._ends is None:
            self._ends = loop.time() + self._seconds
            self._last.start()
            loop.call_at(self._ends, self.event.set)

    def now(self) -> None:
        """Stop at once: the workers, and with them all clients, are gone."""
        self.soon()
        self.event.set()

    def left(self) -> float:
        """Seconds that are left for requests under way."""
        ends = self._ends or 0.0
        return max(0.0, ends - asyncio.get_running_loop().time())


async def _serve(server: Server, launch: Launch, teller: Teller, last: threading.Timer) -> None:
    settings = server.settings
    loop = asyncio.get_running_loop()
    stopping = _Stopping(settings.stop_seconds, last)
    loop.add_signal_handler(signal.SIGTERM, stopping.now)

    def workers_stop() -> None:
        server.events.close()
        stopping.soon()

    # The supervisor stops the workers first; they wait for the requests under way here.
    loop.add_signal_handler(signal.SIGUSR1, workers_stop)
    loaded = asyncio.Event()

    def tell(served: Served) -> None:
        del served  # it is enough that something is served
        loop.call_soon_threadsafe(loaded.set)

    server.follower.listeners.append(tell)
    _count_processes(server, launch)
    server.start()
    relay = RelayServer(server.app, server.tokens.note_uses)
    await relay.start(socket.socket(fileno=launch.listening))
    living = asyncio.create_task(_live(teller))
    announcing = asyncio.create_task(_announce(server, teller, loaded))
    await stopping.event.wait()
    announcing.cancel()
    _LOG.info("stopping")
    server.events.close()
    await relay.stop(stopping.left())
    # A thread of its own, because those of the loop may all be waiting for a process that hangs.
    with ThreadPoolExecutor(1) as thread:
        await loop.run_in_executor(thread, server.stop, stopping.left())
    # Requests that this cut short still get an answer.
    await relay.stop(1.0)
    living.cancel()


def _count_processes(server: Server, launch: Launch) -> None:
    """Let ``/metrics`` tell the workers' counts, too, and how many processes were replaced."""
    counts = [Counts(memory) for memory in launch.counts]

    def routes() -> Iterator[tuple[str, RouteMetrics]]:
        for one in counts:
            yield from one.routes()

    server.metrics.others = routes
    server.metrics.gauges["connections"] = (
        "Connections.",
        lambda: sum(one.connections for one in counts),
    )
    server.metrics.gauges["connections_ended"] = (
        "Connections ended or refused since the start, as there was no place for all.",
        lambda: sum(one.ended for one in counts),
    )
    server.metrics.families.append(partial(_replaced, launch.replaced))


def _replaced(memory: int) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "opsteps_processes_replaced",
        "Processes that ended or hung, and were started again.",
        labels=["process"],
    )
    for process, count in replaced_in(memory).items():
        family.add_metric([process], count)
    return family


async def _live(teller: Teller) -> None:
    while True:
        teller.beat()
        await asyncio.sleep(BEAT_SECONDS)


async def _announce(server: Server, teller: Teller, loaded: asyncio.Event) -> None:
    await loaded.wait()
    be_nice(_NICENESS)
    tokens, clone, trusted = server.tokens, server.clone.state, server.gate.trusted
    facts = ServerFacts(
        host=server.settings.host,
        tokens_are_gone=tokens.are_gone,
        is_open=tokens.is_known and not tokens and not trusted,
        clone_problem="" if clone.is_complete else clone.problem,
        clone_next_step="" if clone.is_complete else clone.next_step,
        warning=trusted.warning,
    )
    teller.ready(facts)
    # Import FastAPI now, so that the first request that needs it does not wait.
    await asyncio.to_thread(server.inner)
