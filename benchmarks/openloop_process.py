"""The process of `benchmarks.openloop`: one thread and non-blocking sockets.

Reads a plan (JSON, one line) from standard input, writes ``+`` once connected and at the end
doubles: its own lateness, then for every request the moment it was due and its latency in seconds.
"""

from __future__ import annotations

import array
import collections
import gc
import json
import math
import os
import re
import select
import socket
import sys
import time
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK = 1 << 18


class _Connection:
    """One connection: the request it waits for, and what has come of the answer."""

    __slots__ = ("buffer", "due", "index", "port", "socket", "total")

    def __init__(self, port: int) -> None:
        self.port = port
        self.index = -1
        self.due = 0.0
        self.open()

    def open(self) -> None:
        """Connect again, with nothing outstanding."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.reset()

    def reset(self) -> None:
        """Be ready for another answer."""
        self.index = -1
        self.buffer = b""
        self.total = -1

    def receive(self) -> int | None:
        """The status of the whole answer; None while more is to come; 0 when the server hung up."""
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return 0
        if not data:
            return 0
        self.buffer = self.buffer + data if self.buffer else data
        if self.total < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            length = _LENGTH.search(self.buffer, 0, end)
            self.total = end + 4 + int(length.group(1)) if length else end + 4
        if len(self.buffer) < self.total:
            return None
        return int(self.buffer[9:12])


class _Generator:
    """The state of a run."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.requests = [request.encode("latin-1") for request in plan["requests"]]
        self.period: float = 1.0 / plan["rate"]
        self.total = max(1, int(plan["rate"] * plan["seconds"]))
        self.timeout = plan["timeout_seconds"]
        self.latencies = array.array("d", [math.inf]) * self.total
        self.late = array.array("d", [0.0]) * self.total
        self.readable = select.epoll()
        self.by_number: dict[int, _Connection] = {}
        self.idle = collections.deque(_Connection(plan["port"]) for _ in range(plan["connections"]))
        for connection in self.idle:
            self._watch(connection)
        self.busy = 0
        self.start = 0.0
        self.next = 0
        self.had_idle = True

    def run(self) -> None:
        """Send everything that is due, until all is answered or has timed out."""
        self.start = time.monotonic()
        end = self.start + self.total * self.period + self.timeout
        while self.next < self.total or self.busy:
            now = time.monotonic()
            if now > end:
                break
            self._send_due(now)
            self._receive(self._wait(now))

    def _wait(self, now: float) -> float:
        """Seconds until another request is due, if a connection is free for it."""
        if self.next >= self.total or not self.idle:
            return 0.05
        return max(0.0, self.start + self.next * self.period - now)

    def _send_due(self, now: float) -> None:
        while self.next < self.total and self.idle:
            due = self.start + self.next * self.period
            if due > now:
                break
            connection = self.idle.popleft()
            connection.index, connection.due = self.next, due
            if self.had_idle:  # else it waited for the server, not for this process
                self.late[self.next] = now - due
            request = self.requests[self.next % len(self.requests)]
            self.next += 1
            try:
                connection.socket.send(request)
            except OSError:
                self._replace(connection)  # counted as failed: its latency stays infinite
            else:
                self.busy += 1
        self.had_idle = bool(self.idle)

    def _receive(self, wait: float) -> None:
        # epoll alone would wait whole milliseconds: select wakes it on time, and it names who is
        # readable without a call for each connection.
        if not select.select((self.readable,), (), (), wait)[0]:
            return
        for number, _ in self.readable.poll(0):
            connection = self.by_number[number]
            status = connection.receive()
            if status is None:
                continue
            if connection.index < 0:  # the server hung up on one that asked for nothing
                self.idle.remove(connection)
            else:
                self.busy -= 1
            if status == 200:
                self.latencies[connection.index] = time.monotonic() - connection.due
            if status == 0:
                self._replace(connection)
            else:
                connection.reset()
                self.idle.append(connection)

    def _watch(self, connection: _Connection) -> None:
        number = connection.socket.fileno()
        self.by_number[number] = connection
        self.readable.register(number, select.EPOLLIN)

    def _replace(self, connection: _Connection) -> None:
        del self.by_number[connection.socket.fileno()]
        connection.socket.close()  # which takes it out of epoll as well
        try:
            connection.open()
        except OSError:
            return  # one connection less; what waits for it fails by its time
        self._watch(connection)
        self.idle.append(connection)

    def report(self) -> bytes:
        """What `benchmarks.openloop.Run.finish` reads."""
        late = sorted(self.late)
        numbers = array.array("d", [late[max(0, math.ceil(0.999 * len(late)) - 1)]])
        for index, latency in enumerate(self.latencies):
            numbers.append(self.start + index * self.period)
            numbers.append(latency if latency <= self.timeout else math.inf)
        return numbers.tobytes()


def main() -> None:
    """Run one plan."""
    plan = json.loads(sys.stdin.readline())
    if plan["cores"]:
        os.sched_setaffinity(0, plan["cores"])
    generator = _Generator(plan)
    gc.collect()
    gc.disable()
    sys.stdout.buffer.write(b"+")
    sys.stdout.buffer.flush()
    generator.run()
    sys.stdout.buffer.write(generator.report())


if __name__ == "__main__":
    main()
