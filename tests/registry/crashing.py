"""Kill operations at random points, 300 times, and look at what is left: run as a program.

Each round is a process group of its own, started by a fork so that a round costs little. It is
killed after a part of the time that a whole round takes; the Git commands it started die with it.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.library.release_state import Library, ReleaseState
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.rollback.rollback import roll_back_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head, reconcile
from registry.versions import Version
from tests.registry.making import NAME, files, git, new_registry, put

_BY = Actor(name="tester")


@dataclass(frozen=True)
class Operation:
    """Something that is killed: what it does to version 1.<number>.0, and whether that is done."""

    run: Callable[[Registry, Version], object]
    is_done: Callable[[Library, Version], bool]


def _state(library: Library, version: Version) -> ReleaseState | None:
    record = library.release(version)
    return record.state if record is not None else None


RELEASING = [
    Operation(
        run=lambda registry, version: add_release(registry, files(version=str(version)), by=_BY),
        is_done=lambda library, version: _state(library, version) is not None,
    ),
    Operation(
        run=lambda registry, version: release(registry, NAME, version, by=_BY),
        is_done=lambda library, version: _state(library, version) is ReleaseState.RELEASED,
    ),
    Operation(
        run=lambda registry, version: roll_back_library(registry, NAME, version, by=_BY),
        is_done=lambda library, version: library.instance.active == str(version),
    ),
]
FIRST = Version(major=1, minor=0, patch=0)
INSTALLING = [
    Operation(
        run=lambda registry, version: Installer(registry).install(
            [check_incoming(files(version=str(version)))], by=_BY
        ),
        is_done=lambda library, version: _state(library, version) is ReleaseState.RELEASED,
    ),
    Operation(
        run=lambda registry, _: Installer(registry).arrange(
            [], follow={NAME: FIRST}, operation="update", by=_BY
        ),
        is_done=lambda library, _: library.instance.active == str(FIRST),
    ),
    Operation(
        run=lambda registry, version: Installer(registry).uninstall(NAME, [version], by=_BY),
        is_done=lambda library, version: _state(library, version) is ReleaseState.WITHDRAWN,
    ),
    Operation(
        run=lambda registry, _: Installer(registry).pin(NAME, None, by=_BY),
        is_done=lambda library, _: library.instance.active is None,
    ),
]
OPERATIONS = {"releasing": RELEASING, "installing": INSTALLING}


def run_killed(
    root: Path, operation: Operation, version: Version, after: float
) -> tuple[bool, bool]:
    """Do an operation in a process group of its own; kill it ``after`` seconds.

    Returns whether it was killed before its end, and whether it had been acknowledged.
    """
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        with Registry.open(root) as registry:
            operation.run(registry, version)
            os.write(telling, b"done")
            follow_head(registry)
        os._exit(0)
    os.close(telling)
    time.sleep(after)  # the random point
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has ended, or has no group of its own yet
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    acknowledged = os.read(told, 4) == b"done"
    os.close(told)
    return os.WIFSIGNALED(status), acknowledged


def left_behind(root: Path) -> list[str]:
    """What a killed process left for the next one, by kind."""
    inside = root / ".git"
    found = ["stale lock of a ref"] if any((inside / "refs").rglob("*.lock")) else []
    found += ["stale lock of HEAD"] if (inside / "HEAD.lock").exists() else []
    found += ["stale lock of the index"] if (inside / "index.lock").exists() else []
    found += ["refs moving"] if any(inside.glob("opsteps/journal/moving-*")) else []
    found += ["tree not following"] if any(inside.glob("opsteps/journal/following-*")) else []
    return found


def check(root: Path, before: str, operation: Operation, version: Version) -> bool:
    """The registry is at the old commit or the new one, whole; returns whether at the new one."""
    with Registry.open(root) as registry:
        reconcile(registry)
        assert left_behind(root) == [], left_behind(root)
        moved = registry.head() != before
        library = registry.snapshot().library(NAME)
    assert moved == operation.is_done(library, version), (before, version)
    assert all(record.state is not ReleaseState.ALARM for record in library.releases)
    if moved:
        assert git(root, "rev-parse", "HEAD^") == before
    status = git(root, "status", "--porcelain")
    assert status == "", status
    return moved


def main(root: Path, rounds: int, seed: int, what: str) -> None:
    operations = OPERATIONS[what]
    chance = random.Random(seed)
    with new_registry(root) as registry:
        started = time.monotonic()
        put(registry, files())
        follow_head(registry)
        longest = time.monotonic() - started
    counts: Counter[str] = Counter()
    done = 0
    while counts["killed"] < rounds:
        operation = operations[done % len(operations)]
        version = Version(major=1, minor=1 + done // len(operations), patch=0)
        before = git(root, "rev-parse", "HEAD")
        killed, acknowledged = run_killed(root, operation, version, chance.uniform(0, longest))
        counts["killed"] += killed
        counts["acknowledged"] += killed and acknowledged
        counts.update(left_behind(root))
        moved = check(root, before, operation, version)
        assert moved or not acknowledged, "what was acknowledged is lost"
        counts["at the new commit" if moved else "at the old commit"] += 1
        done += moved
    fsck = ["git", "-C", str(root), "fsck", "--strict", "--no-dangling", "--no-progress"]
    said = subprocess.run(fsck, capture_output=True, text=True, check=True)
    assert said.stdout + said.stderr == "", said
    print(json.dumps(counts))  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
