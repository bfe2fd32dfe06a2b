"""``opsteps upstream``, ``install``, ``update`` and ``lock``, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from registry.snapshots.registry import Registry
from tests.installed import OPSTEPS
from tests.registry.making import files, git, new_registry, put, write_files

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    new_registry(tmp_path / "ours").close()
    return tmp_path / "ours"


def run(where: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=where,
        env={**os.environ, "COLUMNS": "140", "NO_COLOR": "1"},
    )  # fmt: skip


def add(ours: Path, theirs: Registry) -> None:
    done = run(ours, "upstream", "add", "pub", theirs.path, "--allow-private")
    assert done.returncode == 0, done.stderr


def test_add_list_available_install_update_lock(
    ours: Path, theirs: Registry, tmp_path: Path
) -> None:
    done = run(ours, "upstream", "add", "pub", theirs.path, "--allow-private")
    assert done.returncode == 0
    assert "Added pub: 2 libraries" in done.stdout
    (row,) = json.loads(run(ours, "upstream", "list", "--json").stdout)
    assert row["trusted"] == row["head"] == theirs.head()
    assert row["allow_private"] is True
    assert "pub" in run(ours, "upstream", "list").stdout
    offered = json.loads(run(ours, "upstream", "available", "--json").stdout)
    assert [(one["name"], one["status"]) for one in offered] == [
        ("base-tools", "available"),
        ("top-tools", "available"),
    ]
    done = run(ours, "install", "top-tools")
    assert done.stdout.splitlines() == [
        "Installed base-tools 1.1.0 from pub",
        "Installed top-tools 1.0.0 from pub",
    ]
    assert (ours / "libraries/top-tools/1.0.0/manifest.json").is_file()
    put(theirs, files("base-tools", "1.2.0"))
    dry = run(ours, "update", "--dry-run")
    assert "Would update base-tools 1.1.0 → 1.2.0 from pub" in dry.stdout
    only = run(ours, "upstream", "available", "--status", "update available")
    assert "base-tools" in only.stdout
    assert "top-tools" not in only.stdout
    assert "Updated base-tools 1.1.0 → 1.2.0 from pub" in run(ours, "update").stdout
    assert "Everything is up to date" in run(ours, "update").stdout
    assert run(ours, "lock", "-o", tmp_path / "set.lock").returncode == 0
    new_registry(tmp_path / "again").close()
    add(tmp_path / "again", theirs)
    done = run(tmp_path / "again", "install", "--lock", tmp_path / "set.lock")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path / "again", "lock", "-o", "-").stdout == (tmp_path / "set.lock").read_text()


def test_comments_of_registry_yaml_stay(ours: Path, theirs: Registry) -> None:
    before = (ours / "registry.yaml").read_text()
    add(ours, theirs)
    added = (ours / "registry.yaml").read_text()
    assert f"url: file://{theirs.path}" in added
    assert [line for line in before.splitlines() if line.startswith("#")] == [
        line for line in added.splitlines() if line.startswith("#")
    ]
    assert run(ours, "upstream", "remove", "pub").returncode == 0
    assert json.loads(run(ours, "upstream", "list", "--json").stdout) == []
    assert not (ours / ".git/opsteps/upstreams/pub").exists()


def test_what_cannot_be_fetched_is_not_declared(ours: Path, tmp_path: Path) -> None:
    done = run(ours, "upstream", "add", "pub", tmp_path / "nothing", "--allow-private")
    assert done.returncode == 6
    assert "cannot be fetched" in done.stderr
    assert json.loads(run(ours, "upstream", "list", "--json").stdout) == []


def test_an_alias_is_not_taken_twice_and_what_was_fetched_stays(
    ours: Path, theirs: Registry, tmp_path: Path
) -> None:
    add(ours, theirs)
    done = run(ours, "upstream", "add", "pub", tmp_path, "--allow-private")
    assert done.returncode == 5
    assert "there is an upstream 'pub' already" in done.stderr
    assert run(ours, "install", "base-tools", "--offline").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["upstream", "add", "pub", "ext::sh -c id"], 2, "is not an address"),
        (["upstream", "add", "pub", "https://localhost/x"], 2, "--allow-private"),
        (["upstream", "add", "Pub", "https://example.com/x"], 2, "not a name for an upstream"),
        (["upstream", "update", "none"], 4, "there is no upstream 'none'"),
        (["upstream", "trust", "none", "HEAD"], 4, "there is no upstream 'none'"),
        (["install", "wanted"], 4, "no upstream has a library 'wanted'"),
        (["install", "--lock", "none.lock"], 4, "the lock file cannot be read"),
        (["install"], 2, "name what to install"),
        (["install", "Not A Name"], 4, "neither a file nor a library"),
        (["update", "wanted"], 4, "no upstream has a library 'wanted'"),
    ],
)
def test_what_is_wrong_has_its_exit_code_and_says_what_to_do(
    ours: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run(ours, *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr.replace("\n", " ")


def test_an_upstream_whose_history_was_rewritten_is_trusted_only_by_a_person(
    ours: Path, theirs: Registry
) -> None:
    add(ours, theirs)
    git(theirs.path, "checkout", "-q", "-f", "HEAD")
    git(theirs.path, "commit", "-q", "--no-verify", "--amend", "-m", "rewritten")
    done = run(ours, "upstream", "update")
    assert done.returncode == 5
    assert "does not descend from" in done.stderr
    done = run(ours, "upstream", "trust", "pub", theirs.head())
    assert done.returncode == 0, done.stderr
    assert run(ours, "upstream", "update").returncode == 0


def test_files_and_libraries_of_upstreams_are_told_apart(
    ours: Path, theirs: Registry, tmp_path: Path
) -> None:
    add(ours, theirs)
    write_files(tmp_path / "mine", files("mine", "1.0.0"))
    assert run(ours, "install", tmp_path / "mine").stdout == "Installed mine 1.0.0\n"
    assert "Installed base-tools 1.1.0" in run(ours, "install", "base-tools").stdout


def test_a_lock_says_which_upstream_to_add_and_that_uploads_do_not_come(
    ours: Path, theirs: Registry, tmp_path: Path
) -> None:
    add(ours, theirs)
    assert run(ours, "install", "base-tools").returncode == 0
    assert run(ours, "lock", "-o", tmp_path / "set.lock").returncode == 0
    again = tmp_path / "again"
    new_registry(again).close()
    done = run(again, "install", "--lock", tmp_path / "set.lock")
    assert done.returncode != 0
    assert f"'opsteps upstream add pub file://{theirs.path}'" in " ".join(done.stderr.split())
    write_files(tmp_path / "own", files("own-tools", "1.0.0"))
    assert run(ours, "install", tmp_path / "own").returncode == 0
    assert run(ours, "lock", "-o", tmp_path / "set.lock").returncode == 0
    add(again, theirs)
    done = run(again, "install", "--lock", tmp_path / "set.lock")
    assert done.returncode != 0
    assert "own-tools 1.0.0 was uploaded or released in" in " ".join(done.stderr.split())
    assert run(again, "install", tmp_path / "own").returncode == 0
    assert run(again, "install", "--lock", tmp_path / "set.lock").returncode == 0


def test_a_bare_name_is_no_directory_where_an_upstream_may_have_it(
    ours: Path, theirs: Registry, tmp_path: Path
) -> None:
    write_files(tmp_path / "base-tools", files("base-tools", "9.0.0"))
    add(ours, theirs)
    done = run(tmp_path, "install", "base-tools", "-r", "ours")
    assert done.returncode == 5
    assert "./base-tools for what is here" in done.stderr
    assert not (ours / "libraries").exists()
    done = run(tmp_path, "install", "./base-tools", "-r", "ours")
    assert "Installed base-tools 9.0.0" in done.stdout
