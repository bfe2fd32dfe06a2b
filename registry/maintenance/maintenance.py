"""Keep a registry's Git small and quick: fold packs, pack refs, write the commit graph, sweep.

Nothing that anybody could want is removed: packs are folded with all that is in them, and loose
objects go only when nothing has named them for two weeks.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry.errors import GitError
from registry.files.durable import sync_directories
from registry.files.locks import exclusive
from registry.git.fast_import import clear_staging
from registry.git.litter import clear_litter
from registry.git.remote_limits import Reach, RemoteTimeoutError
from registry.git.repository import GitRepository
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal
from registry.transactions.recovery import recover

_REFLOG_DAYS = 30
_DAY = 86_400
_UNNAMED = "2.weeks.ago"
# A line of a reflog: two ids, who, when.
_REFLOG_TIME = re.compile(rb"> (\d{1,12}) [+-]\d{4}\t")
# Loose refs up to which packing them would only write a long file again.
_FEW_REFS = 256
_REF_BYTES = 64
_SHARE = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Upkept:
    """The counts before and after: packs, loose objects, loose refs; and the litter removed."""

    packs_before: int
    packs: int
    loose_before: int
    loose: int
    refs_before: int
    refs: int
    litter: int
    seconds: float


def count_packs(registry: Registry) -> int:
    """Return the number of packs; each change writes one."""
    directory = registry.repository.common_dir / "objects/pack"
    try:
        return sum(name.endswith(".idx") for name in os.listdir(directory))  # noqa: PTH208 - half the time
    except FileNotFoundError:
        return 0


def maintain(
    registry: Registry,
    *,
    is_thorough: bool = True,
    seconds: float | None = None,
    told: Callable[[str], None] | None = None,
) -> Upkept:
    """Do all of it at the lowest priority; ``told`` hears of each stage as it begins.

    Writers wait while refs are packed, reflogs shortened and litter is removed. They need not wait
    while packs are folded: each operation's own pack is kept until its refs have moved. What is
    not ``is_thorough`` leaves out what is hardly worth its time. A single command of Git takes at
    most ``seconds``. Raises GitError.
    """
    repository, started = registry.repository, time.monotonic()
    told = told or _nobody
    with exclusive(registry.state_directory / "maintenance.lock"):
        before = (count_packs(registry), _loose_objects(repository), _loose_refs(repository))
        work = _Work(registry, Reach(seconds=seconds) if seconds else None)
        told("litter")
        litter = work.clear_up()
        told("refs")
        work.pack_refs(is_thorough=is_thorough)
        if is_thorough and _loose_objects(repository):
            # Before they are folded: a pack is folded with all that is in it.
            told("what nothing names")
            work.run("prune", f"--expire={_UNNAMED}")
        told("objects")
        work.fold_packs()
        told("commits")
        work.write_commit_graph()
    return Upkept(
        packs_before=before[0],
        packs=count_packs(registry),
        loose_before=before[1],
        loose=_loose_objects(repository),
        refs_before=before[2],
        refs=_loose_refs(repository),
        litter=litter,
        seconds=time.monotonic() - started,
    )


def _nobody(_: str) -> None:
    """Hear of a stage, and do nothing about it."""


@dataclass(frozen=True, slots=True)
class _Work:
    registry: Registry
    reach: Reach | None

    def run(self, *arguments: str, stdin: bytes = b"", holding: int | None = None) -> None:
        """Run one Git command; raises GitError, also when it took too long."""
        try:
            self.registry.repository.run_patiently(
                *arguments, stdin=stdin, holding=holding, reach=self.reach
            )
        except RemoteTimeoutError as error:
            raise GitError(
                f"git {arguments[0]} {error.message}",
                where=str(self.registry.path),
                next_step="Run 'opsteps maintain' once, which has no limit of time",
            ) from error

    def clear_up(self) -> int:
        registry = self.registry
        with exclusive(registry.state_directory / "write.lock"):
            recover(registry.repository, Journal(registry.state_directory / "journal"))
            clear_staging(registry.repository)
            return clear_litter(registry.repository, registry.state_directory)

    def pack_refs(self, *, is_thorough: bool) -> None:
        repository = self.registry.repository
        with exclusive(self.registry.state_directory / "write.lock") as lock:
            if is_thorough or _is_worth_packing(repository):
                self.run("pack-refs", "--all", "--no-prune", holding=lock)
                # Only what lasts in the packed file may go as a file of its own.
                sync_directories([repository.common_dir])
                self.run("pack-refs", "--all", "--prune", holding=lock)
            if _has_old_reflog(repository):
                days = f"{_REFLOG_DAYS}.days.ago"
                self.run(
                    "reflog", "expire", f"--expire={days}", f"--expire-unreachable={days}", "--all",
                    holding=lock,
                )  # fmt: skip

    def fold_packs(self) -> None:
        """Each pack is then at least twice as large as the one before: a few are left."""
        self.run("repack", "-d", "-l", "-q", "--geometric=2")

    def write_commit_graph(self) -> None:
        head = self.registry.head().encode() + b"\n"
        arguments = ("commit-graph", "write", "--stdin-commits", "--split", "--no-progress")
        self.run(*arguments, stdin=head)


def _loose_objects(repository: GitRepository) -> int:
    directories = (repository.common_dir / "objects").glob("[0-9a-f][0-9a-f]")
    return sum(len(os.listdir(directory)) for directory in directories)  # noqa: PTH208 - half the time


def _loose_refs(repository: GitRepository) -> int:
    return sum(len(names) for _, _, names in os.walk(repository.common_dir / "refs"))


def _is_worth_packing(repository: GitRepository) -> bool:
    packed = repository.common_dir / "packed-refs"
    size = packed.stat().st_size if packed.exists() else 0
    return _loose_refs(repository) > _FEW_REFS + size // _REF_BYTES // _SHARE


def _has_old_reflog(repository: GitRepository) -> bool:
    """True if a day's worth or more can go: shortening a reflog writes all of it again."""
    oldest = time.time() - (_REFLOG_DAYS + 1) * _DAY
    times = (_first_time(path) for path in (repository.common_dir / "logs").rglob("*"))
    return any(found is not None and found < oldest for found in times)


def _first_time(path: Path) -> int | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        found = _REFLOG_TIME.search(file.readline(4096))
    return int(found[1]) if found else None
