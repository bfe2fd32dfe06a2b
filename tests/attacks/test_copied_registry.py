"""A registry that was copied from a stranger with its whole ``.git``: nothing in it is believed."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.search.index_update import update_index
from builder.search.state import file_marks, read_index_state, write_state
from builder.validation.outcome_cache import ValidationOutcome, rules_version
from registry.files.cache_file import write_derived
from registry.git.commit_writer import RefUpdate
from registry.names import CommitId
from registry.snapshots.cache_place import cache_directory, cache_directory_of
from registry.snapshots.dependency_index import Needs
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal
from registry.transactions.transaction import follow_head
from tests.installed import opsteps
from tests.registry.making import NAME, files, git, new_registry, put, write_files
from tests.server.real_server import serving, until


class _Runs:
    """Unpickled, it makes a directory: the mark that somebody's code ran."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self._mark),)


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[Registry]:
    """Of a stranger, who made a release and then what follows in ``.git/opsteps``."""
    with new_registry(tmp_path / "theirs") as made:
        put(made, files())
        follow_head(made)
        yield made


def _copied(strange: Registry, to: Path) -> Path:
    strange.close()
    return Path(shutil.copytree(strange.path, to, symlinks=True))


def _poison(directory: Path, mark: Path) -> None:
    """Every file of the index becomes a pickle that runs; its checksums and lengths agree."""
    state = read_index_state(directory)
    assert state is not None
    inside = directory / state.directory
    toc = next(inside.glob("*.toc"))
    # Whoosh's own header, up to where it unpickles the schema; both pickles there are ours.
    raw = toc.read_bytes()
    evil = pickle.dumps(_Runs(mark))
    at = raw.index(b"\x80")
    toc.write_bytes(raw[: at - _varint_length(raw, at)] + bytes([len(evil)]) + evil + evil)
    write_state(directory, replace(state, marks=file_marks(inside)))


def _varint_length(raw: bytes, end: int) -> int:
    """How many bytes before ``end`` are the length that stands there."""
    length = 1
    while raw[end - length - 1] & 0x80:
        length += 1
    return length


@pytest.fixture
def poisoned(strange: Registry, tmp_path: Path) -> tuple[Path, Path]:
    """A copy whose search index runs code when it is unpickled, and the mark of that."""
    mark = tmp_path / "it-ran"
    directory = strange.state_directory / "search"
    update_index(directory, strange.snapshot())
    _poison(directory, mark)
    return _copied(strange, tmp_path / "ours"), mark


def test_a_hostile_index_runs_nothing_and_search_works(poisoned: tuple[Path, Path]) -> None:
    path, mark = poisoned
    assert "file-tools.file.copy" in opsteps(path, "search", "copy", "--kind", "step")
    assert not mark.exists()


def test_a_hostile_index_runs_nothing_in_a_server(poisoned: tuple[Path, Path]) -> None:
    path, mark = poisoned
    with serving(path) as client:
        until(lambda: client.get("/api/v1/search?q=copy").status == 200, seconds=120)
        found = client.get("/api/v1/search?q=copy&kind=step").json()
    assert "file-tools.file.copy" in str(found)
    assert not mark.exists()


def test_outcomes_that_came_with_a_registry_hide_no_problem(
    strange: Registry, tmp_path: Path
) -> None:
    write_files(strange.path / "libraries/bad-tools/1.0.0", {"manifest.json": b"{}"})
    git(strange.path, "add", ".")
    git(strange.path, "commit", "--quiet", "--no-verify", "-m", "Add it")
    tree = git(strange.path, "rev-parse", "HEAD:libraries/bad-tools/1.0.0")
    lie = {"libraries/bad-tools/1.0.0": ValidationOutcome(object_id=tree)}
    write_derived(strange.state_directory / "validated.json", lie, version=rules_version())
    assert "bad-tools" in opsteps(_copied(strange, tmp_path / "ours"), "validate", expect=1)


def test_dependencies_that_came_with_a_registry_are_not_believed(
    strange: Registry, tmp_path: Path
) -> None:
    tree = git(strange.path, "rev-parse", f"HEAD:libraries/{NAME}")
    lie = {tree: {"1.0.0": Needs(dependencies=("mallory-tools>=1",))}}
    kept = strange.state_directory / "dependencies.json"
    write_derived(kept, lie, version="dependencies-2")
    path = _copied(strange, tmp_path / "ours")
    opsteps(path, "toggle", "file-tools", "--off")
    assert "mallory" not in opsteps(path, "toggle", "file-tools", "--on")


def test_a_journal_that_came_with_a_registry_removes_no_file_elsewhere(
    strange: Registry, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.lock"
    mine.write_text("")
    updates = [RefUpdate(ref=f"refs/heads/../../../../{mine.stem}", new=strange.head())]
    Journal(strange.state_directory / "journal").begin(strange.head(), updates)
    path = _copied(strange, tmp_path / "ours")
    opsteps(path, "toggle", "file-tools", "--off")
    assert mine.exists()


@pytest.mark.parametrize("kind", ["moving", "following"])
@pytest.mark.parametrize("field", ["head", "old", "new"])
def test_a_journal_that_came_with_a_registry_gives_git_no_option(
    strange: Registry, tmp_path: Path, kind: str, field: str
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    option = CommitId(f"--output={mine}")
    ids = {"old": git(strange.path, "rev-parse", "HEAD~1"), "new": strange.head()}
    journal = Journal(strange.state_directory / "journal")
    head = option if field == "head" else strange.head()
    changed = ids | ({} if field == "head" else {field: option})
    entry = journal.begin(head, [RefUpdate(ref=strange.branch, **changed)])
    if kind == "following":
        journal.moved(entry)
    path = _copied(strange, tmp_path / "ours")
    opsteps(path, "toggle", "file-tools", "--off")
    assert mine.read_text() == "mine"
    assert list((path / ".git/opsteps/journal").glob("*.unreadable"))


def test_a_place_that_others_may_write_to_is_not_used(
    strange: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSTEPS_CACHE", str(tmp_path / "shared"))
    own = cache_directory(strange)
    assert own.is_relative_to(tmp_path / "shared")
    assert own.stat().st_mode & 0o077 == 0
    own.chmod(0o777)
    cache_directory_of.__globals__["_of_user"].cache_clear()
    assert not cache_directory(strange).is_relative_to(tmp_path / "shared")
    cache_directory_of.__globals__["_of_user"].cache_clear()


@pytest.mark.parametrize(
    "name", ["index.ours", "write.lock", "opsteps.db", "checkout", "journal/x.json", "."]
)
def test_a_link_in_the_state_is_written_through_by_nobody(
    strange: Registry, tmp_path: Path, name: str
) -> None:
    copied = _copied(strange, tmp_path / "copied")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keys").write_text("mine")
    link = copied / ".git/opsteps" / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    is_directory = name in {"checkout", "."}
    link.symlink_to(victim if is_directory else victim / "keys")
    said = opsteps(tmp_path, "toggle", str(NAME), "--off", "--registry", copied, expect=3)
    assert "leads elsewhere" in said
    assert [path.name for path in victim.iterdir()] == ["keys"]
    assert (victim / "keys").read_text() == "mine"


def test_a_pipe_in_the_state_holds_nobody(strange: Registry, tmp_path: Path) -> None:
    copied = _copied(strange, tmp_path / "copied")
    os.mkfifo(copied / ".git/opsteps/served.json")
    assert "leads elsewhere" in opsteps(tmp_path, "log", "--registry", copied, expect=3)
