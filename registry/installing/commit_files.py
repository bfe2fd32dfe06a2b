"""The steps of an operation as one commit, with a tag for each new release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry.formats.instance_file import facts_file_bytes, instance_path
from registry.formats.library_file import facts_bytes, facts_path
from registry.git.commit_writer import Identity
from registry.installing.incoming import Incoming
from registry.installing.library_change import LibraryTransition
from registry.library.changelog import notes_of
from registry.library.release_state import ReleaseState
from registry.library.release_tag import tag_message, tag_name
from registry.transactions.transaction import NewTag

_CHANGELOG = "docs/CHANGELOG.md"


def files_of(
    steps: Iterable[LibraryTransition], instance: str
) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a commit of these steps sets, and the paths that it removes."""
    files: dict[str, bytes] = {}
    removed: list[str] = []
    for step in steps:
        _release_files(step, files, removed)
        name = step.change.name
        if step.before.facts != step.after.facts:
            files[facts_path(name)] = facts_bytes(step.after.facts)
        if step.before.instance != step.after.instance:
            content = facts_file_bytes(step.after.instance)
            if content is not None:
                files[instance_path(instance, name)] = content
            elif step.before.instance.content:
                removed.append(instance_path(instance, name))
    return files, removed


def _release_files(step: LibraryTransition, files: dict[str, bytes], removed: list[str]) -> None:
    name, before, after = step.change.name, step.before.trees, step.after.trees
    removed.extend(f"libraries/{name}/{version}" for version in sorted(before.keys() - after))
    for incoming in step.change.add:
        if before.get(incoming.version) != after.get(incoming.version):
            directory = f"libraries/{name}/{incoming.version}"
            files.update({f"{directory}/{path}": raw for path, raw in incoming.files.items()})


def new_releases(step: LibraryTransition) -> Iterator[Incoming]:
    """The releases that were never here before: they get a tag."""
    for incoming in step.change.add:
        record = step.before.release(incoming.version)
        if record is None or record.state is ReleaseState.CANDIDATE:
            yield incoming


def release_tag(incoming: Incoming, who: Identity) -> NewTag:
    """The tag of a new release."""
    notes = notes_of(incoming.files.get(_CHANGELOG, b""), incoming.version)
    return NewTag(
        name=tag_name(incoming.name, incoming.version),
        message=tag_message(
            incoming.name,
            incoming.version,
            digest=incoming.digest,
            tree=incoming.tree,
            notes=notes,
        ),
        who=who,
    )
