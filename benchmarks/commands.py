"""Run ``opsteps`` as a user does: a whole process, timed from its start to its end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.errors import BenchmarkError

OPSTEPS = Path(sys.executable).parent / "opsteps"


def timed(*arguments: str | Path) -> float:
    """Seconds that a command took; raises BenchmarkError when it failed."""
    started = time.perf_counter()
    done = subprocess.run([OPSTEPS, *arguments], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode != 0:
        raise BenchmarkError(
            f"opsteps {arguments[0]} failed: {(done.stdout + done.stderr)[-800:]}",
            next_step="Run the command by hand",
        )
    return taken
