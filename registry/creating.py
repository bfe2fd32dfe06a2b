"""Make a new registry: a Git repository with a first commit."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ConflictError
from registry.git import create_repository
from registry.names import parse_library_name
from registry.operation import Actor, operation_commit
from registry.parsing import parse_registry_facts
from registry.problems import InvalidLibraryError
from registry.snapshot import Registry
from registry.worktree import follow
from registry.writing import RefUpdate, move_refs, write_commit
from registry.yamltext import dump_yaml

_README = """# {title}

A registry of step libraries. `libraries/<name>/<version>/` holds a release, `library.yaml` beside
it what its publisher says of it, and the tag `<name>/v<version>` is what makes it a release.

    opsteps validate DIRECTORY     check a library
    opsteps add DIRECTORY          put it here as a candidate
    opsteps release NAME           release it
    opsteps serve                  serve the registry over HTTP
"""
# Git must never change a byte of a release: digests are over the blobs.
_ATTRIBUTES = "* -text\n"


def init_registry(
    path: Path,
    *,
    name: str,
    title: str,
    url: str = "http://127.0.0.1:3011",
    by: Actor | None = None,
) -> Registry:
    """Make a registry at ``path``.

    Raises ConflictError when there is something already, InvalidNameError, and InvalidLibraryError
    for a title or URL that ``registry.yaml`` may not hold; then nothing was made.
    """
    parse_library_name(name)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ConflictError(
            "the directory is not empty", where=str(path), next_step="Name an empty or new one"
        )
    facts = {"name": name, "title": title, "url": url}
    described = dump_yaml({**facts, "policy": {}, "publishers": {}, "upstreams": {}})
    checked = parse_registry_facts(described)
    if checked.value is None:
        raise InvalidLibraryError("registry.yaml", checked.problems)
    path.mkdir(parents=True, exist_ok=True)
    repository = create_repository(path)
    # Servers repack by themselves, at a time of their own.
    repository.run("config", "gc.auto", "0")
    commit = operation_commit(
        f"Begin the registry {name}",
        operation="init",
        by=by or Actor(name="opsteps"),
        files={
            "registry.yaml": described,
            "README.md": _README.format(title=title).encode(),
            ".gitattributes": _ATTRIBUTES.encode(),
        },
    )
    new = write_commit(repository, None, commit)
    move_refs(repository, [RefUpdate(ref="refs/heads/main", new=new)])
    follow(repository, None)
    repository.close()
    return Registry.open(path)
