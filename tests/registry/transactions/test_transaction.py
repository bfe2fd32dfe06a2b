import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError, GitError, InvalidNameError, NotFoundError
from registry.git.commit_writer import Identity, NewCommit, RefUpdate, move_refs, write_commit
from registry.git.fast_import import write_commits
from registry.library.release_state import LibraryStatus, ReleaseState
from registry.names import CommitId, LibraryName
from registry.problems import InvalidLibraryError
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head, operation_message
from registry.trust.errors import UntrustedHistoryError
from registry.trust.trusted_head import TrustedHead, set_trusted
from tests.registry.making import (
    NAME,
    commit_all,
    files,
    git,
    new_registry,
    put,
    version,
    write_files,
)

V1, V2 = version("1.0.0"), version("2.0.0")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


def add(registry: Registry, content: dict[str, bytes]) -> tuple[str, ...]:
    """Add as the command does: the working tree follows."""
    add_release(registry, content, by=Actor(name="tester"))
    return follow_head(registry)


def status(registry: Registry) -> str:
    return git(registry.path, "status", "--porcelain")


def test_add_makes_a_candidate_and_release_serves_it(registry: Registry) -> None:
    added = add_release(registry, files(), by=Actor(name="Jane Doe"))
    assert (added.name, added.version, added.changed) == (NAME, V1, True)
    assert registry.head() == added.commit
    assert registry.snapshot().library(NAME).releases[0].state is ReleaseState.CANDIDATE
    released = release(registry, NAME, by=Actor(name="Jane Doe"))
    assert released.tag == "file-tools/v1.0.0"
    library = registry.snapshot().library(NAME)
    assert library.status is LibraryStatus.ENABLED
    assert library.facts.owners == ("Jane Doe",)
    assert library.active is not None
    assert library.active.digest == released.digest


def test_each_operation_is_one_commit_with_its_trailers(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="Jane", request="r-1"))
    release(registry, NAME, by=Actor(name="Jane", request="r-2"))
    trailers = "%(trailers:only,unfold)"
    for revision, operation, request in (("HEAD~1", "add", "r-1"), ("HEAD", "release", "r-2")):
        text = git(registry.path, "log", "-1", f"--format={trailers}", revision)
        assert text == f"Operation: {operation}\nActor: Jane\nRequest-Id: {request}"
    assert git(registry.path, "rev-list", "--count", "HEAD") == "3"


@pytest.mark.parametrize(
    "actor", ["", " ", "a\nOperation: admin", "<evil>", "\udcff", "x" * 5000, "\x1b[31m", "Ünï"]
)
def test_any_actor_gives_a_sound_commit_and_a_readable_library(
    registry: Registry, actor: str
) -> None:
    add_release(registry, files(), by=Actor(name=actor, request=f"x\n{actor}"))
    release(registry, NAME, by=Actor(name=actor))
    keys = git(registry.path, "log", "-1", "--format=%(trailers:only,unfold,key=Operation)")
    assert keys == "Operation: release"
    assert registry.snapshot().library(NAME).status is LibraryStatus.ENABLED
    git(registry.path, "fsck", "--strict")


def test_adding_the_same_candidate_again_changes_nothing(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    head = registry.head()
    assert not add_release(registry, files(), by=Actor(name="tester")).changed
    assert registry.head() == head


def test_candidate_is_replaced_as_a_whole(registry: Registry) -> None:
    add_release(registry, files(extra={"docs/OLD.md": b"old"}), by=Actor(name="tester"))
    add_release(registry, files(extra={"docs/NEW.md": b"new"}), by=Actor(name="tester"))
    release(registry, NAME, by=Actor(name="tester"))
    found = registry.snapshot().files(NAME, V1)
    assert "docs/OLD.md" not in found
    assert found["docs/NEW.md"] == b"new"


def test_other_content_under_a_released_version_is_refused(registry: Registry) -> None:
    put(registry, files())
    head = registry.head()
    with pytest.raises(ConflictError, match="other content") as caught:
        add_release(registry, files(description="Other."), by=Actor(name="tester"))
    assert "new version" in caught.value.next_step
    assert registry.head() == head


def test_released_content_added_again_is_unchanged(registry: Registry) -> None:
    put(registry, files())
    assert not add_release(registry, files(), by=Actor(name="tester")).changed


def test_tampered_release_is_restored_by_its_own_bytes(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "reset", "-q", "--hard")
    write_files(registry.path, {"libraries/file-tools/1.0.0/docs/README.md": b"tampered"})
    commit_all(registry.path)
    assert registry.snapshot().library(NAME).status is LibraryStatus.ERROR
    add_release(registry, files(), by=Actor(name="tester"))
    assert registry.snapshot().library(NAME).status is LibraryStatus.ENABLED


def test_releasing_twice_is_a_conflict(registry: Registry) -> None:
    put(registry, files())
    with pytest.raises(ConflictError):
        release(registry, NAME, V1, by=Actor(name="tester"))


def test_releasing_what_is_not_there_is_not_found(registry: Registry) -> None:
    put(registry, files())
    for name, wanted in ((NAME, V2), (NAME, None), (LibraryName("other"), None)):
        with pytest.raises(NotFoundError) as caught:
            release(registry, name, wanted, by=Actor(name="tester"))
        assert "opsteps add" in caught.value.next_step


def test_stray_tag_in_the_way_is_a_conflict_and_not_tried_again(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    git(registry.path, "tag", "file-tools/v1.0.0")
    with pytest.raises(ConflictError, match="tag"):
        release(registry, NAME, by=Actor(name="tester"))


def test_the_greatest_candidate_is_released_and_stray_directories_are_passed_by(
    registry: Registry,
) -> None:
    for text in ("1.0.0", "1.10.0", "1.9.0"):
        add_release(registry, files(version=text), by=Actor(name="tester"))
    git(registry.path, "reset", "-q", "--hard")
    write_files(registry.path, {"libraries/file-tools/draft/x": b"x"})
    commit_all(registry.path)
    assert str(release(registry, NAME, by=Actor(name="tester")).version) == "1.10.0"


def test_executable_bits_are_no_part_of_a_release(registry: Registry) -> None:
    add(registry, files())
    (registry.path / "libraries/file-tools/1.0.0/executors/copy.py").chmod(0o755)
    commit_all(registry.path)
    release(registry, NAME, by=Actor(name="tester"))
    assert "100755" not in git(registry.path, "ls-tree", "-r", "HEAD")
    assert registry.snapshot().library(NAME).status is LibraryStatus.ENABLED


def test_library_with_errors_is_refused_with_every_problem_and_leaves_no_trace(
    registry: Registry,
) -> None:
    head = registry.head()
    objects = git(registry.path, "count-objects")
    with pytest.raises(InvalidLibraryError) as caught:
        add_release(registry, {"manifest.json": b"{", "x/../y": b""}, by=Actor(name="tester"))
    assert len(caught.value.problems) >= 2
    assert registry.head() == head
    assert git(registry.path, "count-objects") == objects


def test_broken_facts_are_not_overwritten(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "reset", "-q", "--hard")
    write_files(registry.path, {"libraries/file-tools/library.yaml": b"ledger: ["})
    commit_all(registry.path)
    head = registry.head()
    with pytest.raises(InvalidLibraryError):
        add_release(registry, files(version="2.0.0"), by=Actor(name="tester"))
    assert registry.head() == head


def test_failed_move_leaves_nothing_visible(registry: Registry) -> None:
    head = registry.head()
    who = Actor(name="tester").identity()
    commit = NewCommit(message="x", who=who, files={"libraries/x/y": b"z"})
    new = write_commit(registry.repository, head, commit)
    wrong = RefUpdate(ref="HEAD", new=new, old=CommitId("1" * 40))
    with pytest.raises(GitError):
        move_refs(registry.repository, [RefUpdate(ref="refs/tags/a/v1.0.0", new=new), wrong])
    assert registry.head() == head
    assert git(registry.path, "tag") == ""
    assert git(registry.path, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_bulk_import_that_git_refuses_is_a_git_error(registry: Registry) -> None:
    commits = [
        NewCommit(
            message="x", who=Actor(name="a").identity(), files={f"libraries/{n}": b"x" * 9000}
        )
        for n in range(300)
    ]
    with pytest.raises(GitError, match="fast-import"):
        write_commits(registry.repository, CommitId("1" * 40), commits)
    assert git(registry.path, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


ODD_PATHS = ['quo"te', "new\nline", "tab\t", "back\\slash", "日本語 ä", "a b", "-x", "(1)", "\x7f"]


@pytest.mark.parametrize("path", ODD_PATHS)
def test_odd_path_round_trips_through_both_ways_of_writing(registry: Registry, path: str) -> None:
    head = registry.head()
    commit = NewCommit(
        message="x", who=Actor(name="a").identity(), files={f"a/{path}/{path}": b"x"}
    )
    one = write_commit(registry.repository, head, commit)
    (other,) = write_commits(registry.repository, head, [commit])
    trees = [git(registry.path, "rev-parse", f"{commit}^{{tree}}") for commit in (one, other)]
    assert trees[0] == trees[1]
    listed = git(registry.path, "ls-tree", "-rz", "--name-only", one).split("\0")
    assert f"a/{path}/{path}" in listed


@pytest.mark.parametrize("path", ODD_PATHS[:4])
def test_odd_path_is_refused_in_a_release(registry: Registry, path: str) -> None:
    with pytest.raises(InvalidLibraryError):
        add_release(registry, files(extra={f"docs/{path}.md": b"x"}), by=Actor(name="tester"))


def test_identity_is_one_that_git_takes() -> None:
    made = Identity(name="<a>\n\udcffb", email="x@y>", seconds=5)
    assert str(made) == "ab <x@y> 5 +0000"
    assert operation_message("s", operation="o", by=Actor(name="", request="")) == (
        "s\n\nOperation: o\nActor: unknown\nRequest-Id: unknown\n"
    )


WRITER = """
import sys
from pathlib import Path
from registry.publishing.add import add_release
from registry.transactions.transaction import Actor, follow_head
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from tests.registry.making import files
with Registry.open(Path(sys.argv[1])) as registry:
    by = Actor(name=sys.argv[2])
    for number in range(int(sys.argv[3])):
        before = registry.head()
        added = add_release(registry, files(sys.argv[2], f"1.{number}.0"), by=by)
        release(registry, added.name, added.version, by=by)
        follow_head(registry)
"""


def test_racing_writers_all_succeed_and_none_is_lost(registry: Registry) -> None:
    names = [f"writer-{number}" for number in range(4)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, registry.path, name, "4"], stderr=subprocess.PIPE
        )
        for name in names
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    snapshot = registry.snapshot()
    assert list(snapshot.names) == names
    for name in snapshot.names:
        states = {record.state for record in snapshot.library(name).releases}
        assert states == {ReleaseState.RELEASED}
        assert len(snapshot.library(name).releases) == 4
    assert git(registry.path, "rev-list", "--count", "HEAD") == str(1 + 2 * 4 * 4)
    assert status(registry) == ""
    git(registry.path, "fsck", "--strict")


# --- the working tree --------------------------------------------------------------------------


def test_after_add_and_release_the_tree_is_clean_and_sound(registry: Registry) -> None:
    assert add(registry, files()) == ()
    release(registry, NAME, by=Actor(name="tester"))
    assert follow_head(registry) == ()
    assert status(registry) == ""
    assert (registry.path / "libraries/file-tools/1.0.0/manifest.json").exists()
    assert git(registry.path, "fsck", "--strict") == ""
    # A person's next commit reverts nothing.
    write_files(registry.path, {"notes.txt": b"x"})
    commit_all(registry.path)
    assert registry.snapshot().library(NAME).status is LibraryStatus.ENABLED


def test_removed_files_leave_the_tree_with_their_folders(registry: Registry) -> None:
    add(registry, files(extra={"docs/deep/old.md": b"x"}))
    add(registry, files())
    assert not (registry.path / "libraries/file-tools/1.0.0/docs/deep").exists()
    assert status(registry) == ""


def test_file_that_becomes_a_folder_and_back(registry: Registry) -> None:
    add(registry, files(extra={"tests/a": b"x"}))
    add(registry, files(extra={"tests/a/b": b"x"}))
    assert status(registry) == ""
    add(registry, files(extra={"tests/a": b"x"}))
    assert status(registry) == ""


def test_persons_edit_is_kept_and_reported(registry: Registry) -> None:
    add(registry, files())
    readme = registry.path / "libraries/file-tools/1.0.0/docs/README.md"
    readme.write_bytes(b"mine")
    kept = add(registry, {**files(), "docs/README.md": b"# New\n"})
    assert kept == ("libraries/file-tools/1.0.0/docs/README.md",)
    assert readme.read_bytes() == b"mine"
    assert status(registry) == "M libraries/file-tools/1.0.0/docs/README.md"


def test_persons_deletion_is_kept_and_reported(registry: Registry) -> None:
    add(registry, files())
    readme = registry.path / "libraries/file-tools/1.0.0/docs/README.md"
    readme.unlink()
    assert add(registry, {**files(), "docs/README.md": b"# New\n"}) != ()
    assert not readme.exists()


def test_persons_staged_changes_are_kept(registry: Registry) -> None:
    add(registry, files())
    facts = registry.path / "libraries/file-tools/library.yaml"
    staged = facts.read_bytes() + b"deprecated: {reason: old}\n"
    facts.write_bytes(staged)
    write_files(registry.path, {"libraries/mine/1.0.0/x": b"x"})
    git(registry.path, "add", "-A")
    release(registry, NAME, by=Actor(name="tester"))
    kept = follow_head(registry)
    assert kept == ("libraries/file-tools/library.yaml",)
    assert (
        git(registry.path, "show", ":libraries/file-tools/library.yaml").encode() == staged.strip()
    )
    assert git(registry.path, "diff", "--cached", "--name-only").split() == [
        "libraries/file-tools/library.yaml",
        "libraries/mine/1.0.0/x",
    ]


def test_persons_folder_or_link_in_the_way_is_kept(registry: Registry, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    precious = registry.path / "libraries/file-tools/1.0.0/manifest.json/precious"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"untracked")
    (registry.path / "libraries/good-one").symlink_to(outside)
    (registry.path / "libraries/third").write_bytes(b"a file")
    assert "libraries/file-tools/1.0.0/manifest.json" in add(registry, files())
    assert precious.read_bytes() == b"untracked"
    assert len(add(registry, files("good-one"))) == 6
    assert list(outside.iterdir()) == []
    assert len(add(registry, files("third"))) == 6
    assert (registry.path / "libraries/third").read_bytes() == b"a file"


def test_followers_that_come_in_any_order_end_at_the_head(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    release(registry, NAME, by=Actor(name="tester"))
    follow_head(registry)
    follow_head(registry)
    assert status(registry) == ""
    assert follow_head(registry) == ()


def test_tree_follows_while_a_person_holds_the_index_for_a_moment(registry: Registry) -> None:
    lock = registry.path / ".git/index.lock"
    lock.touch()
    remover = subprocess.Popen(["sh", "-c", f"sleep 0.3; rm '{lock}'"])
    assert add(registry, files()) == ()
    remover.wait()
    assert status(registry) == ""


def test_index_that_was_removed_is_made_anew(registry: Registry) -> None:
    (registry.path / ".git/index").unlink()
    add(registry, files())
    assert status(registry) == ""


# --- making a registry -------------------------------------------------------------------------


def test_new_registry_is_sound_and_clean(registry: Registry) -> None:
    facts = registry.snapshot().facts
    assert (facts.name, facts.title) == ("steps", "Steps")
    assert registry.snapshot().names == ()
    assert status(registry) == ""
    git(registry.path, "fsck", "--strict")


def test_new_registry_needs_an_empty_place(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for place in (tmp_path, file):
        with pytest.raises(ConflictError):
            init_registry(place, name="steps", title="Steps", by=Actor(name="tester"))
    init_registry(tmp_path / "a/b/c", name="steps", title="Steps", by=Actor(name="tester")).close()


@pytest.mark.parametrize(
    ("name", "title", "url"),
    [
        ("Bad Name", "Steps", "http://x.example"),
        ("steps", "", "http://x.example"),
        ("steps", "two\nlines", "http://x.example"),
        ("steps", "Steps", "javascript:alert(1)"),
    ],
)
def test_new_registry_that_nobody_could_read_is_not_made(
    tmp_path: Path, name: str, title: str, url: str
) -> None:
    with pytest.raises((InvalidNameError, InvalidLibraryError)):
        init_registry(tmp_path / "new", name=name, title=title, url=url, by=Actor(name="tester"))
    assert not (tmp_path / "new").exists()


def test_write_upon_a_head_that_went_back_is_refused(registry: Registry) -> None:
    put(registry, files())
    trusted = TrustedHead(head=registry.head(), verified="2026-01-01T00:00:00Z")
    set_trusted(registry, trusted)
    follow_head(registry)
    git(registry.path, "reset", "-q", "--hard", "HEAD~1")
    with pytest.raises(UntrustedHistoryError, match="rollback"):
        add_release(registry, files(version="1.1.0"), by=Actor(name="tester"))
