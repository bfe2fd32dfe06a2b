"""Ask remotes about tags: once, and only when a tag is in question."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from registry.errors import GitError, RegistryError
from registry.git.remote import remote_tag_ids
from registry.git.remote_limits import Reach
from registry.names import CommitId
from registry.problems import printable
from registry.snapshots.registry import Registry

# How long a remote may take to answer.
_SECONDS = 60.0


class Remotes:
    """The remotes of a clone; with ``is_asked`` off it is taken that none has any tag."""

    def __init__(self, registry: Registry, *, is_asked: bool) -> None:
        """Nothing is asked yet."""
        self.unreachable: dict[str, str] = {}
        """Those that do not answer, and why."""
        self._registry = registry
        self._is_asked = is_asked

    @cached_property
    def _tags(self) -> Mapping[str, Mapping[str, str]]:
        names = self._registry.repository.config.remotes if self._is_asked else ()
        found: dict[str, Mapping[str, str]] = {}
        for name in names:
            try:
                found[name] = remote_tag_ids(
                    self._registry.repository,
                    name,
                    reach=Reach(seconds=self._registry.remote_seconds or _SECONDS),
                )
            except RegistryError as error:
                self.unreachable[name] = printable(error.message)
        return found

    def ask(self) -> None:
        """Ask now: afterwards it is known which do not answer."""
        _ = self._tags

    def having(self, tag: str) -> dict[str, str]:
        """The remotes that have a tag, and the object that it is there."""
        return {name: tags[tag] for name, tags in self._tags.items() if tag in tags}

    def branch_with(self, remote: str, commit: CommitId) -> str:
        """A branch of a remote that has this commit, as far as was fetched; empty: none has."""
        try:
            out = self._registry.repository.run(
                "for-each-ref", "--format=%(refname:strip=3)", f"--contains={commit}",
                f"refs/remotes/{remote}/",
            )  # fmt: skip
        except GitError:  # the commit is not here
            return ""
        names = out.decode(errors="replace").split()
        return printable(next((name for name in names if name != "HEAD"), ""))
