"""Synthetic registries: real Git repositories of any size, the same bytes from the same parameters.

All objects go to Git in one ``fast-import`` stream; tags, ledger and digests are those that the
registry itself would write, so every library of it is released and served.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import content, words
from benchmarks.content import SyntheticLibrary
from benchmarks.errors import BenchmarkError
from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.formats.yaml_text import dump_yaml
from registry.git.object_ids import tree_id
from registry.git.repository import isolated_environment
from registry.library.digest import release_digest
from registry.library.release_tag import tag_message, tag_name
from registry.names import Digest
from registry.transactions.transaction import Actor, operation_message
from registry.versions import parse_version

# The moment of content.RELEASE_DATE.
_SECONDS = 1_767_225_600
_ACTOR = "synthetic"
_PERSON = str(Actor(name=_ACTOR).identity(_SECONDS))
_REGISTRY = {"name": "synthetic", "title": "Synthetic registry", "url": "https://steps.example.com"}
_BRANCH = "refs/heads/main"
_CACHE_VARIABLE = "OPSTEPS_BENCHMARK_CACHE"


def make_registry(path: Path, *, libraries: int, steps: int, seed: int = 1) -> None:
    """Make a registry of ``libraries`` with ``steps`` each at ``path``, which must not exist yet.

    Every library has one release, checked out. Raises BenchmarkError when Git refuses.
    """
    path.mkdir(parents=True)
    _git(path, "init", "--quiet", f"--initial-branch={_BRANCH.rpartition('/')[2]}")
    importer = subprocess.Popen(
        _command(path, "fast-import", "--quiet", "--done"),
        stdin=subprocess.PIPE,
        env=isolated_environment(),
    )
    if importer.stdin is None:
        raise BenchmarkError("git fast-import has no input", next_step="Look at 'git --version'")
    with importer.stdin as stream:
        for piece in _stream(libraries, steps, seed):
            stream.write(piece)
    if importer.wait() != 0:
        raise BenchmarkError("git fast-import failed", next_step="Read what it printed above")
    _git(path, "pack-refs", "--all")
    _git(path, "-c", "checkout.workers=0", "reset", "--quiet", "--hard")


def cached_registry(*, libraries: int, steps: int, seed: int = 1) -> Path:
    """A registry made once for these parameters and this generator; never change what it returns.

    Kept in the directory that OPSTEPS_BENCHMARK_CACHE names, else with the temporary files.
    """
    target = _cache() / f"{libraries}x{steps}-{seed}-{_generator_hash()}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "registry"
            make_registry(made, libraries=libraries, steps=steps, seed=seed)
            if not target.is_dir():  # else another run was quicker
                made.rename(target)
        prefix = target.name.rpartition("-")[0]
        for old in target.parent.glob(f"{prefix}-*"):
            if old != target:  # made by another version of the generator
                shutil.rmtree(old, ignore_errors=True)
    return target


def copied_registry(path: Path, *, libraries: int, steps: int, seed: int = 1) -> Path:
    """A registry at ``path`` that a benchmark may change with Git.

    The working tree's files are hard links where that is possible: Git replaces a file, it never
    writes into one.
    """
    source = cached_registry(libraries=libraries, steps=steps, seed=seed)
    path.mkdir(parents=True)
    shutil.copytree(source / ".git", path / ".git")
    for entry in source.iterdir():
        if entry.name == ".git":
            continue
        if not _linked(entry, path):
            subprocess.run(["cp", "-a", str(entry), str(path)], check=True)
    # The index remembers other inodes and times; let it look once, now.
    with contextlib.suppress(BenchmarkError):  # it only says that something needed the look
        _git(path, "update-index", "-q", "--refresh")
    return path


def _linked(entry: Path, into: Path) -> bool:
    done = subprocess.run(["cp", "-al", str(entry), str(into)], capture_output=True, check=False)
    return done.returncode == 0


def clear_cache() -> None:
    """Forget every registry that was made."""
    shutil.rmtree(_cache(), ignore_errors=True)


def _cache() -> Path:
    named = os.environ.get(_CACHE_VARIABLE)
    return Path(named) if named else Path(tempfile.gettempdir()) / "opsteps-benchmarks"


def _generator_hash() -> str:
    """Changes with what determines the bytes: this generator and the registry's own formats."""
    sources = [Path(__file__), Path(content.__file__), Path(words.__file__)]
    written_by = (tag_message, release_digest, facts_bytes, dump_yaml)
    sources += [Path(function.__code__.co_filename) for function in written_by]
    state = hashlib.sha256()
    for source in sources:
        state.update(source.read_bytes())
    return state.hexdigest()[:12]


def _command(path: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(path), "-c", "gc.auto=0", "-c", "core.autocrlf=false", *arguments]


def _git(path: Path, *arguments: str) -> None:
    done = subprocess.run(
        _command(path, *arguments), env=isolated_environment(), capture_output=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise BenchmarkError(f"git {arguments[0]} failed: {said}", next_step="Run it by hand")


def _stream(libraries: int, steps: int, seed: int) -> Iterator[bytes]:
    """The fast-import stream: one commit for the registry, one for all libraries, then the tags."""
    yield _commit(1, "Begin the registry synthetic", "init")
    yield _file("registry.yaml", dump_yaml(_REGISTRY))
    yield _file(".gitattributes", b"* -text\n")
    yield _commit(2, f"Import {libraries} libraries", "import")
    tags: list[bytes] = []
    for number in range(libraries):
        library = content.library(number, steps=steps, seed=seed)
        digest = release_digest(library.files)
        yield from _library(library, digest)
        version = parse_version(library.version)
        message = tag_message(
            library.name, version, digest=digest, tree=tree_id(library.files)
        ).encode()
        name = tag_name(library.name, version).encode()
        tags.append(b"tag %b\nfrom :2\ntagger %b\n%b" % (name, _PERSON.encode(), _data(message)))
    yield from tags
    yield b"done\n"


def _library(library: SyntheticLibrary, digest: Digest) -> Iterator[bytes]:
    facts = LibraryFacts(
        owners=("platform-team",),
        ledger={library.version: LedgerEntry(digest=digest, date=content.RELEASE_DATE)},
    )
    root = f"libraries/{library.name}"
    yield _file(f"{root}/library.yaml", facts_bytes(facts))
    for path, raw in library.files.items():
        yield _file(f"{root}/{library.version}/{path}", raw)


def _commit(mark: int, summary: str, operation: str) -> bytes:
    message = operation_message(
        summary, operation=operation, by=Actor(name=_ACTOR, request=operation)
    )
    head = f"commit {_BRANCH}\nmark :{mark}\ncommitter {_PERSON}\n".encode()
    return head + _data(message.encode())


def _file(path: str, raw: bytes) -> bytes:
    return b"M 100644 inline %b\n%b" % (path.encode(), _data(raw))


def _data(raw: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(raw), raw)
