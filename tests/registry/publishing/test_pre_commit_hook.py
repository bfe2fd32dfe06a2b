"""The hook that ``opsteps init`` installs: what is released stays, also upon a stale index."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from registry.git.worktree import follow
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.files import NewRegistry, registry_files
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.installed import opsteps
from tests.registry.making import NAME, files, git, put, version, write_files

BY = Actor(name="tester")
# Git and the shell's tools, and no opsteps.
BARE_PATH = "/usr/bin:/bin"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A registry with its hook, and a release ``file-tools`` 1.0.0; no opsteps on the PATH."""
    path = tmp_path / "registry"
    with init_registry(path, name="steps", title="Steps", by=BY, hook=True) as registry:
        put(registry, files())
        follow_head(registry)
    assert git(path, "status", "--porcelain") == ""
    return path


def commit(where: Path, *options: str, path: str = BARE_PATH) -> subprocess.CompletedProcess[str]:
    """As a person does it, with hooks."""
    who = {f"GIT_{role}_NAME": "P" for role in ("AUTHOR", "COMMITTER")}
    who |= {f"GIT_{role}_EMAIL": "p@example.com" for role in ("AUTHOR", "COMMITTER")}
    return subprocess.run(
        ["git", "commit", "-q", "-m", "by hand", *options],
        cwd=where,
        env={**os.environ, **who, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def refused(where: Path, because: str, *options: str) -> None:
    head = git(where, "rev-parse", "HEAD")
    done = commit(where, *options)
    assert done.returncode == 1
    assert because in done.stderr
    assert git(where, "rev-parse", "HEAD") == head


def test_an_index_that_has_not_followed_an_operation_is_refused(place: Path) -> None:
    """The install would be reverted silently: Git itself commits this without a word."""
    with Registry.open(place) as registry:
        add_release(registry, files(version="1.1.0"), by=BY)
        (place / "note.txt").write_text("a person's own file")
        git(place, "add", "note.txt")
        refused(place, "the index does not follow the head yet")
        follow_head(registry)
    done = commit(place)
    assert done.returncode == 0, done.stderr
    assert "libraries/file-tools/1.1.0/manifest.json" in git(place, "ls-files")


def test_a_stale_index_is_refused_also_when_nothing_remembers_the_operation(
    place: Path,
) -> None:
    """Another program has moved the branch: the index is simply that of an earlier commit."""
    with Registry.open(place) as registry:
        before = registry.head()
        put(registry, files(version="1.1.0"))
        follow_head(registry)
    git(place, "read-tree", "--reset", "-u", before)
    (place / "note.txt").write_text("a person's own file")
    git(place, "add", "-A")
    refused(place, "older than the head")
    git(place, "restore", "--source=HEAD", "--staged", "--worktree", "--", "libraries")
    done = commit(place)
    assert done.returncode == 0, done.stderr
    with Registry.open(place) as registry:
        assert [str(r.version) for r in registry.snapshot().library(NAME).releases] == [
            "1.1.0",
            "1.0.0",
        ]


@pytest.mark.parametrize("change", ["edit", "delete", "add", "rename", "mode"])
def test_a_release_never_changes(place: Path, change: str) -> None:
    directory = place / "libraries/file-tools/1.0.0"
    if change == "edit":
        (directory / "executors/copy.py").write_text("pass\n")
    elif change == "delete":
        shutil.rmtree(directory)
    elif change == "add":
        (directory / "docs/more.md").write_text("# More\n")
    elif change == "rename":
        directory.rename(directory.with_name("1.0.1"))
    else:
        (directory / "executors/copy.py").chmod(0o755)
    git(place, "add", "-A")
    refused(place, "changes libraries/file-tools/1.0.0, which is released")


@pytest.mark.parametrize("path", [BARE_PATH, f"{Path(sys.executable).parent}:{BARE_PATH}"])
def test_an_altered_release_is_brought_back_as_verify_advises(place: Path, path: str) -> None:
    directory = place / "libraries/file-tools/1.0.0"
    (directory / "executors/copy.py").write_text("pass\n")
    (directory / "docs/more.md").write_text("# More\n")
    git(place, "add", "-A")
    assert commit(place, "--no-verify").returncode == 0
    said = opsteps(place, "verify", expect=1)
    advice = re.search(r"'git (restore --source=[^']+)'", " ".join(said.split()))
    assert advice is not None, said
    (directory / "executors/copy.py").write_text("other\n")
    git(place, "add", "-A")
    refused(place, "which is released")
    git(place, *advice[1].split())
    done = commit(place, path=path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_release_without_its_tag_is_known_by_the_ledger(place: Path) -> None:
    git(place, "tag", "-d", "file-tools/v1.0.0")
    (place / "libraries/file-tools/1.0.0/docs/README.md").write_text("# Other\n")
    refused(place, "which is released", "-a")


def test_a_release_without_its_ledger_is_known_by_the_tag(place: Path) -> None:
    facts = place / "libraries/file-tools/library.yaml"
    facts.write_text("owners: [tester]\n")
    assert commit(place, "-a", "--no-verify").returncode == 0
    (place / "libraries/file-tools/1.0.0/docs/README.md").write_text("# Other\n")
    refused(place, "which is released", "-a")


@pytest.mark.parametrize("change", ["delete", "emptied", "digest", "version", "flow"])
def test_the_ledger_forgets_nothing(place: Path, change: str) -> None:
    facts = place / "libraries/file-tools/library.yaml"
    text = facts.read_text()
    if change == "delete":
        facts.unlink()
    elif change == "emptied":
        facts.write_text("owners:\n- tester\nledger: {}\n")
    elif change == "digest":
        facts.write_text(re.sub(r"digest: \S+", f"digest: {'0' * 64}", text))
    elif change == "version":
        facts.write_text(text.replace("1.0.0:", "1.0.1:"))
    else:
        facts.write_text("ledger: {1.0.0: {digest: x, date: y}}\n")
    refused(place, "out of libraries/file-tools/library.yaml", "-a")


def test_the_facts_of_a_library_may_change_otherwise(place: Path) -> None:
    with Registry.open(place) as registry:
        put(registry, files(version="1.1.0"))
        follow_head(registry)
    facts = place / "libraries/file-tools/library.yaml"
    facts.write_text(facts.read_text() + "deprecated:\n  reason: old\n")
    done = commit(place, "-a")
    assert done.returncode == 0, done.stderr


def test_a_candidate_is_its_authors_to_change(place: Path) -> None:
    candidate = write_files(place / "libraries/file-tools/1.1.0", files(version="1.1.0"))
    git(place, "add", "-A")
    assert commit(place).returncode == 0
    (candidate / "docs/README.md").write_text("# Better\n")
    assert commit(place, "-a").returncode == 0
    shutil.rmtree(candidate)
    assert commit(place, "-a").returncode == 0
    with Registry.open(place) as registry:
        add_release(registry, files(version="1.2.0"), by=BY)
        release(registry, NAME, version("1.2.0"), by=BY)


def test_registry_yaml_stays(place: Path) -> None:
    git(place, "rm", "-q", "registry.yaml")
    refused(place, "this commit removes registry.yaml")


def test_names_of_strangers_are_only_names(place: Path) -> None:
    """Files with names that a shell, Git or awk could take for something else."""
    for name in ("$(touch pwned)", "--help", "a\nb", "x'y\"z", "1.0.0 ; touch pwned"):
        write_files(place, {f"libraries/{name}/{name}/file": b"x"})
        write_files(place, {f"libraries/file-tools/{name}/file": b"x"})
    git(place, "add", "-A")
    done = commit(place)
    assert done.returncode == 0, done.stderr
    assert not list(place.rglob("pwned"))


def test_a_commit_of_single_paths_is_judged_by_what_it_commits(place: Path) -> None:
    (place / "libraries/file-tools/1.0.0/docs/README.md").write_text("# Other\n")
    (place / "README.md").write_text("# Mine\n")
    git(place, "add", "-A")
    assert commit(place, "README.md").returncode == 0
    refused(place, "which is released")


def test_the_first_commit_of_a_clone_without_history_is_let_through(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    made = registry_files(NewRegistry(name="s", title="S", url="http://x.example"))
    hook = tmp_path / "empty/.git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes(made["hooks/pre-commit"])
    hook.chmod(0o755)
    (tmp_path / "empty/file").write_text("x")
    git(tmp_path / "empty", "add", "-A")
    assert commit(tmp_path / "empty").returncode == 0


def test_worktree_follows_after_a_refusal(place: Path) -> None:
    """What the hook advises brings everything back."""
    with Registry.open(place) as registry:
        before = registry.head()
        put(registry, files(version="1.1.0"))
        follow_head(registry)
        git(place, "read-tree", "--reset", "-u", before)
        git(place, "restore", "--source=HEAD", "--staged", "--worktree", "--", "libraries")
        assert git(place, "status", "--porcelain") == ""
        assert follow(registry.repository, before) == ()


def test_with_opsteps_on_the_path_the_registrys_rules_are_checked_too(place: Path) -> None:
    """What is judged is what would be committed, not what lies in the working tree."""
    path = f"{Path(sys.executable).parent}:{BARE_PATH}"
    candidate = place / "libraries/file-tools/1.1.0"
    write_files(candidate, files(version="9.9.9"))
    git(place, "add", "-A")
    done = commit(place, path=path)
    assert done.returncode == 1
    assert "libraries/file-tools/1.1.0/manifest.json" in done.stdout + done.stderr
    write_files(candidate, files(version="1.1.0"))
    assert commit(place, path=path).returncode == 1
    git(place, "add", "-A")
    done = commit(place, path=path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_registry_that_the_environment_names_is_not_asked(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init_registry(tmp_path / "other", name="other", title="Other", by=BY).close()
    monkeypatch.setenv("OPSTEPS_REGISTRY", str(tmp_path / "other"))
    facts = place / "registry.yaml"
    facts.write_text(facts.read_text().replace("Steps", "Other steps"))
    done = commit(place, "-a", path=f"{Path(sys.executable).parent}:{BARE_PATH}")
    assert done.returncode == 0, done.stdout + done.stderr
