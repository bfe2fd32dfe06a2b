"""What a repository is like, and what its surroundings may not change."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError, GitError, IncompleteCloneError, NotARegistryError
from registry.git.repository import GitRepository
from registry.library.release_state import LibraryStatus
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.edits import edited_paths
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import (
    NAME,
    commit_all,
    files,
    git,
    loosened,
    new_registry,
    put,
    write_files,
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = new_registry(tmp_path / "registry")
    put(made, files())
    git(made.path, "reset", "-q", "--hard")
    yield made
    made.close()


def assert_serves(path: Path) -> None:
    with Registry.open(path) as opened:
        library = opened.snapshot().library(NAME)
        assert library.status is LibraryStatus.ENABLED
        assert library.content is not None
        assert opened.head() == git(path, "rev-parse", "HEAD")


def test_packed_refs_and_objects_are_read(registry: Registry) -> None:
    git(registry.path, "gc", "-q", "--prune=now")
    assert not (registry.path / ".git/refs/heads/main").exists()
    assert_serves(registry.path)


def test_objects_packed_while_a_reader_is_open_are_found(registry: Registry) -> None:
    assert registry.snapshot().library(NAME).content is not None
    git(registry.path, "gc", "-q", "--prune=now")
    put(registry, files(version="2.0.0"))
    library = registry.snapshot().library(NAME)
    assert library.content is not None
    assert library.content.manifest.version == "2.0.0"


def test_detached_head_is_read_and_not_written(registry: Registry) -> None:
    """An install that was acknowledged there was gone after ``git switch main``."""
    git(registry.path, "checkout", "-q", "--detach")
    before = git(registry.path, "for-each-ref"), registry.head()
    with pytest.raises(ConflictError, match="HEAD is detached"):
        put(registry, files(version="2.0.0"))
    assert_serves(registry.path)
    assert (git(registry.path, "for-each-ref"), registry.head()) == before


def test_bare_repository_is_read_and_written(registry: Registry, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), str(bare))
    assert_serves(bare)
    with Registry.open(bare) as opened:
        put(opened, files(version="2.0.0"))
        assert follow_head(opened) == ()
        assert edited_paths(opened) == ()
        assert opened.path == bare
    assert_serves(bare)


def test_linked_worktree_is_read_and_written(registry: Registry, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(registry.path, "worktree", "add", "-q", "-b", "side", str(linked))
    assert_serves(linked)
    with Registry.open(linked) as opened:
        put(opened, files(version="2.0.0"))
        follow_head(opened)
        assert opened.state_directory == registry.state_directory
    assert git(linked, "status", "--porcelain") == ""
    assert git(registry.path, "status", "--porcelain") == ""
    assert_serves(linked)


def test_path_of_the_git_directory_means_its_working_tree(registry: Registry) -> None:
    with Registry.open(registry.path / ".git") as opened:
        assert opened.path == registry.path


def test_relative_path_with_spaces_and_unicode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with new_registry(Path("mein Verzeichnis ä '$x'")) as made:
        put(made, files())
    assert_serves(tmp_path / "mein Verzeichnis ä '$x'")


@pytest.mark.parametrize(
    "name",
    [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_SHALLOW_FILE",
        "GIT_CONFIG",
        "GIT_EXTERNAL_DIFF",
        "GIT_GRAFT_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_DEFAULT_HASH",
    ],
)
def test_callers_git_variables_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    value = {"GIT_LITERAL_PATHSPECS": "1", "GIT_DEFAULT_HASH": "sha256"}.get(name, str(other))
    monkeypatch.setenv(name, value)
    made = new_registry(tmp_path / "registry")
    put(made, files())
    follow_head(made)
    assert made.snapshot().library(NAME).content is not None
    assert edited_paths(made) == ()
    made.close()
    monkeypatch.delenv(name)
    assert git(made.path, "status", "--porcelain") == ""
    assert list(other.iterdir()) == [other / ".git"]


def test_git_says_nothing_of_grafts(registry: Registry) -> None:
    with pytest.raises(GitError) as caught:
        registry.repository.run("merge-base", "HEAD", "HEAD^{tree}")
    assert "is a tree" in caught.value.said
    assert "graft" not in caught.value.said


def test_callers_inline_configuration_changes_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.worktree'='/'")
    put(registry, files(version="2.0.0"))
    assert registry.snapshot().library(NAME).content is not None


def trap(tmp_path: Path) -> tuple[Path, Path]:
    """A program that leaves a trace, and the trace."""
    trace = tmp_path / "trace"
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{trace}'\nexec cat\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, trace


def use(registry: Registry) -> None:
    """Every kind of access: reading, writing, following, looking for edits."""
    with Registry.open(registry.path) as opened:
        add_release(opened, files(version="3.0.0"), by=Actor(name="tester"))
        follow_head(opened)
        release(opened, NAME, by=Actor(name="tester"))
        follow_head(opened)
        # Same size and another time: Git has to look into the file.
        readme = opened.path / "libraries/file-tools/1.0.0/docs/README.md"
        os.utime(readme, (1, 1))
        assert edited_paths(opened) == ()
        library = opened.snapshot().library(NAME)
        assert library.content is not None
        assert library.content.manifest.version == "3.0.0"


def test_hostile_configuration_of_the_repository_runs_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    program, trace = trap(tmp_path)
    hooks = registry.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "post-checkout", "pre-commit"):
        (hooks / name).symlink_to(program)
    for key in (
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.a=b.smudge",
        "diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor",
        "core.pager", "core.editor", "core.sshCommand", "core.alternateRefsCommand",
        "pager.diff", "alias.diff", "gpg.program", "gc.auto",
    ):  # fmt: skip
        git(registry.path, "config", key, str(program) if key != "gc.auto" else "1")
    for key, value in (
        ("filter.evil.required", "true"), ("tag.gpgSign", "true"), ("commit.gpgSign", "true"),
        ("core.autocrlf", "true"), ("core.hooksPath", str(hooks)), ("diff.relative", "true"),
        ("core.safecrlf", "true"), ("core.ignoreCase", "true"), ("color.ui", "always"),
        ("core.quotePath", "true"), ("diff.noprefix", "true"), ("log.showSignature", "true"),
    ):  # fmt: skip
        git(registry.path, "config", key, value)
    info = registry.path / ".git/info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text("* filter=evil diff=evil text\n*.md filter=a=b\n")
    trace.unlink(missing_ok=True)
    use(registry)
    assert not trace.exists(), trace.read_text()


def test_configured_working_tree_elsewhere_is_not_written(
    registry: Registry, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    git(registry.path, "config", "core.worktree", str(elsewhere))
    use(registry)
    assert list(elsewhere.iterdir()) == []


def test_users_configuration_changes_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, trace = trap(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n\tautocrlf = true\n\tfsmonitor = {program}\n\thooksPath = {tmp_path}\n"
        f"[init]\n\ttemplateDir = {home}\n\tdefaultBranch = trunk\n\tdefaultObjectFormat = sha256\n"
        "[commit]\n\tgpgSign = true\n[broken\n"
    )
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    use(registry)
    with new_registry(tmp_path / "fresh") as fresh:
        head = (fresh.path / ".git/HEAD").read_text()
        assert head == "ref: refs/heads/main\n"
        put(fresh, files())
    assert not trace.exists()


def test_missing_object_is_not_fetched(registry: Registry, tmp_path: Path) -> None:
    program, trace = trap(tmp_path)
    git(registry.path, "config", "remote.origin.url", f"ext::{program}")
    git(registry.path, "config", "remote.origin.promisor", "true")
    git(registry.path, "config", "extensions.partialClone", "origin")
    git(registry.path, "config", "protocol.ext.allow", "always")
    git(registry.path, "config", "core.repositoryFormatVersion", "1")
    loosened(registry.path, object_of(registry)).unlink()
    with Registry.open(registry.path) as opened:
        snapshot = opened.snapshot()
        with pytest.raises(IncompleteCloneError, match="partial"):
            snapshot.library(NAME)
        with pytest.raises(IncompleteCloneError, match="partial"):
            opened.repository.object("1" * 40)
        assert opened.repository.object("HEAD:no/such/path") is None
    assert not trace.exists()


def object_of(registry: Registry) -> str:
    return git(registry.path, "rev-parse", "HEAD:libraries/file-tools/1.0.0/steps/copy.json")


def split(object_id: str) -> tuple[str, str]:
    return object_id[:2], object_id[2:]


def test_edited_and_deleted_files_are_named(registry: Registry) -> None:
    follow_head(registry)
    assert edited_paths(registry) == ()
    root = registry.path / "libraries/file-tools"
    (root / "1.0.0/docs/README.md").write_bytes(b"edited")
    (root / "library.yaml").unlink()
    write_files(registry.path, {"README.md": b"not part of it", "libraries/new/x": b"untracked"})
    assert edited_paths(registry) == (
        "libraries/file-tools/1.0.0/docs/README.md",
        "libraries/file-tools/library.yaml",
    )
    library = registry.snapshot().library(NAME)
    assert library.status is LibraryStatus.ENABLED
    git(registry.path, "add", "-A")
    assert len(edited_paths(registry) or ()) == 3  # staged, and not committed


def test_readers_of_a_half_checked_out_tree_get_the_commit(registry: Registry) -> None:
    for path in (registry.path / "libraries").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\0half")
    assert registry.snapshot().files(
        NAME, registry.snapshot().library(NAME).releases[0].version
    ) == (files())


def test_reader_that_died_is_started_again(registry: Registry) -> None:
    repository = registry.repository
    assert repository.object("HEAD") is not None
    assert repository._reader is not None
    repository._reader.kill()
    repository._reader.wait()
    assert repository.object("HEAD") is not None


def test_reading_that_is_left_halfway_does_not_mix_answers_up(registry: Registry) -> None:
    first = registry.repository.objects(["HEAD", "HEAD^{tree}", "HEAD"])
    assert next(first) is not None
    first.close()  # type: ignore[attr-defined]  # a generator
    found = registry.repository.object("HEAD^{tree}")
    assert found is not None
    assert found.type == "tree"


def test_repository_of_another_hash_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    commit_all(tmp_path)
    with pytest.raises(NotARegistryError, match="SHA-1"):
        Registry.open(tmp_path)


def test_machine_without_git_is_told_so(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    repository = GitRepository(registry.path)
    for call in (lambda: repository.run("version"), lambda: repository.object("HEAD")):
        with pytest.raises(Exception, match="git cannot be started") as caught:
            call()
        assert "Install Git" in str(caught.value)
