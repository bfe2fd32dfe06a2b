"""Choose the commit to serve: the head, unless somebody moved it where it must not go."""

from __future__ import annotations

import threading

import msgspec
import structlog

from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.trust.moved_head import Look, branch_head, look_at_head, served_branch
from registry.trust.served_head import (
    ServedHead,
    read_served_head,
    served_head_path,
    write_served_head,
)
from registry.trust.trusted_head import trusted_path

_LOG = structlog.get_logger(__name__)


class HeadWatch:
    """Looks at the branch; what it served is remembered over a restart."""

    def __init__(self, registry: Registry) -> None:
        """Nothing is read before the first look."""
        self._registry = registry
        self._served: ServedHead | None = None
        self._file: int | None = 0
        self._seen: object = None
        self._look: Look | None = None
        self._told = ""
        self._written: ServedHead | None = None
        self._lock = threading.Lock()
        self._kept: CommitId | None = None

    @property
    def problem(self) -> str:
        """Say why the head is not what is served, and how to mend that; empty when it is."""
        return str(self._look) if self._look is not None else ""

    @property
    def served(self) -> ServedHead | None:
        """Return the head that was served last, for all that is known."""
        return self._served

    def look(self) -> CommitId:
        """The commit that is to be served now.

        Raises NotARegistryError, GitError, and UntrustedHistoryError or TrustedFileError where
        there is nothing else to serve.
        """
        self._hear()
        registry = self._registry
        here = self._checked_out()
        branch = served_branch(registry, self._served)
        trusted = trusted_path(registry)
        try:
            trusted_at: int | None = trusted.stat().st_mtime_ns
        except OSError:
            trusted_at = None
        seen = (here, branch_head(registry, branch), self._served, trusted_at)
        if self._look is None or seen != self._seen:
            self._look = look_at_head(registry, self._served)
            self._seen = seen
            self._tell(self._look)
        return self._look.commit

    def _checked_out(self) -> str:
        try:
            return self._registry.branch
        except OSError:
            self._registry.head()  # says what is wrong, such as a directory that is gone
            raise

    def _hear(self) -> None:
        """Hear what a person accepted: it counts more than what was seen here."""
        try:
            changed = served_head_path(self._registry).stat().st_mtime_ns
        except OSError:
            changed = None
        if changed == self._file:
            return
        self._file = changed
        there = read_served_head(self._registry)
        if there is None:
            return
        with self._lock:
            if self._served is None or there.accepted > self._served.accepted:
                self._served = self._written = there

    def _tell(self, look: Look) -> None:
        problem = str(look)
        if problem and problem != self._told:
            _LOG.error("the head is not what is served", reason=problem)
        if self._told and not problem:
            _LOG.info("the head is served again")
        self._told = problem

    def serves(self, commit: CommitId) -> None:
        """Remember that this commit is served from now on."""
        look = self._look
        if look is None or look.commit != commit or look.problem:
            return
        with self._lock:
            before = self._served or ServedHead(branch=look.branch, head=commit, judged=commit)
            self._write(msgspec.structs.replace(before, branch=look.branch, head=commit))

    def judged(self, commit: CommitId, *, since: ServedHead | None) -> None:
        """Remember that nothing was found up to this commit, which was served.

        ``since`` is what was served when that began: where a person accepted something meanwhile,
        it may be of a history that is no more.
        """
        if since is None or since.head != commit:
            return
        with self._lock:
            if self._served is not None and self._served.accepted == since.accepted:
                self._write(msgspec.structs.replace(self._served, judged=commit))

    def _write(self, served: ServedHead) -> None:
        if served == self._written:
            return
        self._served = served
        try:
            self._served = self._written = write_served_head(self._registry, served)
        except OSError as error:
            _LOG.warning("the served head is not remembered", reason=str(error))

    def keep(self) -> None:
        """Let no clearing up of Git take away what is served, wherever the branch goes."""
        served = self._served
        if served is None or served.head == self._kept:
            return
        repository = self._registry.repository
        is_main = repository.git_dir == repository.common_dir
        name = "head" if is_main else f"worktrees/{repository.git_dir.name}"
        repository.run("update-ref", f"refs/opsteps/served/{name}", served.head)
        self._kept = served.head
