"""A process that the supervisor starts again whenever it ends."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from time import monotonic
from typing import Any

import msgspec

from registry.processes.program import hand_over, program, start_program
from server.processes.launch import Launch

# One that ends sooner than this after its start, or before it was ready, is not started again at
# once.
_SETTLED_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 5.0
_FIRST_SIGN = 3
"""A start takes longer than a pause between two signs of life, above all on a busy machine."""


@dataclass(kw_only=True, slots=True, eq=False)
class Child:
    """A process that is to be there: started again whenever it ends."""

    module: str
    launch: Launch
    end: int
    process: subprocess.Popen[bytes] | None = field(default=None)
    connection: Connection[Any, Any] | None = field(default=None)
    is_ready: bool = field(default=False)
    heard: float = field(default=0.0)
    """The time of its last sign of life; 0 before the first one."""
    began: float = field(default=0.0)
    due: float = field(default=0.0)
    """The time for its next start, if it is not running."""
    pause: float = field(default=0.0)

    def start(self) -> None:
        """Start it, with a connection of its own. Raises OSError."""
        ours, theirs = Pipe(duplex=False)
        with theirs:
            told = msgspec.structs.replace(
                self.launch, telling=theirs.fileno(), is_first=not self.began
            )
            try:
                self.process = start_program(
                    program(self.module),
                    end=self.end,
                    descriptors=told.descriptors,
                    stdin=subprocess.PIPE,
                )
            except OSError:
                ours.close()
                raise
        hand_over(self.process, msgspec.json.encode(told))
        self.connection = ours
        self.began, self.heard, self.is_ready = monotonic(), 0.0, False

    def silent_seconds(self, now: float) -> float:
        """Return the time since its last sign of life; the first one may take longer."""
        return now - self.heard if self.heard else (now - self.began) / _FIRST_SIGN

    def forgive(self, seconds: float, now: float) -> None:
        """Leave a time out of its silence in which it could say nothing, as in ``docker pause``."""
        if self.heard:
            self.heard = min(self.heard + seconds, now)
        else:
            self.began = min(self.began + seconds, now)

    def signal(self, number: int) -> None:
        """Tell it something, if it is there."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def left(self, now: float) -> int | None:
        """The status with which it has ended; None while it is there. It is due again then."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self.process = None
        is_early = not self.is_ready or now - self.began < _SETTLED_SECONDS
        self.pause = min(max(2 * self.pause, 0.1), _LONGEST_PAUSE_SECONDS) if is_early else 0.0
        self.due = now + self.pause
        return status
