"""The machine that figures were taken on, without its name or paths."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path

_KIB_A_GIB = 1024 * 1024


def describe() -> str:
    """One line: processor, cores, memory, kernel and Python."""
    return ", ".join(
        (
            _first_value("/proc/cpuinfo", "model name") or platform.machine(),
            f"{os.cpu_count()} cores",
            f"{_memory_gib():.0f} GiB",
            f"{platform.system()} {platform.release().split('-', 1)[0]}",
            f"Python {platform.python_version()}",
        )
    )


def today() -> str:
    """Return the day in UTC, as in 2026-01-31."""
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def load() -> float:
    """Processes waiting for a processor, averaged over the last minute."""
    return os.getloadavg()[0]


def _memory_gib() -> float:
    text = _first_value("/proc/meminfo", "MemTotal") or "0"
    return int(text.split()[0]) / _KIB_A_GIB


def _first_value(path: str, key: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)
