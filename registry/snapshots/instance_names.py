"""The instances that a registry knows: a mistyped one would have nothing switched off."""

from __future__ import annotations

from registry.errors import NotFoundError
from registry.formats.instance_file import parse_instance_name
from registry.formats.model import InstanceFacts
from registry.formats.parsing import parse_instance_facts
from registry.git.missing import object_at
from registry.git.trees import parse_tree
from registry.names import CommitId, LibraryName
from registry.snapshots.registry import Registry
from registry.words.likeness import alike

DEFAULT_INSTANCE = "production"


class UnknownInstanceError(NotFoundError):
    """An instance that a registry with others has never heard of."""


def instances_at(registry: Registry, head: CommitId) -> list[str]:
    """The instances that have files at a head, sorted."""
    found = object_at(registry.repository, head, "instances")
    if found is None or found.type != "tree":
        return []
    return sorted(entry.name for entry in parse_tree(found.content) if entry.is_tree)


def facts_by_instance(
    registry: Registry, head: CommitId, library: LibraryName
) -> dict[str, InstanceFacts]:
    """Return each instance's facts about a library at a head; a broken file is left out."""
    found: dict[str, InstanceFacts] = {}
    for instance in instances_at(registry, head):
        path = f"instances/{instance}/{library}.yaml"
        blob = object_at(registry.repository, head, path)
        parsed = parse_instance_facts(blob.content, file=path).value if blob is not None else None
        if parsed is not None:
            found[instance] = parsed
    return found


def require_instance(registry: Registry, *, is_new: bool = False) -> None:
    """Raise UnknownInstanceError for an instance that is neither known nor said to be new.

    Known is one with files, now or once (all back at the default leaves none), and
    ``production``. In a registry without any instance's files every name may be the first.
    """
    name = parse_instance_name(registry.instance)
    if is_new or name == DEFAULT_INSTANCE:
        return
    head = registry.head()
    known = instances_at(registry, head)
    if not known or name in known or _was_known(registry, head, name):
        return
    meant = alike(name, [*known, DEFAULT_INSTANCE])
    raise UnknownInstanceError(
        f"there is no instance {name!r}; there {'is' if len(known) == 1 else 'are'}: "
        + ", ".join(known[:10])
        + (f"; did you mean {meant[0]!r}?" if meant else ""),
        where=str(registry.path),
        next_step="What is switched off in another instance would be served: name the right one "
        "with --instance, or begin this one with --new-instance",
    )


def _was_known(registry: Registry, head: CommitId, name: str) -> bool:
    """True if it ever had files; walks the history, and only for a name without any."""
    return bool(registry.repository.run("rev-list", "-1", head, "--", f"instances/{name}"))
