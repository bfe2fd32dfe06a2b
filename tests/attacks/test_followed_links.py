"""Commits of whoever may push: the working tree follows, and nothing outside of it is touched."""

from __future__ import annotations

from pathlib import Path

from registry.git.repository import GitRepository
from registry.git.worktree import follow
from registry.names import CommitId
from tests.registry.making import git


def _commit(pusher: Path, registry: Path) -> CommitId:
    """What is there becomes the head of the registry, whose files do not follow yet."""
    git(pusher, "add", "--all")
    git(pusher, "commit", "--quiet", "--message", "pushed")
    git(registry, "fetch", "--quiet", str(pusher), "main")
    git(registry, "update-ref", "refs/heads/main", "FETCH_HEAD")
    return CommitId(git(registry, "rev-parse", "HEAD").strip())


def _clones(where: Path) -> tuple[Path, Path]:
    """A registry and a clone of it that somebody else pushes from."""
    registry, pusher = where / "registry", where / "pusher"
    registry.mkdir()
    git(registry, "init", "--quiet", "--initial-branch=main")
    git(registry, "commit", "--quiet", "--allow-empty", "--message", "first")
    (registry / ".git/opsteps").mkdir()
    git(where, "clone", "--quiet", str(registry), str(pusher))
    return registry, pusher


def test_a_file_takes_the_place_of_a_link_and_never_goes_where_it_leads(tmp_path: Path) -> None:
    registry, pusher = _clones(tmp_path)
    victim = tmp_path / "victim"
    victim.mkdir()
    link = pusher / "notes/profile"
    link.parent.mkdir()
    repository = GitRepository(registry)
    before = repository.resolve_commit("HEAD")
    link.symlink_to(victim)
    linked = _commit(pusher, registry)
    assert follow(repository, before) == ()
    assert (registry / "notes/profile").is_symlink()
    link.unlink()
    link.write_text("pwned")
    filed = _commit(pusher, registry)
    assert follow(repository, linked) == ()
    assert list(victim.iterdir()) == []
    assert not (registry / "notes/profile").is_symlink()
    assert (registry / "notes/profile").read_text() == "pwned"
    # And the other way round: the link comes back in the place of the file.
    link.unlink()
    link.symlink_to(victim)
    _commit(pusher, registry)
    assert follow(repository, filed) == ()
    assert (registry / "notes/profile").readlink() == victim


def test_a_folder_takes_the_place_of_a_link_to_a_folder(tmp_path: Path) -> None:
    registry, pusher = _clones(tmp_path)
    victim = tmp_path / "victim"
    victim.mkdir()
    repository = GitRepository(registry)
    before = repository.resolve_commit("HEAD")
    (pusher / "notes").symlink_to(victim)
    linked = _commit(pusher, registry)
    follow(repository, before)
    (pusher / "notes").unlink()
    (pusher / "notes").mkdir()
    (pusher / "notes/profile").write_text("pwned")
    _commit(pusher, registry)
    assert follow(repository, linked) == ()
    assert list(victim.iterdir()) == []
    assert (registry / "notes/profile").read_text() == "pwned"
