"""host.ping: whether a host answers ICMP echo requests."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from _hosts import host_of
from _params import integer, number
from _step import Done, Run, StepError, perform

COUNTS = (
    re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received"),
    re.compile(r"Sent = (\d+), Received = (\d+)"),
)
UNIX_TIMES = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)(?:/[\d.]+)? ms")
WINDOWS_TIMES = re.compile(r"Minimum = (\d+)ms, Maximum = (\d+)ms, Average = (\d+)ms")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Send echo requests to ``host`` with the system's ``ping``."""
    return perform(_ping, parameters, context, "The host did not answer as expected.")


def _ping(parameters: Mapping[str, Any], run: Run) -> Done:
    host = host_of(parameters)
    count = integer(parameters, "count", 4, 1, 20)
    wait = number(parameters, "timeout_seconds", 2, 0.1, 30)
    max_loss = number(parameters, "max_loss_percent", 50, 0, 100)
    text = _call(arguments(host, count, wait), min(count * (wait + 1) + 5, run.left()))
    output = {"host": host, **statistics(text, host)}
    if not output["received"]:
        raise StepError(f"{host} did not answer", output)
    if output["loss_percent"] > max_loss:
        raise StepError(f"{output['loss_percent']:g} % of the answers were lost", output)
    return Done(f"{host} answered {output['received']} of {output['transmitted']}.", output)


def arguments(host: str, count: int, wait: float, platform: str = sys.platform) -> list[str]:
    """Return the arguments of the system's own ``ping``; the units differ."""
    milliseconds = str(math.ceil(wait * 1000))
    if platform == "win32":
        return ["-n", str(count), "-w", milliseconds, host]
    timeout = milliseconds if platform == "darwin" else str(math.ceil(wait))
    return ["-n", "-c", str(count), "-W", timeout, host]


def _call(arguments: list[str], timeout: float) -> str:
    program = shutil.which("ping")
    if program is None:
        raise StepError("this machine has no ping command")
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepError(f"ping did not finish within {timeout:g} s") from None
    return done.stdout.decode("utf-8", "replace")


def statistics(text: str, host: str) -> dict[str, Any]:
    """Read the summary that Linux, macOS and Windows print, each in its own words."""
    counts = next((found for pattern in COUNTS if (found := pattern.search(text))), None)
    if counts is None:
        lines = text.strip().splitlines()
        raise StepError(f"{host} could not be pinged: {lines[-1] if lines else 'no output'}")
    transmitted, received = int(counts[1]), int(counts[2])
    lost = max(transmitted - received, 0)
    low, average, high = _times(text)
    return {
        "transmitted": transmitted,
        "received": received,
        "loss_percent": round(100 * lost / max(transmitted, 1), 2),
        "min_ms": low,
        "avg_ms": average,
        "max_ms": high,
    }


def _times(text: str) -> tuple[float | None, float | None, float | None]:
    """Return the shortest, the average and the longest time."""
    if found := UNIX_TIMES.search(text):
        return float(found[1]), float(found[2]), float(found[3])
    if found := WINDOWS_TIMES.search(text):
        return float(found[1]), float(found[3]), float(found[2])
    return None, None, None
