"""Compares the release tags here with the remote's, now and then.

A fetch never changes a tag that is here, and never brings one again that another took away: servers
at one commit would answer differently, and none of them would know.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

import structlog

from registry.git.remote import remote_tag_ids
from registry.git.remote_limits import Reach
from registry.git.tag_refs import tag_refs
from registry.problems import printable
from registry.served.memory import RememberedLibrary
from registry.snapshots.registry import Registry
from registry.terminal.pasting import git_line

_SHOWN = 12
_LOG = structlog.get_logger(__name__)

Difference = tuple[str, str, str]
"""A tag's name, the object that it is here and the one that it is there; empty for none."""


class RemoteTags:
    """``alarms`` are differences that were seen twice: one may be a change that is on its way."""

    def __init__(self, registry: Registry, seconds: float) -> None:
        """``seconds`` is the time between two looks; 0 is never."""
        self.alarms: tuple[str, ...] = ()
        self._registry = registry
        self._seconds = seconds
        self._next = monotonic()
        self._before: frozenset[Difference] = frozenset()

    def look(self) -> None:
        """Look, if it is time to; raises GitError."""
        remote = self._registry.remote
        if not self._seconds or remote is None or monotonic() < self._next:
            return
        reach = Reach(seconds=self._registry.remote_seconds)
        there = remote_tag_ids(self._registry.repository, remote, reach=reach)
        refs = tag_refs(self._registry.repository)
        here = {name: str(tag.object_id) for name, tag in refs.items()}
        self._registry.memory.refresh()
        now = frozenset(differences(here, there, self._registry.memory.libraries))
        certain = now & self._before
        is_new = bool(now - self._before)
        self._before = now
        # What was seen once is looked at again with the next look at the remote.
        self._next = monotonic() + (0 if is_new else self._seconds)
        alarms = tuple(_sentence(one, remote) for one in sorted(certain))
        for alarm in alarms:
            if alarm not in self.alarms:
                _LOG.error("alarm", reason=alarm)
        self.alarms = alarms


def differences(
    here: Mapping[str, str], there: Mapping[str, str], known: Mapping[str, RememberedLibrary]
) -> list[Difference]:
    """Tags of libraries that are served and that are not the same in both places."""
    found: list[Difference] = []
    for name in here.keys() | there.keys():
        ours, theirs = here.get(name, ""), there.get(name, "")
        library, slash, version = name.partition("/v")
        if ours == theirs or not slash or library not in known:
            continue
        # One that is only here counts when it was served: others are not for everybody.
        if theirs or known[library].release(version) is not None:
            found.append((name, ours, theirs))
    return found


def _sentence(difference: Difference, remote: str) -> str:
    name, ours, theirs = difference
    tag, ref = printable(name), f"refs/tags/{name}"
    if not theirs:
        what = f"the tag {tag} is here and not on {remote}"
    elif not ours:
        what = f"the tag {tag} is on {remote} and not here"
    else:
        what = f"the tag {tag} is {ours[:_SHOWN]} here and {theirs[:_SHOWN]} on {remote}"
    mends = []
    if ours:
        mends.append(f"'{git_line('push', '--force', remote, ref)}' makes it what it is here")
    if theirs:
        mends.append(f"'{git_line('fetch', remote, f'+{ref}:{ref}')}' what it is there")
    return f"{what}: servers may answer differently. {', '.join(mends)}"
