"""A registry as it is at one moment: its refs, its objects, and what this machine remembers of it.

Refs are read under the writers' lock, which takes moments; their objects are packed afterwards, as
nothing takes away what a ref named a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.files.locks import exclusive
from registry.git.repository import GitRepository
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal
from registry.transactions.recovery import recover

# All that cannot be made again; locks, caches, rows and what is under way are not part of a copy.
STATE_FILES = frozenset({"served.json", "served.log", "tokens-exist", "trusted.json"})
_PREFIX = "refs/opsteps/staging/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """A registry's refs at one moment, and the files of its state."""

    head: CommitId
    branch: str
    refs: Mapping[str, str]
    symbolic: Mapping[str, str]
    """Those that lead to another ref, and to which."""
    state: Mapping[str, bytes]
    """By path below the state directory."""


def freeze(registry: Registry) -> Frozen:
    """Read refs and state while no writer of ours is at work; raises GitError, OSError."""
    repository = registry.repository
    with exclusive(registry.state_directory / "write.lock"):
        # Nobody should go back to what a killed writer left half-way.
        recover(repository, Journal(registry.state_directory / "journal"))
        refs, symbolic = _refs(repository)
        return Frozen(
            head=registry.head(),
            branch=registry.branch,
            refs=refs,
            symbolic=symbolic,
            state={
                str(path.relative_to(registry.state_directory)): path.read_bytes()
                for path in state_files(registry.state_directory)
            },
        )


def _refs(repository: GitRepository) -> tuple[dict[str, str], dict[str, str]]:
    """Every ref with its object, however it is named, and where the symbolic ones lead."""
    out = repository.run("for-each-ref", "--format=%(objectname) %(refname) %(symref)")
    lines = out.decode(errors="surrogateescape").split("\n")[:-1]
    rows = [line.split(" ") for line in lines]
    kept = [(ref, found, leads) for found, ref, leads in rows if not ref.startswith(_PREFIX)]
    return (
        {ref: object_id for ref, object_id, _ in kept},
        {ref: leads for ref, _, leads in kept if leads},
    )


def state_files(directory: Path) -> Iterator[Path]:
    """The files of a state directory that cannot be made again."""
    for name in sorted(STATE_FILES):
        path = directory / name
        if path.is_file() and not path.is_symlink():
            yield path


def pack_objects(registry: Registry, frozen: Frozen, beside: Path) -> Path:
    """Pack all that these refs name, into ``<beside>-….pack``; raises GitError."""
    wanted = "".join(f"{object_id}\n" for object_id in {*frozen.refs.values(), frozen.head})
    out = registry.repository.run(
        "pack-objects", "--revs", "--quiet", "--delta-base-offset", str(beside.absolute()),
        stdin=wanted.encode(),
    )  # fmt: skip
    return beside.with_name(f"{beside.name}-{out.decode().strip()}.pack")


def bundle_header(frozen: Frozen) -> bytes:
    """Return the part of a Git bundle before its pack: any Git can clone from such a file."""
    refs = {"HEAD": frozen.head, **frozen.refs}
    lines = "".join(f"{object_id} {ref}\n" for ref, object_id in refs.items())
    return f"# v2 git bundle\n{lines}\n".encode(errors="surrogateescape")
