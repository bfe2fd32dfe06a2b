"""One release as one commit: everything is written beforehand, so that only the refs must move."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.content import RELEASE_DATE, SyntheticLibrary
from registry.formats.library_file import facts_bytes, with_release
from registry.git.commit_writer import NewCommit, RefUpdate, move_refs, write_commit, write_tags
from registry.git.object_ids import tree_id
from registry.library.digest import release_digest
from registry.library.release_tag import tag_message, tag_name, tag_object
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, operation_message
from registry.versions import parse_version

_BY = Actor(name="benchmark", request="benchmark")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A release whose objects are there and whose refs are not."""

    updates: tuple[RefUpdate, ...]

    def publish(self, registry: Registry) -> None:
        """Move the tag and the branch together: from here on the release is visible."""
        move_refs(registry.repository, self.updates)


def prepare(registry: Registry, library: SyntheticLibrary) -> Prepared:
    """Write the commit and the tag of a release upon the registry's head."""
    version = parse_version(library.version)
    at = read_library(registry, library.name)
    digest, tree = release_digest(library.files), tree_id(library.files)
    facts = with_release(at.facts, version, digest, RELEASE_DATE)
    root = f"libraries/{library.name}"
    files = {f"{root}/{version}/{path}": raw for path, raw in library.files.items()}
    who = _BY.identity()
    commit = write_commit(
        registry.repository,
        at.head,
        NewCommit(
            message=operation_message(
                f"Release {library.name} {version}",
                operation="release",
                by=_BY,
            ),
            who=who,
            files={**files, f"{root}/library.yaml": facts_bytes(facts)},
        ),
    )
    name = tag_name(library.name, version)
    message = tag_message(library.name, version, digest=digest, tree=tree)
    (tag,) = write_tags(registry.repository, [tag_object(name, commit, message, tagger=str(who))])
    updates = (
        RefUpdate(ref=f"refs/tags/{name}", new=tag),
        RefUpdate(ref="HEAD", new=commit, old=at.head),
    )
    return Prepared(updates=updates)
