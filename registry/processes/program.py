"""Start a program of ours: the command line, and the environment it runs in."""

from __future__ import annotations

import os
import sys

from registry.files.shipped import ROOT


def program(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours; ``-P`` keeps the current directory off its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def program_environment() -> dict[str, str]:
    """The environment in which a program finds the same rooms as this process."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
