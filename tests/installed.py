"""The command as people start it: the console script that the installer made, in this environment.

Tests run this one and never ``python opsteps.py``: a launcher that no test starts once broke every
install over HTTP while all tests were green.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

OPSTEPS = Path(sys.executable).parent / "opsteps"


def command(*arguments: object) -> list[str]:
    """The command line of ``opsteps`` with these arguments."""
    return [str(OPSTEPS), *map(str, arguments)]


def opsteps(
    where: Path, *arguments: object, expect: int = 0, env: Mapping[str, str] | None = None
) -> str:
    """Run a command in a directory; returns what it said on both streams, in that order.

    With ``--json`` last, only standard output. ``env`` comes on top of this environment.
    """
    done = subprocess.run(
        command(*arguments),
        cwd=where,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expect, said
    return done.stdout if arguments and arguments[-1] == "--json" else said
