"""A name stays taken as long as any of its releases has a tag, also when its directory is gone."""

from __future__ import annotations

import shlex

from registry.errors import ConflictError
from registry.git.repository import GitRepository
from registry.git.tag_refs import tag_refs
from registry.library.release_tag import is_release_tag
from registry.names import CommitId, LibraryName
from registry.versions import Version, is_version, parse_version
from registry.words.counting import counted


def refuse_taken_name(
    repository: GitRepository, name: LibraryName, head: CommitId, *, is_there: bool
) -> None:
    """Raise ConflictError for a name without a ledger that has release tags already.

    ``is_there`` when the library has a directory: then only tags on the head's own history count,
    as a colleague's may have been fetched before their branch is merged.
    """
    tags = [tag for tag in tag_refs(repository, [name]) if is_release_tag(tag)]
    if tags and is_there:
        tags = [tag for tag in tag_refs(repository, [name], merged=head) if is_release_tag(tag)]
    if not tags:
        return
    has, last = counted(len(tags), "release tag"), max(tags, key=_order)
    restore = f"git restore --source={shlex.quote(last)} --staged --worktree -- libraries/{name}"
    raise ConflictError(
        f"the name {name!r} is taken: it has {has}, the last of them {last!r}, and no ledger",
        where=f"libraries/{name}",
        next_step=f"Put the library back that was deleted: '{restore}', or merge where it is; or"
        " choose another name. Who deleted it, 'opsteps verify' says",
    )


def _order(tag: str) -> tuple[bool, Version]:
    version = tag.partition("/v")[2]
    known = is_version(version)
    return known, parse_version(version if known else "0.0.0")
