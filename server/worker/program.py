"""The program of a lookup worker."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace

import structlog
import uvloop

from server.access.networks import Proxies
from server.connections.listener import Front
from server.observing.worker_counts import Counts
from server.processes.launch import BEAT_SECONDS, Launch, Teller, launched, relay_path
from server.readmodel.model_place import noted_place
from server.readmodel.reader import Reader
from server.relay.asking import KeeperGoneError, Relay
from server.settings import Settings
from server.worker.front import LookupFront
from server.worker.gate import ReadGate

_COLLECT_AFTER = 50_000
"""New objects before the garbage collector runs: a request makes few, and no cycles."""
_LAST_SECONDS = 4.0
_USES_SECONDS = 5.0
# Clients who come before the keeper has vouched for a file wait in the socket's queue so long at
# most; its own answer, that it is still loading, would not come sooner.
_FIRST_SECONDS = 1.0
_FIRST_LOOK_SECONDS = 0.005
_LOOK_SECONDS = 0.25
_LOG = structlog.get_logger(__name__)


def main() -> int:
    """Answer until SIGTERM."""
    launch = launched()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    uvloop.run(_serve(launch))
    return 0


def shared(settings: Settings) -> Settings:
    """Return the settings with one worker's share of the limits that all workers have together."""
    count = max(1, settings.workers)
    return replace(
        settings,
        workers=1,
        connections=-(-settings.connections // count),
        client_connections=-(-settings.client_connections // count),
        backpressure=-(-settings.backpressure // count),
        unsent_bytes=-(-settings.unsent_bytes // count),
    )


async def _serve(launch: Launch) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    settings = shared(launch.settings)
    counts = Counts(*launch.counts)
    reader = Reader(lambda: noted_place(launch.place), launch.run, launch.code)
    gate = ReadGate(settings, reader)
    relay = Relay(relay_path(launch.directory), settings.keeper_wait_seconds)
    app = LookupFront(settings, reader, gate, relay, counts)
    front = Front(app, settings, Proxies(settings).names)
    await _wait_for_first(reader)
    await front.start(socket.socket(fileno=launch.listening))
    teller = Teller(launch.telling)
    teller.ready()
    living = asyncio.create_task(_live(teller, front, counts))
    looking = asyncio.create_task(_look(reader, counts))
    telling = asyncio.create_task(_tell_uses(gate, relay))
    await stopping.wait()
    # The keeper answers requests under way within that time, or refuses them at its end.
    await front.stop(settings.stop_seconds + _LAST_SECONDS)
    for one in (telling, looking, living):
        one.cancel()


async def _wait_for_first(reader: Reader) -> None:
    """Wait until there is something to answer from, as there is at once after most starts."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_SECONDS):
            # Another process vouches, and has no event of ours to set.
            while (txn := reader.begin()) is None:  # noqa: ASYNC110
                await asyncio.sleep(_FIRST_LOOK_SECONDS)
            txn.abort()


async def _live(teller: Teller, front: Front, counts: Counts) -> None:
    """Report signs of life and counts of connections."""
    ended = counts.ended
    while True:
        teller.beat()
        counts.set_connections(front.places.count)
        counts.set_ended(ended + front.places.ended)
        await asyncio.sleep(BEAT_SECONDS)


async def _look(reader: Reader, counts: Counts) -> None:
    """Go over to a new file of the read model, and note which one is read."""
    while True:
        reader.look()
        counts.set_file(reader.file_number)
        await asyncio.sleep(_LOOK_SECONDS)


async def _tell_uses(gate: ReadGate, relay: Relay) -> None:
    while True:
        await asyncio.sleep(_USES_SECONDS)
        uses = gate.take_uses()
        if not uses:
            continue
        try:
            await relay.tell_uses(uses)
        except KeeperGoneError as error:
            _LOG.warning("uses of tokens were not noted", reason=str(error))


if __name__ == "__main__":
    sys.exit(main())
