"""Clones that lack something, and repositories in a state of Git's: one sentence, and no lie."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from opsteps import COMMANDS
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.installed import opsteps
from tests.registry.making import NAME, commit_all, files, git, new_registry, put, write_files

_INCOMPLETE = 9
_WIDER = {"parameters": {"target": {"type": "file", "required": True}}}
# A use of each command that reads a registry or writes to it.
_USES = {
    "diff": "diff",
    "build": "build . --out ../site",
    "show": "show file-tools",
    "search": "search copy",
    "validate": "validate --base HEAD",
    "release": "release file-tools",
    "verify": "verify",
    "log": "log",
    "package": "package file-tools --output ../x.zip",
    "bundle": "bundle ../x.bundle",
    "audit": "audit",
    "add": "add ../library",
    "remove": "remove file-tools 1.1.1",
    "install": "install ../library",
    "update": "update",
    "toggle": "toggle file-tools --off",
    "uninstall": "uninstall file-tools",
    "lock": "lock",
    "upstream": "upstream list",
    "yank": "yank file-tools 1.0.0 --reason x",
    "unyank": "unyank file-tools 1.0.0",
    "deprecate": "deprecate file-tools --reason x",
    "rollback": "rollback file-tools --to 1.0.0",
    "trust": "trust HEAD",
    "attest": "attest HEAD --key ../key",
    "sign-head": "sign-head --key ../key",
    "import": "import bitrise-steplib ../library",
}
# These make a registry, need none, or take one as it is.
_OTHERS = {
    *(
        "init",
        "new",
        "demo",
        "serve",
        "token",
        "maintain",
        "repair",
        "backup",
        "restore",
        "completion",
        "help",
        "version",
    ),
}


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows who this is, so that nothing is said of that."""
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Nora")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with releases, and a candidate whose number is too low for what it breaks."""
    root = tmp_path_factory.mktemp("source")
    with new_registry(root / "registry") as made:
        put(made, files())
        put(made, files(version="1.1.0"))
        put(made, files("other-tools"))
        add_release(made, files(version="1.1.1", step_fields=_WIDER), by=Actor(name="tester"))
        follow_head(made)
    git(root / "registry", "config", "uploadpack.allowFilter", "true")
    write_files(root / "library", files("new-tools"))
    opsteps(root / "registry", "diff", expect=1)
    return root / "registry"


def clone(source: Path, where: Path, *options: str) -> Path:
    git(where, "clone", "-q", *options, source.as_uri(), "clone")
    write_files(where / "library", files("new-tools"))
    git(where, "init", "-q", "scratch")
    shutil.copy(_key(where), where / "key")
    return where / "clone"


def _key(where: Path) -> Path:
    path = where / "made-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def test_every_command_is_tried() -> None:
    assert _USES.keys() | _OTHERS == set(COMMANDS)


@pytest.mark.needs_ssh_keygen
@pytest.mark.parametrize("options", [("--depth=1",), ("--no-tags",)], ids=["shallow", "no-tags"])
def test_clone_without_history_or_tags_is_told_what_to_run(
    source: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = clone(source, tmp_path, *options)
    before = git(path, "for-each-ref")
    lines: set[str] = set()
    for name, use in _USES.items():
        if name == "log" and "--no-tags" in options:  # it asks for no tag
            opsteps(path, *use.split())
            continue
        said = opsteps(path, *use.split(), expect=_INCOMPLETE)
        assert re.search("this clone (is shallow|lacks the release tags)", said), (name, said)
        assert "opsteps release" not in said
        assert len(said.splitlines()) == 2, (name, said)
        lines.update(re.findall("'(git fetch [^']*)'", said))
    assert git(path, "for-each-ref") == before
    # What it says to run is what helps.
    (line,) = lines
    git(path, *line.split()[1:])
    assert "1.1.0  active" in opsteps(path, "show", "file-tools")
    assert "1.1.1" in opsteps(path, "diff", expect=1)
    opsteps(path, "verify")


def test_new_clone_without_a_release_lacks_nothing(tmp_path: Path) -> None:
    with new_registry(tmp_path / "registry") as made:
        add_release(made, files(), by=Actor(name="tester"))
    git(tmp_path, "clone", "-q", (tmp_path / "registry").as_uri(), "clone")
    opsteps(tmp_path / "clone", "verify")
    opsteps(tmp_path / "clone", "release", "file-tools")


def test_clone_without_a_remote_is_told_to_clone_again(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path, "--depth=1")
    git(path, "remote", "remove", "origin")
    said = opsteps(path, "diff", expect=_INCOMPLETE)
    assert "git fetch" not in said
    assert "Clone it again" in said


def test_one_deleted_tag_does_not_let_a_breaking_version_pass(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    git(path, "tag", "-d", "file-tools/v1.0.0", "file-tools/v1.1.0")
    said = opsteps(path, "diff", expect=5)
    assert "file-tools cannot be compared: 1.1.0: it has a ledger entry and no tag" in said
    shown = opsteps(path, "show", "file-tools")
    assert "nothing of it is served" in shown
    assert "it has a ledger entry and no tag" in shown
    assert "opsteps release" not in shown


@pytest.mark.parametrize("kept", ["blob:none", "tree:0"])
def test_partial_clone_is_named_as_one(source: Path, tmp_path: Path, kept: str) -> None:
    path = clone(source, tmp_path, f"--filter={kept}")
    said = opsteps(path, "verify", expect=_INCOMPLETE)
    assert "this clone is partial" in said
    assert "damaged" not in said
    assert "fsck" not in said
    line = re.search("'(git fetch [^']*)'", said)
    assert line is not None
    git(path, *line[1].split()[1:])
    opsteps(path, "verify")
    opsteps(path, "log")


def test_partial_clone_without_a_checkout_lacks_what_every_command_reads(
    source: Path, tmp_path: Path
) -> None:
    path = clone(source, tmp_path, "--filter=blob:none", "--no-checkout")
    for use in (
        "show file-tools",
        "search copy",
        "diff",
        "build . --out ../site",
        "add ../library",
    ):
        said = opsteps(path, *use.split(), expect=_INCOMPLETE)
        assert "this clone is partial" in said, (use, said)


@pytest.mark.needs_ssh_keygen
def test_sha256_is_one_sentence_for_every_command(tmp_path: Path) -> None:
    path = tmp_path / "registry"
    git(tmp_path, "init", "-q", "--object-format=sha256", "registry")
    write_files(path, {"registry.yaml": b"name: steps\ntitle: Steps\nurl: http://127.0.0.1\n"})
    commit_all(path)
    write_files(tmp_path / "library", files("new-tools"))
    shutil.copy(_key(tmp_path), tmp_path / "key")
    uses = {**_USES, "validate everything": "validate .", "serve": "serve --port 0",
            "token": "token list", "init": "init ."}  # fmt: skip
    for name, use in uses.items():
        said = opsteps(path, *use.split(), expect=5 if name == "init" else 3)
        if name != "init":
            assert "named by SHA-256, which is not supported" in said, (name, said)
        assert len(said.splitlines()) == 2, (name, said)
    bare = tmp_path / "empty"
    git(tmp_path, "init", "-q", "--object-format=sha256", "empty")
    assert "SHA-256" in opsteps(bare, "init", ".", expect=3)


def test_sha256_remote_and_upstream_are_named(source: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "other")
    commit_all(tmp_path / "other")
    path = clone(source, tmp_path)
    git(path, "remote", "set-url", "origin", (tmp_path / "other").as_uri())
    said = opsteps(path, "add", "../library", "--remote", "origin", expect=6)
    assert "named by SHA-256" in said
    git(path, "remote", "set-url", "origin", source.as_uri())
    address = (tmp_path / "other").as_uri()
    said = opsteps(path, "upstream", "add", "theirs", address, "--allow-private", expect=6)
    assert "named by SHA-256" in said


# --- revisions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("origin/nope", "git fetch origin nope"),
        ("HEAD~1000", "does not go back that far"),
        ("nope", "git fetch --tags origin"),
        ("HEAD:registry.yaml", "is a blob, and no commit"),
        ("HEAD^{tree}", "is a tree, and no commit"),
        ("0" * 40, "git fetch --tags origin"),
        ("", "there is no commit"),
        ("a\nb", "there is no commit"),
        ("\x1b[31mred", "there is no commit"),
        ("-x", "there is no commit"),
    ],
)
def test_revision_that_is_no_commit(
    source: Path, tmp_path: Path, revision: str, words: str
) -> None:
    path = clone(source, tmp_path)
    uses = [("validate", f"--base={revision}"), ("trust", "--", revision)]
    if revision:
        uses += [("bundle", "../x.bundle", f"--since={revision}"),
                 ("validate", "--base=HEAD", f"--head={revision}")]  # fmt: skip
    for use in uses:
        said = opsteps(path, *use, expect=4)
        assert words in said, said
        assert "fsck" not in said
        assert "fatal" not in said
        assert "hint" not in said
        assert "\x1b" not in said
        assert len(said.splitlines()) == 2, said


def test_base_of_a_tag_that_names_a_blob(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    git(path, "tag", "thing", "HEAD:registry.yaml")
    assert "'thing' is a blob" in opsteps(path, "validate", "--base", "thing", expect=4)
    assert "'thing' is a blob" in opsteps(path, "rollback", "--to", "thing", expect=4)


# --- remotes ---------------------------------------------------------------------------------


def hosted(source: Path, where: Path) -> Path:
    """A clone of a bare copy, as a Git host holds it."""
    git(where, "clone", "-q", "--bare", str(source), "host.git")
    return clone(where / "host.git", where)


def test_branch_that_the_remote_lacks(source: Path, tmp_path: Path) -> None:
    path = hosted(source, tmp_path)
    git(path, "switch", "-q", "-c", "mine")
    said = opsteps(path, "add", "../library", "--remote", "origin", expect=5)
    assert "origin has no branch mine" in said
    assert "again" not in said
    line = re.search("'(git push [^']*)'", said)
    assert line is not None
    git(path, *line[1].split()[1:])
    opsteps(path, "add", "../library", "--remote", "origin")


@pytest.mark.parametrize(
    ("hook", "words", "code"),
    [
        ("echo 'GH006: Protected branch update failed' >&2; exit 1", "it protects this branch", 5),
        ("echo 'no releases on Fridays' >&2; exit 1", "no releases on Fridays", 5),
    ],
)
def test_push_that_is_declined(
    source: Path, tmp_path: Path, hook: str, words: str, code: int
) -> None:
    path = hosted(source, tmp_path)
    file = tmp_path / "host.git/hooks/pre-receive"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{hook}\n")
    file.chmod(0o755)
    before = git(path, "for-each-ref")
    said = opsteps(path, "add", "../library", "--remote", "origin", expect=code)
    assert words in said
    assert "Run the command again" not in said
    assert git(path, "for-each-ref") == before


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("file:///nowhere/at/all", "there is no repository at its address"),
        ("git://127.0.0.1:1/x", "it cannot be reached"),
        ("https://127.0.0.1:1/x", "it cannot be reached"),
        ("ssh://127.0.0.1:1/x", "it cannot be reached"),
    ],
)
def test_remote_that_is_not_there(source: Path, tmp_path: Path, address: str, words: str) -> None:
    path = clone(source, tmp_path)
    git(path, "remote", "set-url", "origin", address)
    said = opsteps(path, "add", "../library", "--remote", "origin", expect=6)
    assert words in said
    assert "git remote -v" in said
    assert "again" not in said
    assert len(said.splitlines()) == 2, said


def test_remote_with_the_branch_checked_out(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    said = opsteps(path, "add", "../library", "--remote", "origin", expect=5)
    assert "it has this branch checked out" in said
    assert "bare" in said


def test_remote_that_has_no_such_name(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    said = opsteps(path, "add", "../library", "--remote", "nope", expect=6)
    assert "'nope' does not appear to be a git repository" in said
    assert "git remote -v" in said


# --- damage and locks ------------------------------------------------------------------------


def test_only_a_damaged_object_sends_anybody_to_fsck(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path, "--no-local")
    git(path, "unpack-objects", "-q", stdin=_packed(path))
    facts = git(path, "rev-parse", "HEAD:registry.yaml")
    file = path / ".git/objects" / facts[:2] / facts[2:]
    file.chmod(0o644)
    file.write_bytes(b"junk")
    for use in ("show file-tools", "verify", "diff"):
        said = opsteps(path, *use.split(), expect=6)
        assert facts in said, said
        assert "git fsck" in said
        assert "schema" not in said


def _packed(path: Path) -> bytes:
    """What the clone fetched, taken away from it to be unpacked."""
    (pack,) = (path / ".git/objects/pack").glob("*.pack")
    content = pack.read_bytes()
    for file in pack.parent.iterdir():
        file.unlink()
    return content


def test_branch_that_another_git_holds(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    lock = path / ".git/refs/heads/main.lock"
    lock.touch()
    said = opsteps(path, "toggle", "file-tools", "--off", expect=6)
    assert "another Git holds" in said
    assert "delete the file that ends in .lock" in said
    assert "'opsteps repair --yes'" in said
    os.utime(lock, (time.time() - 601,) * 2)
    opsteps(path, "repair", "--yes")
    assert not lock.exists()
    opsteps(path, "toggle", "file-tools", "--off")


# --- states ----------------------------------------------------------------------------------


@pytest.mark.parametrize("remote", [(), ("--remote", "origin")])
def test_detached_head_is_written_by_nothing(
    source: Path, tmp_path: Path, remote: tuple[str, ...]
) -> None:
    path = hosted(source, tmp_path)
    git(path, "switch", "-q", "--detach")
    said = opsteps(path, "add", "../library", *remote, expect=5)
    assert "HEAD is detached" in said
    assert "git switch" in said
    opsteps(path, "verify")
    git(path, "switch", "-q", "main")
    opsteps(path, "add", "../library", *remote)


@pytest.mark.parametrize("state", ["merge", "rebase", "cherry-pick", "revert"])
def test_nothing_is_written_while_git_is_in_the_midst(
    source: Path, tmp_path: Path, state: str
) -> None:
    path = clone(source, tmp_path)
    _conflict(path, state)
    before = git(path, "for-each-ref")
    said = opsteps(path, "add", "../library", expect=5)
    assert f"a {state} is under way" in said
    assert git(path, "for-each-ref") == before
    opsteps(path, "show", "file-tools")
    line = re.search(f"'(git {state} --abort)'", said)
    assert line is not None
    git(path, *line[1].split()[1:])
    opsteps(path, "add", "../library")


def _conflict(path: Path, state: str) -> None:
    git(path, "switch", "-q", "-c", "side")
    write_files(path, {"README.md": b"theirs\n"})
    theirs = commit_all(path)
    git(path, "switch", "-q", "main")
    write_files(path, {"README.md": b"ours\n"})
    commit_all(path)
    if state == "revert":
        first = commit_all(write_files(path, {"README.md": b"first\n"}))
        commit_all(write_files(path, {"README.md": b"second\n"}))
        theirs = first
    words = {"merge": "merge", "rebase": "rebase", "cherry-pick": "cherry-pick", "revert": "revert"}
    with pytest.raises(AssertionError):  # it ends in a conflict
        git(path, words[state], theirs)


def test_unborn_branch(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    git(path, "switch", "-q", "--orphan", "empty")
    for use in ("show file-tools", "verify", "diff", "add ../library", "log"):
        said = opsteps(path, *use.split(), expect=3)
        assert "there is no commit on the branch empty" in said, (use, said)
        assert "git switch" in said
    git(tmp_path, "init", "-q", "new")
    assert "opsteps init" in opsteps(tmp_path / "new", "verify", expect=3)


def test_worktree_and_submodule_and_bare_repository(source: Path, tmp_path: Path) -> None:
    path = clone(source, tmp_path)
    git(path, "worktree", "add", "-q", "-b", "side", "../tree")
    git(tmp_path, "clone", "-q", "--bare", source.as_uri(), "bare.git")
    outer = tmp_path / "scratch"
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", source.as_uri(), "sub")
    for place in (tmp_path / "tree", tmp_path / "bare.git", outer / "sub"):
        opsteps(place, "verify")
        opsteps(place, "add", tmp_path / "library")
        opsteps(place, "release", "new-tools", "--on-this-branch")
        assert "new-tools 1.0.0" in opsteps(place, "show", "new-tools")
    assert git(tmp_path / "tree", "status", "--porcelain") == ""


# --- tags that release nothing ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "version", "reason"),
    [
        (("-m", "x"), "1.2.0", "it has a tag and no ledger entry, and there is no directory 1.2.0"),
        ((), "1.2.0", "the tag is lightweight"),
        (("-m", "x"), "1.1.1", "it has a tag and no ledger entry"),
        (("-f", "-m", "x"), "1.1.0", "its tag is not an annotated release tag"),
        (("-f",), "1.1.0", "its tag is not an annotated release tag"),
    ],
)
def test_stray_tag_has_its_reason_wherever_the_state_is_shown(
    source: Path, tmp_path: Path, options: tuple[str, ...], version: str, reason: str
) -> None:
    path = clone(source, tmp_path)
    git(path, "tag", *options, f"file-tools/v{version}", "HEAD~1")
    shown = opsteps(path, "show", "file-tools")
    assert "status    error" in shown or "nothing of it is served" in shown
    assert f"{version}: " in shown
    assert reason in shown
    with Registry.open(path) as opened:
        assert any(reason in alarm for alarm in opened.snapshot().library(NAME).alarms)
    opsteps(path, "build", ".", "--out", "../site", "--no-search")
    page = next((tmp_path / "site").glob("**/file-tools/index.html")).read_text()
    assert reason in page
    assert reason in (tmp_path / "site/api/v1/libraries/file-tools.json").read_text()


def test_environment_of_a_hook_points_nowhere_else(source: Path, tmp_path: Path) -> None:
    """A caller inside of a hook has GIT_DIR and an index of another repository."""
    path = clone(source, tmp_path)
    other = {"GIT_DIR": str(tmp_path / "scratch/.git"), "GIT_INDEX_FILE": os.devnull}
    opsteps(path, "add", "../library", env=other)
    assert git(path, "status", "--porcelain") == ""
