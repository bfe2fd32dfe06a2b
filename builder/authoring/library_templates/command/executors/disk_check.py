"""disk.check: ask `df` how full a file system is.

A command is started by its arguments, never through a shell: no character of a parameter has a
meaning of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

from _step import StepError, Values, log, number, perform, text

# The second line of POSIX's `df -P`: file system, blocks, used, available, capacity, mount point.
_LINE = re.compile(r".*?\s(\d+)\s+(\d+)\s+(-?\d+)\s+(\d+)%\s+(/.*)")
BLOCK = 1024


def execute(parameters: Values, context: Values) -> dict[str, Any]:
    """Measure the file system that ``path`` is on."""
    return perform(_check, parameters, context, "The check failed.")


def _check(parameters: Values, context: Values) -> tuple[str, dict[str, Any]]:
    path = text(parameters, "path")
    if not path.startswith("/") or "\0" in path:
        raise StepError("path must be an absolute path")
    most = number(parameters, "max_used_percent", 90, 0, 100)
    timeout = number(parameters, "timeout_seconds", 10, 0.1, 60)
    # After `--` a path is a path, whatever it begins with.
    output = {"path": path, **parse(run("df", ["-P", "-k", "--", path], timeout))}
    log(context, "measured", path=path, used_percent=output["used_percent"])
    if output["used_percent"] > most:
        raise StepError(f"{path} is {output['used_percent']} % full, more than {most:g} %", output)
    return f"{path} is {output['used_percent']} % full.", output


def run(program: str, arguments: list[str], timeout: float) -> str:
    """What a program prints; it gets no input and no more environment than it needs."""
    found = shutil.which(program)
    if found is None:
        raise StepError(f"this machine has no program {program!r}")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepError(f"{program} did not end within {timeout:g} seconds") from None
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise StepError(reason[:500] or f"{program} ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def parse(printed: str) -> dict[str, Any]:
    """The numbers that `df -P -k` prints of one file system."""
    _, _, line = printed.partition("\n")
    found = _LINE.match(line)
    if found is None:
        raise StepError(f"df answered what is not understood: {line[:200]!r}")
    blocks, _, available, percent, mounted_on = found.groups()
    return {
        "mounted_on": mounted_on,
        "size_bytes": int(blocks) * BLOCK,
        "available_bytes": int(available) * BLOCK,
        "used_percent": int(percent),
    }
