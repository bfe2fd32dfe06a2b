"""The two trees behind the site's one name, and the swap between them.

Invariants:
- the site is a symbolic link to a complete tree, from the first build on and at every moment;
- only the other tree, the spare, is ever written; nothing in it is edited in place, because the
  two trees share the files that are the same (hard links);
- a tree is complete exactly when its state file is there: the file goes first and comes last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from builder.catalogue.output.site_state import SiteState, load_generation, load_state, save_state
from builder.errors import OutputError

_NAMES = ("a", "b")


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeTarget:
    """The place that a build writes to. With ``is_fresh`` nothing is there yet: no need to look.

    ``mirror`` is the other tree, where that is empty, too: whatever is written into the one is
    linked into the other at once, by the process that wrote it. A walk over a whole site
    afterwards, by one process, took a sixth of the first build.
    """

    tree: Path
    is_fresh: bool
    mirror: Path | None = None


class SiteTrees:
    """``OUT`` → ``OUT.builds/a`` or ``OUT.builds/b``. Made by `locked_trees`."""

    def __init__(self, out: Path) -> None:
        """Look at what is there."""
        self.out = out
        self.builds = out.with_name(out.name + ".builds")
        name = self._linked_name()
        self._is_served = name is not None
        self._is_mirrored = False
        self.live_state = load_state(self._state_file(name)) if name else None
        self.live_name = name if self.live_state is not None else None
        self.spare_name = _NAMES[1] if name == _NAMES[0] else _NAMES[0]

    @property
    def live(self) -> Path | None:
        """The tree that is served now; None before the first build."""
        return self.builds / self.live_name if self.live_name else None

    @property
    def spare(self) -> Path:
        """The tree to write the next build into."""
        return self.builds / self.spare_name

    def _state_file(self, name: str) -> Path:
        return self.builds / f"{name}.state"

    def _linked_name(self) -> str | None:
        if not self.out.is_symlink():
            if self.out.is_dir() and not any(self.out.iterdir()):
                self.out.rmdir()
            if self.out.exists():
                raise OutputError(
                    "this is not a site that an earlier build made",
                    where=str(self.out),
                    next_step="Move it away, or build into another directory with --out",
                )
            return None
        target = self.out.readlink()
        if target.parent.name != self.builds.name or target.name not in _NAMES:
            raise OutputError(
                f"this link leads to {target}, which no build made",
                where=str(self.out),
                next_step="Remove the link, or build into another directory with --out",
            )
        return target.name

    def open_spare(self) -> TreeTarget:
        """Make the spare hold what the live tree holds, or nothing where there is none.

        Costs O(what the last build changed), or O(site) when the spare is missing or half made.
        """
        generation = load_generation(self._state_file(self.spare_name))
        self._state_file(self.spare_name).unlink(missing_ok=True)
        live, live_state = self.live, self.live_state
        if live is None or live_state is None:
            # Generations begin again. An old state, which nobody can read, would pass for one.
            self._state_file(_other(self.spare_name)).unlink(missing_ok=True)
            _make_empty(self.spare)
            return TreeTarget(tree=self.spare, is_fresh=True, mirror=self._open_mirror())
        if generation == live_state.generation - 1:
            _follow(live, self.spare, live_state)
        elif generation != live_state.generation:
            _remove_tree(self.spare)
            link_tree(live, self.spare)
        return TreeTarget(tree=self.spare, is_fresh=False)

    def _open_mirror(self) -> Path | None:
        """The other tree, empty; None where it is served, although no state tells of it."""
        if self._is_served:
            return None
        other = _other(self.spare_name)
        _make_empty(self.builds / other)
        self._is_mirrored = True
        return self.builds / other

    def complete_spare(self, state: SiteState) -> None:
        """Say that the spare is whole."""
        save_state(self._state_file(self.spare_name), state)

    def swap(self, state: SiteState) -> None:
        """Serve the spare, which is in this state, from now on."""
        link = self.builds / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(self.builds.name) / self.spare_name)
        link.replace(self.out)
        old = self.live_name
        self.live_name, self.spare_name = self.spare_name, old or _other(self.spare_name)
        self.live_state = state
        self._is_served = True

    def prepare_spare(self) -> None:
        """After a swap: make the spare ready for the next build."""
        if self.live_name is None:
            return
        if not self._is_mirrored:
            self.open_spare()
        self._is_mirrored = False
        # The state is replaced, never edited, so both trees can share it.
        self._state_file(self.spare_name).hardlink_to(self._state_file(self.live_name))


@contextmanager
def locked_trees(out: Path) -> Iterator[SiteTrees]:
    """The trees of a site, for one build at a time; raises OutputError.

    A second build waits until the first has ended, with every process that it started.
    """
    out = out.absolute()
    builds = out.with_name(out.name + ".builds")
    try:
        builds.mkdir(parents=True, exist_ok=True)
        lock = os.open(builds / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}",
            where=str(builds),
            next_step="Choose another directory with --out",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield SiteTrees(out)
    finally:
        os.close(lock)


def _other(name: str) -> str:
    return _NAMES[1] if name == _NAMES[0] else _NAMES[0]


def _remove_tree(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _make_empty(path: Path) -> None:
    _remove_tree(path)
    path.mkdir(parents=True)


def link_tree(source: Path, target: Path) -> None:
    """The same tree again, its files shared."""
    target.mkdir(parents=True)
    pending = [(os.fspath(source), os.fspath(target))]
    while pending:
        here, there = pending.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                path = f"{there}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    os.mkdir(path)  # noqa: PTH102 - twice as quick on ten thousands
                    pending.append((entry.path, path))
                else:
                    os.link(entry.path, path)


def _follow(live: Path, spare: Path, state: SiteState) -> None:
    for path in state.removed:
        remove_output(spare, path)
    for path in state.written:
        target = spare / path
        with suppress(FileNotFoundError):
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(live / path, target)


def remove_output(tree: Path, path: str) -> None:
    """Remove a file, and the directories above it that are empty then."""
    target = tree / path
    with suppress(FileNotFoundError):
        target.unlink()
    for parent in target.parents:
        if parent == tree:
            return
        try:
            parent.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return
