from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import (
    GitError,
    InvalidNameError,
    LimitError,
    NotARegistryError,
    NotFoundError,
    RegistryError,
)
from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.formats.yaml_text import dump_yaml
from registry.library.digest import release_digest
from registry.library.release_state import LibraryStatus, ReleaseState
from registry.library.release_tag import tag_message, tag_name
from registry.names import CORE, CommitId, LibraryName, ObjectId
from registry.problems import InvalidLibraryError
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry, Snapshot
from registry.snapshots.release_reader import read_files
from registry.transactions.transaction import Actor
from tests.registry.making import (
    NAME,
    commit_all,
    encode,
    files,
    git,
    new_registry,
    put,
    rules,
    step,
    version,
    write_files,
)

GOOD = LibraryName("good-one")
V1, V2 = version("1.0.0"), version("2.0.0")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = new_registry(tmp_path / "registry")
    yield made
    made.close()


def sync(registry: Registry) -> None:
    git(registry.path, "reset", "-q", "--hard")


def state_of(registry: Registry, text: str = "1.0.0") -> tuple[ReleaseState, str]:
    record = registry.snapshot().library(NAME).release(version(text))
    assert record is not None
    return record.state, record.alarm


def assert_alarm(registry: Registry, reason: str) -> None:
    library = registry.snapshot().library(NAME)
    state, alarm = state_of(registry)
    assert state is ReleaseState.ALARM
    assert reason in alarm
    assert library.status is LibraryStatus.ERROR
    with pytest.raises(NotFoundError, match=reason):
        registry.snapshot().content(NAME, V1)
    with pytest.raises(NotFoundError):
        registry.snapshot().files(NAME, V1)


def test_candidate_made_with_plain_git_is_known_and_not_served(registry: Registry) -> None:
    write_files(registry.path / "libraries/file-tools/1.0.0", files())
    commit_all(registry.path)
    library = registry.snapshot().library(NAME)
    assert state_of(registry) == (ReleaseState.CANDIDATE, "")
    assert library.active is None
    assert library.content is None
    assert not library.is_listed
    assert library.problems == ()


def test_release_made_with_plain_git_is_served(registry: Registry) -> None:
    release_by_hand(registry, files())
    snapshot = registry.snapshot()
    library = snapshot.library(NAME)
    assert library.status is LibraryStatus.ENABLED
    assert library.content is not None
    assert [s.name for s in library.content.steps] == ["file.copy"]
    assert snapshot.files(NAME, V1) == files()
    assert set(snapshot.files(NAME, V1, under="docs/")) == {"docs/README.md", "docs/CHANGELOG.md"}


def release_by_hand(
    registry: Registry, content: dict[str, bytes], *, name: LibraryName = NAME, text: str = "1.0.0"
) -> None:
    root = registry.path / "libraries" / name
    write_files(root / text, content)
    digest = release_digest(content)
    entry = LedgerEntry(digest=digest, date="2024-01-02T03:04:05Z")
    write_files(root, {"library.yaml": facts_bytes(LibraryFacts(ledger={text: entry}))})
    commit_all(registry.path)
    tag_by_hand(registry, digest, name=name, text=text)


def tag_by_hand(
    registry: Registry, digest: Any, *, name: LibraryName = NAME, text: str = "1.0.0"
) -> None:
    tree: Any = git(registry.path, "rev-parse", f"HEAD:libraries/{name}/{text}")
    message = tag_message(name, version(text), digest=digest, tree=tree)
    tag = tag_name(name, version(text))
    git(registry.path, "tag", "-f", "-a", tag, "-F", "-", stdin=message.encode())


def test_deleted_tag_is_an_alarm(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "tag", "-d", "file-tools/v1.0.0")
    assert_alarm(registry, "no tag")


def test_tag_moved_to_a_plain_annotated_tag_is_an_alarm(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "tag", "-f", "-a", "-m", "moved", "file-tools/v1.0.0", "HEAD~1")
    assert_alarm(registry, "not an annotated release tag")


def test_lightweight_tag_is_an_alarm(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "tag", "-f", "file-tools/v1.0.0", "HEAD")
    assert_alarm(registry, "not an annotated release tag")


def test_tag_of_a_tag_is_an_alarm(registry: Registry) -> None:
    put(registry, files())
    git(registry.path, "tag", "-f", "-a", "-m", "x", "file-tools/v1.0.0", "file-tools/v1.0.0")
    assert_alarm(registry, "not an annotated release tag")


def test_tag_with_another_digest_is_an_alarm(registry: Registry) -> None:
    put(registry, files())
    tag_by_hand(registry, "f" * 64)
    assert_alarm(registry, "digests")


def test_tag_without_a_ledger_entry_is_an_alarm(registry: Registry) -> None:
    write_files(registry.path / "libraries/file-tools/1.0.0", files())
    commit_all(registry.path)
    tag_by_hand(registry, release_digest(files()))
    assert_alarm(registry, "no ledger entry")


def test_tag_on_a_side_branch_is_an_alarm_until_it_is_merged(registry: Registry) -> None:
    base = registry.head()
    put(registry, files())
    tip = registry.head()
    git(registry.path, "reset", "-q", "--hard", base)
    write_files(registry.path, {"README.md": b"main goes on\n"})
    commit_all(registry.path)
    # The same tree as on the side branch, and none of its history.
    git(registry.path, "checkout", "-q", tip, "--", "libraries")
    commit_all(registry.path, "copied")
    before = registry.snapshot()
    assert_alarm(registry, "ancestor")
    git(registry.path, "merge", "-q", "-s", "ours", "-m", "merge", tip)
    after = registry.snapshot(previous=before, all_tags=False)
    assert after.library(NAME).status is LibraryStatus.ENABLED
    assert before.key(NAME) != after.key(NAME)


def test_edited_release_is_an_alarm_and_the_others_go_on(registry: Registry) -> None:
    put(registry, files())
    put(registry, files(version="2.0.0"))
    put(registry, files("good-one"))
    sync(registry)
    write_files(registry.path, {"libraries/file-tools/2.0.0/executors/copy.py": b"evil\n"})
    commit_all(registry.path)
    snapshot = registry.snapshot()
    library = snapshot.library(NAME)
    assert state_of(registry, "2.0.0")[0] is ReleaseState.ALARM
    assert library.active is None
    assert library.is_withheld
    assert library.content is None
    assert library.status is LibraryStatus.ERROR
    assert snapshot.files(NAME, V1) == files()
    assert snapshot.library(GOOD).status is LibraryStatus.ENABLED


def test_removed_directory_is_withdrawn_and_the_same_bytes_come_back(registry: Registry) -> None:
    put(registry, files())
    sync(registry)
    git(registry.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(registry.path, "commit", "-qm", "uninstall")
    assert state_of(registry) == (ReleaseState.WITHDRAWN, "")
    assert registry.snapshot().library(NAME).active is None
    add_release(registry, files(), by=Actor(name="tester"))
    assert state_of(registry) == (ReleaseState.RELEASED, "")


def test_yanked_release_is_served_pinned_and_not_chosen(registry: Registry) -> None:
    put(registry, files())
    put(registry, files(version="2.0.0"))
    facts = read_library(registry, NAME).facts
    sync(registry)
    yanked = {"2.0.0": {"reason": "loses files", "replacement": "1.0.0"}}
    raw = facts_bytes(facts) + dump_yaml({"yanked": yanked})
    write_files(registry.path, {"libraries/file-tools/library.yaml": raw})
    commit_all(registry.path)
    snapshot = registry.snapshot()
    library = snapshot.library(NAME)
    assert library.active is not None
    assert library.active.version == V1
    assert snapshot.content(NAME, V2).manifest.version == "2.0.0"


def test_head_reset_to_before_a_release_is_an_alarm_also_incrementally(registry: Registry) -> None:
    put(registry, files())
    write_files(registry.path, {"README.md": b"x"})
    sync(registry)
    snapshot = registry.snapshot()
    git(registry.path, "reset", "-q", "--hard", "HEAD~1")
    after = registry.snapshot(previous=snapshot, all_tags=False)
    assert_alarm(registry, "no ledger entry")
    assert same(after, registry.snapshot())
    assert after.key(NAME) != snapshot.key(NAME)


# --- broken neighbours -------------------------------------------------------------------------


def _broken_json(root: Path) -> None:
    release_tree(root, {**files(), "manifest.json": b'{"name": '})


def _missing_step(root: Path) -> None:
    release_tree(root, {k: v for k, v in files().items() if k != "steps/copy.json"})


def _missing_executor(root: Path) -> None:
    release_tree(root, {k: v for k, v in files().items() if k != "executors/copy.py"})


def _two_steps_of_one_name(root: Path) -> None:
    steps = [{"file": "steps/copy.json"}, {"file": "steps/other.json"}]
    release_tree(root, files(steps=steps, extra={"steps/other.json": encode(step())}))


def _wrong_name(root: Path) -> None:
    release_tree(root, files("other-name"))


def _wrong_version(root: Path) -> None:
    release_tree(root, files(version="9.9.9"))


def _wrong_types(root: Path) -> None:
    release_tree(root, {**files(), "manifest.json": encode([1, 2])})


def _schema_error(root: Path) -> None:
    release_tree(root, files(step_fields={"inputs": "many"}))


def _not_utf8(root: Path) -> None:
    release_tree(root, {**files(), "steps/copy.json": b'"\xff"'})


def _symlink_as_manifest(root: Path) -> None:
    release_tree(root, {k: v for k, v in files().items() if k != "manifest.json"})
    (root / "libraries/file-tools/1.0.0/manifest.json").symlink_to(
        "../../good-one/1.0.0/manifest.json"
    )


def _symlinked_steps(root: Path) -> None:
    release_tree(root, {k: v for k, v in files().items() if not k.startswith("steps/")})
    (root / "libraries/file-tools/1.0.0/steps").symlink_to("docs")


def _broken_facts(root: Path) -> None:
    write_files(root / "libraries/file-tools", {"library.yaml": b"ledger: [", "1.0.0/x": b""})


def _facts_of_wrong_types(root: Path) -> None:
    write_files(root / "libraries/file-tools", {"library.yaml": b"ledger: 7\n"})


def _symlink_as_facts(root: Path) -> None:
    write_files(root / "libraries/file-tools/1.0.0", files())
    (root / "libraries/file-tools/library.yaml").symlink_to("../good-one/library.yaml")


def _symlink_as_library(root: Path) -> None:
    (root / "libraries/file-tools").symlink_to("good-one")


def _broken_instance(root: Path) -> None:
    release_tree(root, files())
    write_files(root, {"instances/production/file-tools.yaml": b"enabled: perhaps\n"})


def _symlink_as_instance(root: Path) -> None:
    release_tree(root, files())
    write_files(root, {"instances/production/x.txt": b"enabled: false\n"})
    (root / "instances/production/file-tools.yaml").symlink_to("x.txt")


def release_tree(root: Path, content: dict[str, bytes]) -> None:
    write_files(root / "libraries/file-tools/1.0.0", content)
    entry = LedgerEntry(digest=release_digest(content), date="2024-01-02T03:04:05Z")
    facts = LibraryFacts(ledger={"1.0.0": entry})
    write_files(root / "libraries/file-tools", {"library.yaml": facts_bytes(facts)})


BROKEN = [
    (_broken_json, "json-syntax"),
    (_missing_step, "file-missing"),
    (_missing_executor, "file-missing"),
    (_two_steps_of_one_name, "duplicate-step"),
    (_wrong_name, "name-mismatch"),
    (_wrong_version, "version-mismatch"),
    (_wrong_types, "schema-type"),
    (_schema_error, "schema-type"),
    (_not_utf8, "json-syntax"),
    (_symlink_as_manifest, "manifest-missing"),
    (_symlinked_steps, "file-missing"),
    (_broken_facts, "yaml-syntax"),
    (_facts_of_wrong_types, "schema-type"),
    (_symlink_as_facts, "git-object-missing"),
    (_symlink_as_library, "git-object-missing"),
    (_broken_instance, "schema-type"),
    (_symlink_as_instance, "schema-type"),
]


@pytest.mark.parametrize(("damage", "rule"), BROKEN, ids=[d.__name__ for d, _ in BROKEN])
def test_broken_library_is_listed_with_its_error_and_takes_no_other_down(
    registry: Registry, damage: Callable[[Path], None], rule: str
) -> None:
    put(registry, files("good-one"))
    put(registry, files("z-last"))
    sync(registry)
    damage(registry.path)
    commit_all(registry.path)
    if damage not in (_symlink_as_library, _broken_facts, _facts_of_wrong_types, _symlink_as_facts):
        content = read_files(registry.repository, release_tree_id(registry))
        tag_by_hand(registry, release_digest(content))
    found = {library.name: library for library in registry.snapshot().libraries()}
    assert list(found) == ["core", "file-tools", "good-one", "z-last"]
    broken = found[NAME]
    assert rule in rules(broken.problems)
    assert broken.status is LibraryStatus.ERROR
    assert broken.is_listed
    assert broken.content is None
    assert found[GOOD].content is not None
    assert found[LibraryName("z-last")].status is LibraryStatus.ENABLED


def release_tree_id(registry: Registry) -> ObjectId:
    return ObjectId(git(registry.path, "rev-parse", "HEAD:libraries/file-tools/1.0.0"))


def test_submodule_as_library_takes_no_other_down(registry: Registry) -> None:
    put(registry, files("good-one"))
    sync(registry)
    entry = f"160000,{'1' * 40},libraries/file-tools"
    git(registry.path, "update-index", "--add", "--cacheinfo", entry)
    git(registry.path, "commit", "-qm", "submodule")
    snapshot = registry.snapshot()
    assert rules(snapshot.library(NAME).problems) == {"git-object-missing"}
    assert snapshot.library(GOOD).status is LibraryStatus.ENABLED
    assert read_library(registry, NAME).entries == {}


def test_submodule_inside_a_release_takes_no_other_down(registry: Registry) -> None:
    put(registry, files("good-one"))
    sync(registry)
    for path in ("1.0.0/manifest.json", "library.yaml", "2.0.0"):
        entry = f"160000,{'1' * 40},libraries/file-tools/{path}"
        git(registry.path, "update-index", "--add", "--cacheinfo", entry)
    git(registry.path, "commit", "-qm", "submodule")
    found = list(registry.snapshot().libraries())
    assert [library.status for library in found[1:]] == [LibraryStatus.ERROR, LibraryStatus.ENABLED]


def test_names_that_are_not_utf8_take_nothing_down(registry: Registry) -> None:
    put(registry, files())
    sync(registry)
    blob = git(registry.path, "hash-object", "-w", "--stdin", stdin=b"x")
    lines = [f"100644 {blob}\tlibraries/", f"100644 {blob}\tlibraries/file-tools/"]
    stdin = b"".join(line.encode() + b"\xff\xfe/x\0" for line in lines)
    git(registry.path, "update-index", "-z", "--index-info", stdin=stdin)
    git(registry.path, "commit", "-qm", "odd names")
    snapshot = registry.snapshot()
    assert snapshot.names == (NAME,)
    library = snapshot.library(NAME)
    assert library.status is LibraryStatus.ENABLED
    assert rules(library.problems) == {"stray-file"}
    # Names below libraries/ that are no names do not keep a new library out either.
    add_release(registry, files("good-one"), by=Actor(name="tester"))
    assert registry.snapshot().names == (NAME, GOOD)


def test_candidate_with_a_file_name_that_is_not_utf8_is_refused(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    sync(registry)
    blob = git(registry.path, "hash-object", "-w", "--stdin", stdin=b"x")
    stdin = f"100644 {blob}\tlibraries/file-tools/1.0.0/docs/".encode() + b"\xff.md\0"
    git(registry.path, "update-index", "-z", "--index-info", stdin=stdin)
    git(registry.path, "commit", "-qm", "odd name")
    with pytest.raises(InvalidLibraryError) as caught:
        release(registry, NAME, by=Actor(name="tester"))
    assert all(str(p).isprintable() for p in caught.value.problems)


def test_candidate_with_a_symlink_is_refused(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    sync(registry)
    (registry.path / "libraries/file-tools/1.0.0/docs/link.md").symlink_to("/etc/passwd")
    commit_all(registry.path)
    with pytest.raises(InvalidLibraryError, match="symbolic link"):
        release(registry, NAME, by=Actor(name="tester"))
    # Adding the same files again is not "already there": it takes the link away.
    assert add_release(registry, files(), by=Actor(name="tester")).changed
    release(registry, NAME, by=Actor(name="tester"))


def test_trees_that_multiply_are_refused_and_not_walked(registry: Registry) -> None:
    add_release(registry, files(), by=Actor(name="tester"))
    tree = git(registry.path, "mktree", stdin=b"")
    for _ in range(10):
        stdin = "".join(f"040000 tree {tree}\tx{number}\n" for number in range(20))
        tree = git(registry.path, "mktree", stdin=stdin.encode())
    sync(registry)
    root = git(registry.path, "rev-parse", "HEAD:libraries/file-tools/1.0.0")
    lines = git(registry.path, "ls-tree", root) + f"\n040000 tree {tree}\ttests\n"
    release_root = git(registry.path, "mktree", stdin=lines.encode())
    stdin = f"040000 tree {release_root}\t1.0.0\n"
    library = git(registry.path, "mktree", stdin=stdin.encode())
    libraries = git(registry.path, "mktree", stdin=f"040000 tree {library}\tfile-tools\n".encode())
    top = git(registry.path, "ls-tree", "HEAD").replace(
        git(registry.path, "rev-parse", "HEAD:libraries"), libraries
    )
    new = git(registry.path, "mktree", stdin=(top + "\n").encode())
    commit = git(registry.path, "commit-tree", new, "-p", "HEAD", "-m", "bomb")
    git(registry.path, "update-ref", "HEAD", commit)
    with pytest.raises(LimitError, match="more than"):
        release(registry, NAME, by=Actor(name="tester"))
    assert registry.snapshot().library(NAME).problems == ()


# --- instances ---------------------------------------------------------------------------------


def set_instance(registry: Registry, text: str, instance: str = "production") -> None:
    sync(registry)
    write_files(registry.path, {f"instances/{instance}/file-tools.yaml": text.encode()})
    commit_all(registry.path)


def test_disabled_library_says_so_and_others_do_not(registry: Registry) -> None:
    put(registry, files())
    put(registry, files("good-one"))
    set_instance(registry, "enabled: false\n")
    snapshot = registry.snapshot()
    assert snapshot.library(NAME).status is LibraryStatus.DISABLED
    assert not snapshot.library(NAME).is_enabled
    assert snapshot.library(GOOD).is_enabled
    with Registry.open(registry.path, instance="staging") as other:
        assert other.snapshot().library(NAME).is_enabled


def test_pinned_library_answers_with_the_pin(registry: Registry) -> None:
    put(registry, files())
    put(registry, files(version="2.0.0"))
    set_instance(registry, "active: 1.0.0\n")
    library = registry.snapshot().library(NAME)
    assert library.active is not None
    assert library.active.version == V1
    assert library.content is not None
    assert library.content.manifest.version == "1.0.0"


def test_pin_to_a_release_that_is_not_there_is_an_error_and_serves_nothing(
    registry: Registry,
) -> None:
    put(registry, files())
    set_instance(registry, "active: 3.0.0\n")
    library = registry.snapshot().library(NAME)
    assert library.active is None
    assert library.content is None
    assert rules(library.problems) == {"pin-missing"}
    assert library.status is LibraryStatus.ERROR
    assert library.is_listed


def test_instance_file_without_its_suffix_is_not_read(registry: Registry) -> None:
    put(registry, files())
    sync(registry)
    write_files(registry.path, {"instances/production/file-tools": b"enabled: false\n"})
    commit_all(registry.path)
    assert registry.snapshot().library(NAME).is_enabled


# --- lookups -----------------------------------------------------------------------------------


def test_names_are_sorted_as_text_and_without_core(registry: Registry) -> None:
    for name in ("foo-bar", "foo", "a", "foo2"):
        add_release(registry, files(name), by=Actor(name="tester"))
    assert registry.snapshot().names == ("a", "foo", "foo-bar", "foo2")


def test_libraries_come_in_the_order_they_are_asked_for(registry: Registry) -> None:
    put(registry, files())
    put(registry, files("good-one"))
    wanted = [GOOD, CORE, NAME, GOOD]
    assert [x.name for x in registry.snapshot().libraries(wanted)] == wanted


def test_two_readings_at_once_do_not_block_each_other(registry: Registry) -> None:
    put(registry, files())
    snapshot = registry.snapshot()
    pairs = zip(snapshot.libraries(), snapshot.libraries(), strict=True)
    assert [(a.name, b.name) for a, b in pairs] == [("core", "core"), (NAME, NAME)]


def test_unknown_names_and_versions_are_not_found(registry: Registry) -> None:
    put(registry, files())
    snapshot = registry.snapshot()
    missing = LibraryName("not-there")
    calls: list[Callable[[], object]] = [
        lambda: snapshot.library(missing),
        lambda: snapshot.key(missing),
        lambda: list(snapshot.libraries([NAME, missing])),
        lambda: snapshot.content(missing, V1),
        lambda: snapshot.content(NAME, V2),
        lambda: snapshot.content(CORE, V2),
        lambda: snapshot.files(NAME, V2),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as caught:
            call()
        assert caught.value.next_step


@pytest.mark.parametrize("name", ["-x", "a@{b", "..", "a/b", "a\nb", "HEAD:x", "--help", ""])
def test_names_that_are_no_names_never_reach_git(registry: Registry, name: str) -> None:
    with pytest.raises(InvalidNameError):
        read_library(registry, LibraryName(name))
    with pytest.raises(InvalidNameError):
        release(registry, LibraryName(name), by=Actor(name="tester"))
    with pytest.raises(NotFoundError):
        registry.snapshot().library(LibraryName(name))


def test_object_name_with_a_line_break_is_refused_and_the_pipe_stays_whole(
    registry: Registry,
) -> None:
    with pytest.raises(GitError):
        registry.repository.object("HEAD\nHEAD")
    assert registry.repository.object("HEAD") is not None
    with pytest.raises((GitError, NotARegistryError)):
        registry.snapshot(CommitId("HEAD\n--batch-check"))


def test_directory_that_is_no_repository_is_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    git(tmp_path, "init", "-q")
    for path in (tmp_path / "sub", tmp_path / "not-there"):
        with pytest.raises(NotARegistryError, match="not a Git repository"):
            Registry.open(path)


def test_repository_without_a_commit_or_facts_is_no_registry(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    registry = Registry.open(tmp_path)
    with pytest.raises(NotARegistryError, match="no commit"):
        registry.snapshot()
    commit_all(tmp_path)
    with pytest.raises(NotARegistryError, match=r"registry\.yaml"):
        registry.snapshot()
    registry.close()


def test_broken_registry_facts_are_reported_with_their_place(registry: Registry) -> None:
    write_files(registry.path, {"registry.yaml": b"name: a\ntitle: [\n"})
    commit_all(registry.path)
    with pytest.raises(InvalidLibraryError) as caught:
        registry.snapshot()
    assert caught.value.problems[0].line == 3


@pytest.mark.parametrize("seconds", ["99999999999999", "0", "4102444800"])
def test_commit_of_any_time_is_read(registry: Registry, seconds: str) -> None:
    tree = git(registry.path, "rev-parse", "HEAD^{tree}")
    raw = f"tree {tree}\nauthor a <a> {seconds} +0000\ncommitter a <a> {seconds} +0000\n\nx\n"
    commit = git(registry.path, "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.encode())
    assert registry.snapshot(CommitId(commit)).committed_at.endswith("Z")


# --- incremental -------------------------------------------------------------------------------


def same(one: Snapshot, other: Snapshot) -> bool:
    assert one.commit == other.commit
    assert one.names == other.names
    assert [one.key(name) for name in one.names] == [other.key(name) for name in other.names]
    assert list(one.libraries()) == list(other.libraries())
    return one.facts == other.facts and one.committed_at == other.committed_at


LIBRARIES = ("lib-a", "lib-b")
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "release", "edit", "disable", "remove", "readme", "untag", "reset"]
        ),
        st.sampled_from(LIBRARIES),
        st.sampled_from(["1.0.0", "2.0.0-rc.1"]),
    ),
    min_size=1,
    max_size=8,
)


def apply(registry: Registry, operation: str, name: str, text: str) -> None:
    """Do it, where it means something now."""
    path = registry.path
    directory = path / "libraries" / name / text
    if operation in {"add", "release"}:
        # An edited, a released or a missing one is refused: then nothing changes.
        with suppress(RegistryError):
            if operation == "add":
                add_release(registry, files(name, text), by=Actor(name="tester"))
            else:
                release(registry, LibraryName(name), version(text), by=Actor(name="tester"))
        sync(registry)
    elif operation == "untag":
        for tag in git(path, "tag", "-l", f"{name}/v{text}").split():
            git(path, "tag", "-d", tag)
    elif operation == "reset":
        git(path, "reset", "-q", "--hard", git(path, "rev-list", "-2", "HEAD").split()[-1])
    else:
        edit(path, directory, operation, name)
        commit_all(path)


def edit(path: Path, directory: Path, operation: str, name: str) -> None:
    if operation == "readme":
        write_files(path, {"README.md": git(path, "rev-parse", "HEAD").encode()})
    elif operation == "disable":
        write_files(path, {f"instances/production/{name}.yaml": b"enabled: false\n"})
    elif operation == "edit" and directory.is_dir():
        write_files(directory, {"docs/README.md": b"edited\n"})
    elif operation == "remove" and directory.is_dir():
        git(path, "rm", "-rq", str(directory))


@settings(max_examples=20)
@given(operations=OPERATIONS)
def test_incremental_snapshot_equals_a_full_one_and_keys_tell_changes(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, str, str]]
) -> None:
    registry = new_registry(tmp_path_factory.mktemp("incremental") / "registry")
    before = registry.snapshot()
    quick = before
    for operation, name, text in operations:
        apply(registry, operation, name, text)
        full = registry.snapshot()
        assert same(registry.snapshot(previous=before), full)
        if operation != "untag":  # moved tags alone are noticed when all tags are read
            quick = registry.snapshot(previous=quick, all_tags=False)
        known = {n: (before.key(n), before.library(n)) for n in before.names}
        for changed in full.names:
            key, library = known.get(changed, ("", None))
            assert (key == full.key(changed)) is (library == full.library(changed))
        before = full
    if all(operation != "untag" for operation, _, _ in operations):
        assert same(quick, before)
    registry.close()


def test_key_changes_with_tree_tag_and_instance_and_with_nothing_else(registry: Registry) -> None:
    put(registry, files())
    put(registry, files("good-one"))
    keys = [registry.snapshot().key(NAME)]
    for text in ("enabled: false\n", "enabled: true\n"):
        set_instance(registry, text)
        keys.append(registry.snapshot().key(NAME))
    set_instance(registry, "enabled: false\n", instance="staging")
    write_files(registry.path, {"README.md": b"x", "libraries/good-one/1.1.0/x": b"x"})
    commit_all(registry.path)
    assert registry.snapshot().key(NAME) == keys[-1]
    git(registry.path, "tag", "-f", "-a", "-m", "moved", "file-tools/v1.0.0", "HEAD")
    keys.append(registry.snapshot().key(NAME))
    assert len(set(keys)) == len(keys)


def test_snapshot_stays_what_it_was(registry: Registry) -> None:
    put(registry, files())
    snapshot = registry.snapshot()
    library = snapshot.library(NAME)
    put(registry, files(version="2.0.0"))
    sync(registry)
    git(registry.path, "rm", "-rq", "libraries")
    git(registry.path, "commit", "-qm", "all gone")
    git(registry.path, "tag", "-d", "file-tools/v1.0.0")
    assert snapshot.library(NAME) == library
    assert snapshot.files(NAME, V1) == files()


def test_many_changed_libraries_are_read_incrementally(registry: Registry) -> None:
    before = registry.snapshot()
    for number in range(260):
        write_files(registry.path, {f"libraries/l{number}/1.0.0/manifest.json": b"{}"})
    commit_all(registry.path)
    after = registry.snapshot(previous=before, all_tags=False)
    assert len(after.names) == 260
    assert same(after, registry.snapshot())


def test_libraries_that_cannot_be_told_apart_by_tree_are_told_apart(registry: Registry) -> None:
    """Two libraries with the very same tree: one of them has the wrong name."""
    release_by_hand(registry, files())
    release_by_hand(registry, files(), name=GOOD)
    snapshot = registry.snapshot()
    assert snapshot.library(NAME).status is LibraryStatus.ENABLED
    assert rules(snapshot.library(GOOD).problems) == {"name-mismatch"}


def test_manifest_of_too_many_steps_is_a_problem(tmp_path: Path) -> None:
    made = new_registry(tmp_path / "r")
    steps = [{"file": "steps/copy.json"}, {"file": "steps/other.json"}]
    put(made, files(steps=steps, extra={"steps/other.json": encode(step(name="file.other"))}))
    limits = replace(made.limits, steps_per_release=1)
    with Registry.open(made.path, limits=limits) as tight:
        assert rules(tight.snapshot().library(NAME).problems) == {"limit-steps"}
    made.close()
