"""Compute the SHA-256 digest of every release again, each file's once, in one streaming pass."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.errors import LimitError
from registry.git.repository import GitRepository
from registry.git.trees import TREE_MODE
from registry.limits import Limits
from registry.names import Digest, LibraryName, ObjectId
from registry.trust.hashed_objects import read_present
from registry.trust.report import Attack, CheckName, CheckOutcome, Finding
from registry.verifying.tree_shapes import Trees

_FILE_MODES = frozenset({b"100644", b"100755"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The digest that the ledger has for a tree."""

    name: LibraryName
    version: str
    tree: ObjectId
    digest: Digest


def check_digests(
    repository: GitRepository, trees: Trees, releases: Sequence[Recorded], limits: Limits
) -> CheckOutcome:
    """Compare each release's files with its digest in the ledger."""
    trees.read(repository, (release.tree for release in releases))
    blobs = {
        object_id
        for tree in trees.all_below(release.tree for release in releases)
        for mode, _, object_id in trees.entries[tree]
        if mode in _FILE_MODES
    }
    hashes = {
        object_id: hashlib.sha256(content).hexdigest()
        for object_id, content in read_present(repository, sorted(blobs), "blob")
    }
    findings = tuple(_differences(trees, hashes, releases, limits))
    detail = f"{len(releases):,} releases, {len(hashes):,} files"
    return CheckOutcome(detail=detail, findings=findings)


def _differences(
    trees: Trees, hashes: Mapping[ObjectId, str], releases: Iterable[Recorded], limits: Limits
) -> Iterator[Finding]:
    for release in releases:
        try:
            digest = digest_of_hashes(_files(trees, release.tree, limits), hashes)
        except LimitError as error:
            what = f"its digest cannot be computed: {error.message}"
            yield _finding(release, what)
            continue
        if digest != release.digest:
            yield _finding(release, f"its files have the digest sha256:{digest}")


def _files(trees: Trees, root: ObjectId, limits: Limits) -> list[tuple[bytes, ObjectId]]:
    """Path and blob of each file; trees that name each other over and over end at a limit."""
    found: list[tuple[bytes, ObjectId]] = []
    pending = [(b"", root, 0)]
    while pending:
        prefix, tree, depth = pending.pop()
        for mode, name, object_id in trees.entries[tree]:
            if mode == TREE_MODE:
                pending.append((prefix + name + b"/", object_id, depth + 1))
            elif mode in _FILE_MODES:
                found.append((prefix + name, object_id))
        if len(found) + len(pending) > 2 * limits.release_files or depth > 2 * limits.path_depth:
            raise LimitError(f"it has more than {limits.release_files:,} files")
    return found


def digest_of_hashes(
    files: Iterable[tuple[bytes, ObjectId]], hashes: Mapping[ObjectId, str]
) -> Digest:
    """As `registry.library.digest.release_digest`, from the hashes of the files."""
    lines = sorted((_nfc(path), hashes[blob].encode()) for path, blob in files)
    summary = b"".join(hexed + b"  " + path + b"\n" for path, hexed in lines)
    return Digest(hashlib.sha256(summary).hexdigest())


def _nfc(path: bytes) -> bytes:
    if path.isascii():
        return path
    text = unicodedata.normalize("NFC", path.decode(errors="surrogateescape"))
    return text.encode(errors="surrogateescape")


def _finding(release: Recorded, what: str) -> Finding:
    return Finding(
        check=CheckName.DIGESTS,
        attack=Attack.ALTERED_RELEASE,
        library=release.name,
        version=release.version,
        what=what,
        evidence=f"ledger sha256:{release.digest}; tree {release.tree}",
        next_step="Treat the release as tampered with; compare with another clone",
    )
