"""A repository apart, where a bundle is unpacked and looked at before anything is believed.

It sees the objects that are here already and none of the refs that are offered. Taking it in
moves its pack files; throwing it away leaves no trace of the bundle.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from builder.bundling.errors import MissingCommitError, NotABundleError
from builder.bundling.header import BundleHeader
from registry.files.durable import sync_directories, write_durably
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId
from registry.trust.commit_walk import descends


@contextmanager
def quarantine(directory: Path, objects_of: GitRepository | None) -> Iterator[Path]:
    """A new repository below ``directory``, which is gone afterwards unless it was moved.

    One that a killed process left there is gone as well, where nobody else may be at work on it:
    beside the objects of a registry, whose import lock is held.
    """
    from registry.git.gitpython import create_repository

    if objects_of is not None:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f".opsteps-incoming-{uuid.uuid4().hex}"
    path.mkdir()
    try:
        repository = create_repository(path)
        if objects_of is not None:
            objects = objects_of.common_dir.resolve() / "objects"
            information = repository.common_dir / "objects" / "info"
            information.mkdir(exist_ok=True)
            (information / "alternates").write_bytes(os.fsencode(objects) + b"\n")
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def unpack(repository: GitRepository, file: BinaryIO, *, where: str) -> None:
    """Unpack what follows a bundle's header; every object is checked as ``git fsck`` does it.

    Raises NotABundleError for a pack that is damaged, not complete, or has a bad object.
    """
    arguments = ["index-pack", "--stdin", "--fix-thin", "--strict"]
    with tempfile.TemporaryFile() as errors:
        process = repository.start(arguments, errors)
        try:
            with process.stdin or tempfile.TemporaryFile() as pipe:
                shutil.copyfileobj(file, pipe)
        except BrokenPipeError:
            pass  # it has seen enough, and says why below
        finally:
            code = process.wait()
        errors.seek(0)
        reason = errors.read(2000).decode(errors="replace").strip()
    if code != 0:
        raise NotABundleError(
            f"the bundle is damaged or has a bad object: {reason}",
            where=where,
            next_step="Copy it again, or make it again",
        )


def refuse_missing(
    repository: GitRepository, header: BundleHeader, head: CommitId | None, *, where: str
) -> None:
    """Raises MissingCommitError for a commit that must be here, in the history of our head."""
    for needed in header.prerequisites:
        found = repository.object(needed)
        is_here = found is not None and found.type == "commit"
        # Lying around is not enough: what it builds upon may be missing.
        if not is_here or head is None or not descends(repository, head, needed):
            raise MissingCommitError(
                f"it continues from the commit {needed}, which is not here",
                where=where,
                next_step="Import the bundle before it first, or one made without '--since'",
            )


def write_refs(repository: GitRepository, branch: str, refs: Mapping[str, str]) -> None:
    """Give a new repository its refs at once: one file, where a ref each would be thousands."""
    lines = "".join(f"{object_id} {ref}\n" for ref, object_id in sorted(refs.items()))
    head = "# pack-refs with: sorted \n"
    write_durably(repository.common_dir / "packed-refs", f"{head}{lines}".encode())
    repository.run("symbolic-ref", "HEAD", branch)


def take_objects(source: GitRepository, target: GitRepository) -> None:
    """Move the packs of one repository into another; each is found there with its index, last."""
    packs = source.common_dir / "objects" / "pack"
    place = target.common_dir / "objects" / "pack"
    place.mkdir(exist_ok=True)
    files = sorted(packs.glob("pack-*"), key=lambda file: file.suffix == ".idx")
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        file.replace(place / file.name)
    sync_directories([place])


def absent(repository: GitRepository, refs: Mapping[str, ObjectId | CommitId | str]) -> list[str]:
    """The refs whose object is not there, or of the wrong type: branches name commits."""
    found = zip(refs, repository.objects(list(refs.values())), strict=True)
    return [
        ref
        for ref, item in found
        if item is None or item.type != ("commit" if ref.startswith("refs/heads/") else item.type)
    ]
