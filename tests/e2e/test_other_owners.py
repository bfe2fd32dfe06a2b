"""Repositories of another user: read where Git reads them, refused where Git refuses them."""

import os
import re
from pathlib import Path

import pytest

from registry.transactions.transaction import follow_head
from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files
from tests.unprivileged import NOBODY

_IS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows who this is, so that nothing is said of that."""
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Nora")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A bare registry of another user."""
    with new_registry(tmp_path / "first") as made:
        put(made, files())
        follow_head(made)
    git(tmp_path, "clone", "-q", "--bare", "first", "host.git")
    git(tmp_path, "clone", "-q", "host.git", "mine")
    write_files(tmp_path / "library", files("new-tools"))
    _give(tmp_path / "host.git")
    return tmp_path / "host.git"


def _give(path: Path) -> None:
    for directory, _, names in os.walk(path):
        for name in (".", *names):
            os.chown(Path(directory, name), NOBODY, NOBODY)


def _consent(said: str, home: Path) -> dict[str, str]:
    """Do what it says, in a configuration of the user's own."""
    line = re.search(r"'git (config --global --add safe\.directory [^']*)'", said)
    assert line is not None, said
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")}
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        git(home, *line[1].split())
    finally:
        os.environ.clear()
        os.environ.update(before)
    return environment


@_IS_ROOT
def test_remote_of_another_user_needs_consent_and_obeys_it(host: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    use = ("add", "../library", "--remote", "origin")
    said = opsteps(mine, *use, expect=6)
    assert "belongs to another user" in said
    assert "fsck" not in said
    assert len(said.splitlines()) == 2
    opsteps(mine, *use, env=_consent(said, tmp_path / "home"))
    assert git(mine, "-c", f"safe.directory={host}", "rev-parse", "origin/main") == git(
        mine, "rev-parse", "HEAD"
    )


@_IS_ROOT
def test_upstream_of_another_user_needs_consent_and_obeys_it(host: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    use = ("upstream", "add", "theirs", host.as_uri(), "--allow-private")
    said = opsteps(mine, *use, expect=6)
    assert "belongs to another user" in said
    opsteps(mine, *use, env=_consent(said, tmp_path / "home"))


@_IS_ROOT
@pytest.mark.parametrize("value", ["*", "{host}"])
def test_consent_by_the_environment_counts_and_nothing_else_does(
    host: Path, tmp_path: Path, value: str
) -> None:
    """``GIT_CONFIG_COUNT`` is how containers set it; other settings stay unheard."""
    environment = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": value.format(host=host),
        "GIT_CONFIG_KEY_1": "url.file:///nowhere/.insteadOf",
        "GIT_CONFIG_VALUE_1": str(tmp_path),
    }
    opsteps(tmp_path / "mine", "add", "../library", "--remote", "origin", env=environment)


@_IS_ROOT
def test_consent_that_a_repository_gives_itself_is_none(host: Path, tmp_path: Path) -> None:
    git(tmp_path / "mine", "config", "safe.directory", "*")
    git(host.parent / "mine", "config", "--add", "safe.directory", str(host))
    said = opsteps(tmp_path / "mine", "add", "../library", "--remote", "origin", expect=6)
    assert "belongs to another user" in said


@_IS_ROOT
def test_registry_of_another_user_is_read(host: Path) -> None:
    opsteps(host, "verify")
    opsteps(host, "show", "file-tools")
    opsteps(host, "diff")
