"""The refs that a bundle carries, and those that are taken from one. Pure; no other ref counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.bundling.errors import BundleError, MovedTagError
from builder.bundling.header import BundleHeader
from registry.errors import InvalidNameError
from registry.names import CommitId, ObjectId, is_library_name
from registry.verifying.head_statement import BRANCH
from registry.versions import parse_version

_TAGS = "refs/tags/"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|lock\b))*(?<!\.)"
_PLAIN = re.compile(rf"refs/heads/{_PART}(?:/{_PART})*", re.ASCII)
_REF_LENGTH = 200
_ROLLBACK = re.compile(r"rollback/[1-9][0-9]{0,8}", re.ASCII)
_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleOffer:
    """The refs to take from a bundle, when it proves sound. ``ignored`` counts its other refs."""

    branch: str
    head: CommitId
    statement: CommitId | None
    tags: Mapping[str, ObjectId]
    """By whole ref."""
    ignored: int

    def refs(self) -> dict[str, str]:
        """Every ref with its object."""
        statement = {BRANCH: self.statement} if self.statement is not None else {}
        return {**self.tags, self.branch: self.head, **statement}


def is_registry_tag(name: str) -> bool:
    """True if a tag, without ``refs/tags/``, is a release's or a rollback's."""
    library, slash, version = name.partition("/v")
    if not slash or not is_library_name(library):
        return _ROLLBACK.fullmatch(name) is not None
    try:
        return str(parse_version(version)) == version
    except InvalidNameError:
        return False


def is_plain_branch(ref: str) -> bool:
    """True if a ref is a branch that can be a registry's, with a name that is safe anywhere."""
    if f"{ref}/".startswith(f"{BRANCH}/") or len(ref) > _REF_LENGTH:
        return False
    return _PLAIN.fullmatch(ref) is not None


def choose_refs(header: BundleHeader, *, branch: str | None, where: str) -> BundleOffer:
    """Choose what to take: one branch (``branch``, where it is known), the statement and our tags.

    Raises BundleError when the branch is not in the bundle.
    """
    chosen = branch or _only_branch(header.refs, where)
    if chosen not in header.refs:
        raise BundleError(
            f"the bundle does not hold the branch {chosen.removeprefix('refs/heads/')!r}",
            where=where,
            next_step="Make it with 'opsteps bundle' from a clone that is on this branch",
        )
    statement = header.refs.get(BRANCH)
    tags = {
        ref: object_id
        for ref, object_id in header.refs.items()
        if ref.startswith(_TAGS) and is_registry_tag(ref.removeprefix(_TAGS))
    }
    taken = {chosen, BRANCH, "HEAD", *tags}
    return BundleOffer(
        branch=chosen,
        head=CommitId(header.refs[chosen]),
        statement=CommitId(statement) if statement is not None else None,
        tags=tags,
        ignored=len(header.refs.keys() - taken),
    )


def _only_branch(refs: Iterable[str], where: str) -> str:
    branches = [ref for ref in refs if is_plain_branch(ref)]
    if "refs/heads/main" in branches:
        return "refs/heads/main"
    if len(branches) != 1:
        raise BundleError(
            f"the bundle holds {len(branches)} branches that could be the registry's",
            where=where,
            next_step="Make it with 'opsteps bundle', which takes one",
        )
    return branches[0]


def refuse_moved_tags(offer: BundleOffer, local: Mapping[str, ObjectId], *, where: str) -> None:
    """Raises MovedTagError when a tag that is here (by whole ref) is another one in the bundle."""
    moved = [ref for ref, object_id in offer.tags.items() if local.get(ref, object_id) != object_id]
    if not moved:
        return
    named = ", ".join(ref.removeprefix(_TAGS) for ref in sorted(moved)[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    raise MovedTagError(
        f"tags were moved: {named}{more} name other objects here",
        where=where,
        next_step="Find out who moved them before you trust this bundle; nothing was changed",
    )
