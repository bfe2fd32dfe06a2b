"""The whole Bitrise corpus, validated and verified: 3,697 releases, whole processes."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from benchmarks import commands
from benchmarks.rows import Bound, Promise, Row, absolute, plain, spread
from benchmarks.session import Session
from registry.git.repository import isolated_environment
from registry.snapshots.registry import Registry

VALIDATE_COLD = Promise(
    key="validate all, cold",
    what="`opsteps validate` of the whole Bitrise corpus, nothing known",
    bound=Bound.AT_MOST,
    limit=20,
    unit="s",
)
VALIDATE_AGAIN = Promise(
    key="validate all, unchanged",
    what="the same again, when nothing has changed",
    bound=Bound.AT_MOST,
    limit=2,
    unit="s",
)
VERIFY = Promise(
    key="verify",
    what="`opsteps verify` of the whole history of the same",
    bound=Bound.AT_MOST,
    limit=3,
    unit="s",
)
PROMISES = (VALIDATE_COLD, VALIDATE_AGAIN, VERIFY)


def measure(session: Session) -> list[Row]:
    """Cold runs with the derived files removed; ``git fsck`` of the same objects beside verify."""
    path = session.bitrise_registry
    count = session.choose(3, 1)
    cold = [_cold(path) for _ in range(count)]
    again = [commands.timed("validate", path) for _ in range(count)]
    verify = [commands.timed("verify", "--registry", path) for _ in range(count)]
    deep = [commands.timed("verify", "--deep", "--registry", path) for _ in range(count)]
    fsck = [_fsck(path) for _ in range(count)]
    notes = (
        f"with --deep, which hashes every byte of every release: {plain(spread(deep).median)} s; "
        f"'git fsck' of the same objects: {plain(spread(fsck).median)} s"
    )
    return [
        absolute(VALIDATE_COLD, cold),
        absolute(VALIDATE_AGAIN, again),
        absolute(VERIFY, verify, notes=notes),
    ]


def _cold(path: Path) -> float:
    with Registry.open(path) as registry:
        for kept in registry.state_directory.glob("valid*"):
            kept.unlink()
    return commands.timed("validate", path)


def _fsck(path: Path) -> float:
    started = time.perf_counter()
    command = ["git", "-C", str(path), "fsck", "--no-progress", "--no-dangling"]
    subprocess.run(command, env=isolated_environment(), capture_output=True, check=True)
    return time.perf_counter() - started
