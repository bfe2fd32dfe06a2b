from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import content, synthetic
from registry.checks.release import check_release
from registry.library.release_state import LibraryStatus, ReleaseState
from registry.snapshots.registry import Registry


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic") / "registry"
    synthetic.make_registry(path, libraries=40, steps=3)
    return path


def test_every_library_is_released_and_served(made: Path) -> None:
    registry = Registry.open(made)
    snapshot = registry.snapshot()
    libraries = list(snapshot.libraries(snapshot.names))
    registry.close()
    assert len(libraries) == 40
    for library in libraries:
        assert library.problems == ()
        assert library.status is LibraryStatus.ENABLED
        assert [record.state for record in library.releases] == [ReleaseState.RELEASED]
        assert library.content is not None
        assert len(library.content.steps) == 3


def test_the_working_tree_is_checked_out_and_clean(made: Path) -> None:
    status = subprocess.run(
        ["git", "-C", str(made), "status", "--porcelain"], capture_output=True, check=True
    )
    assert status.stdout == b""
    assert len(list((made / "libraries").iterdir())) == 40


def test_the_same_parameters_give_the_same_commit(made: Path, tmp_path: Path) -> None:
    synthetic.make_registry(tmp_path / "again", libraries=40, steps=3)
    synthetic.make_registry(tmp_path / "other", libraries=40, steps=3, seed=2)
    heads = [_head(path) for path in (made, tmp_path / "again", tmp_path / "other")]
    assert heads[0] == heads[1]
    assert heads[0] != heads[2]


def _head(path: Path) -> str:
    registry = Registry.open(path)
    head = registry.head()
    registry.close()
    return head


@pytest.mark.parametrize("number", [0, 7, 123, 9_999])
def test_what_is_generated_passes_the_strict_check(number: int) -> None:
    library = content.library(number, steps=7)
    checked = check_release(library.files, name=library.name, version=library.version, strict=True)
    assert checked.problems == ()
    assert len(set(library.steps)) == 7


def test_a_copy_can_be_changed_without_changing_the_cached_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSTEPS_BENCHMARK_CACHE", str(tmp_path / "cache"))
    cached = synthetic.cached_registry(libraries=3, steps=2)
    copy = synthetic.copied_registry(tmp_path / "copy", libraries=3, steps=2)
    before = _head(cached)
    name = next((copy / "libraries").iterdir()).name
    git = ["git", "-C", str(copy), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "rm", "-rq", f"libraries/{name}"], check=True)
    subprocess.run([*git, "commit", "-qm", "Remove one"], check=True)
    assert _head(copy) != before
    assert _head(cached) == before
    assert (cached / "libraries" / name / "library.yaml").is_file()
    assert synthetic.cached_registry(libraries=3, steps=2) == cached
