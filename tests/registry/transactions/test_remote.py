"""Writes to a registry with a remote: there first, all refs or none, and never by force."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError, GitError, InvalidNameError
from registry.git.remote import fetch_branch
from registry.git.worktree import follow
from registry.names import CommitId
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal
from registry.transactions.transaction import Actor, follow_head, reconcile, run_transaction
from tests.registry.making import NAME, commit_all, files, git, new_registry, put, write_files

_BY = Actor(name="tester")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "first") as made:
        put(made, files())
        follow_head(made)
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "first"), str(tmp_path / "bare.git"))
    return tmp_path / "bare.git"


def clone(bare: Path, name: str) -> Path:
    git(bare.parent, "clone", "-q", str(bare), name)
    return bare.parent / name


@pytest.fixture
def registry(bare: Path) -> Iterator[Registry]:
    with Registry.open(clone(bare, "mine"), remote="origin") as opened:
        yield opened


def refs(where: Path) -> str:
    return git(where, "for-each-ref", "refs/heads", "refs/tags")


def test_branch_and_tag_arrive_together_on_the_remote(registry: Registry, bare: Path) -> None:
    put(registry, files(version="1.1.0"))
    assert refs(bare) == refs(registry.path)
    assert "file-tools/v1.1.0" in refs(bare)


def test_writer_on_another_machine_is_built_upon(registry: Registry, bare: Path) -> None:
    with Registry.open(clone(bare, "theirs"), remote="origin") as theirs:
        put(theirs, files(version="1.1.0"))
    put(registry, files(version="1.2.0"))
    follow_head(registry)
    library = registry.snapshot().library(NAME)
    assert [str(r.version) for r in library.releases if r.is_served] == ["1.2.0", "1.1.0", "1.0.0"]
    assert git(registry.path, "status", "--porcelain") == ""
    assert refs(bare) == refs(registry.path)


_WRITER = """
import sys
import threading
from pathlib import Path
from registry.publishing.add import add_release
from registry.transactions.transaction import Actor
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.git.worktree import follow
from tests.registry.making import files
by = Actor(name=sys.argv[2])
with Registry.open(Path(sys.argv[1]), remote="origin") as registry:
    for number in range(4):
        added = add_release(registry, files(sys.argv[2], f"1.{number}.0"), by=by)
        release(registry, added.name, added.version, by=by)
"""


def test_racing_clones_lose_nothing(bare: Path) -> None:
    names = ("left", "right")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(clone(bare, name)), name],
            cwd=Path(__file__).parents[3],
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors.decode()
    snapshot_of = clone(bare, "after")
    with Registry.open(snapshot_of) as after:
        for library in after.snapshot().libraries(after.snapshot().names):
            expected = 1 if library.name == NAME else 4
            assert sum(record.is_served for record in library.releases) == expected
    # 2 for the first release, 1 for init, and two operations for each of eight releases.
    assert git(snapshot_of, "rev-list", "--count", "HEAD") == "19"


def test_refusing_remote_leaves_nothing_here(registry: Registry, bare: Path) -> None:
    add_release(registry, files(version="1.1.0"), by=_BY)
    hook = bare / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ncase $1 in refs/tags/*) exit 1;; esac\n")
    hook.chmod(0o755)
    before, theirs = refs(registry.path), refs(bare)
    with pytest.raises(ConflictError, match="a hook of it declined") as caught:
        release(registry, NAME, by=_BY)
    assert "refs/tags/file-tools/v1.1.0" in caught.value.message
    assert "again" not in caught.value.next_step.replace("declined again", "")
    assert (refs(registry.path), refs(bare)) == (before, theirs)
    hook.unlink()
    release(registry, NAME, by=_BY)
    assert refs(bare) == refs(registry.path)


def test_tag_that_only_the_remote_has_is_not_moved(registry: Registry, bare: Path) -> None:
    add_release(registry, files(version="1.1.0"), by=_BY)
    git(bare, "tag", "file-tools/v1.1.0", "HEAD~1")
    stray = git(bare, "rev-parse", "file-tools/v1.1.0")
    with pytest.raises(ConflictError, match="tag"):
        release(registry, NAME, by=_BY)
    assert git(bare, "rev-parse", "file-tools/v1.1.0") == stray


def test_branches_that_have_parted_are_a_conflict(registry: Registry, bare: Path) -> None:
    with Registry.open(clone(bare, "theirs"), remote="origin") as theirs:
        put(theirs, files(version="1.1.0"))
    write_files(registry.path, {"README.md": b"mine"})
    commit_all(registry.path)
    with pytest.raises(ConflictError, match="both moved on") as caught:
        add_release(registry, files(version="1.2.0"), by=_BY)
    assert "git pull --no-rebase origin main" in re.sub(" -C [^ ]+", "", caught.value.next_step)


def test_a_remote_that_was_rewound_is_called_so(registry: Registry, bare: Path) -> None:
    put(registry, files(version="1.1.0"))
    git(bare, "update-ref", "refs/heads/main", "main~2")
    with pytest.raises(ConflictError, match=r"older than .* it was rewound") as caught:
        add_release(registry, files(version="1.2.0"), by=_BY)
    line = re.search("'(git .*)'", caught.value.next_step)
    assert line is not None
    subprocess.run(["/bin/sh", "-c", line[1]], cwd=registry.path, check=True, capture_output=True)
    put(registry, files(version="1.2.0"))
    assert refs(bare) == refs(registry.path)


def test_unreachable_remote_is_an_error_and_changes_nothing(registry: Registry, bare: Path) -> None:
    bare.rename(bare.with_name("gone"))
    before = refs(registry.path)
    with pytest.raises(GitError):
        add_release(registry, files(version="1.1.0"), by=_BY)
    assert refs(registry.path) == before


@pytest.mark.parametrize("name", ["-x", "--upload-pack=evil", "a b", "ext::sh -c x", ""])
def test_name_of_a_remote_never_becomes_an_option(bare: Path, name: str) -> None:
    with (
        Registry.open(clone(bare, "mine"), remote=name) as opened,
        pytest.raises(InvalidNameError),
    ):
        add_release(opened, files(version="1.1.0"), by=_BY)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote.origin.receivepack", "touch {ran}; git-receive-pack"),
        ("remote.origin.uploadpack", "touch {ran}; git-upload-pack"),
        ("core.hooksPath", "{hooks}"),
        ("credential.helper", "!touch {ran}"),
        ("core.sshCommand", "touch {ran}"),
        ("remote.origin.url", "ext::sh -c 'touch {ran}'"),
        ("remote.origin.vcs", "ext"),
        ("core.alternateRefsCommand", "touch {ran}"),
        ("gpg.program", "{hooks}/pre-push"),
        ("gpg.ssh.program", "{hooks}/pre-push"),
    ],
)
def test_configuration_of_the_repository_starts_no_program(
    registry: Registry, bare: Path, tmp_path: Path, key: str, value: str
) -> None:
    ran, hooks = tmp_path / "ran", tmp_path / "hooks"
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        hook = write_files(hooks, {name: f"#!/bin/sh\ntouch {ran}\n".encode()}) / name
        hook.chmod(0o755)
    git(registry.path, "config", key, value.format(ran=ran, hooks=hooks))
    git(registry.path, "config", "log.showSignature", "true")
    alternates = registry.path / ".git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{bare / 'objects'}\n")
    if key in {"remote.origin.url", "remote.origin.vcs"}:
        with pytest.raises(GitError):
            add_release(registry, files(version="1.1.0"), by=_BY)
    else:
        put(registry, files(version="1.1.0"))
    assert not ran.exists()


@pytest.mark.parametrize("way", ["path", "file", "another name", "push"])
def test_remote_inside_of_the_registry_is_not_asked(
    registry: Registry, tmp_path: Path, way: str
) -> None:
    """Its hooks are those of whoever made the copy."""
    ran = tmp_path / "ran"
    inside = registry.path / ".git/evil.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(registry.path), str(inside))
    for name in ("pre-receive", "reference-transaction", "post-update"):
        hook = write_files(inside / "hooks", {name: f"#!/bin/sh\ntouch {ran}\n".encode()}) / name
        hook.chmod(0o755)
    origin = git(registry.path, "remote", "get-url", "origin").strip()
    key, value = {
        "path": ("remote.origin.url", ".git/evil.git"),
        "file": ("remote.origin.url", f"file://{registry.path}/.git/%65vil.git"),
        "another name": (f"url.{inside}.insteadOf", origin),
        "push": ("remote.origin.pushurl", str(inside)),
    }[way]
    git(registry.path, "config", key, value)
    with pytest.raises(GitError, match="lies in the registry itself"):
        add_release(registry, files(version="1.1.0"), by=_BY)
    assert not ran.exists()


def test_signed_commits_start_no_program(registry: Registry, tmp_path: Path) -> None:
    """`git log` runs what the configuration names, where it is told to show signatures."""
    ran = tmp_path / "ran"
    program = write_files(tmp_path, {"gpg": f"#!/bin/sh\ntouch {ran}\n".encode()}) / "gpg"
    program.chmod(0o755)
    git(registry.path, "config", "log.showSignature", "true")
    git(registry.path, "config", "gpg.program", str(program))
    raw = git(registry.path, "cat-file", "commit", "HEAD")
    head, _, message = raw.partition("\n\n")
    block = "-----BEGIN PGP SIGNATURE-----\n AAAA\n -----END PGP SIGNATURE-----"
    signed = f"{head}\ngpgsig {block}\n\n{message}"
    file = write_files(tmp_path, {"commit": signed.encode()}) / "commit"
    made = git(registry.path, "hash-object", "-t", "commit", "-w", str(file)).strip()
    old = registry.head()
    git(registry.path, "update-ref", "refs/heads/main", made)
    follow(registry.repository, CommitId(git(registry.path, "rev-parse", f"{old}~1").strip()))
    assert not ran.exists()


def test_push_that_arrived_before_the_writer_was_killed_is_taken_over(
    registry: Registry, bare: Path
) -> None:
    """Killed between the remote's move and ours: the next command catches up."""
    add_release(registry, files(version="1.1.0"), by=_BY)
    old = registry.head()
    with Registry.open(clone(bare, "same"), remote="origin") as other:
        released = release(other, NAME, by=_BY)
    journal = Journal(registry.state_directory / "journal")
    journal.begin(old, [])
    assert run_transaction(registry, lambda turn: turn.head) == released.commit
    follow_head(registry)
    assert git(registry.path, "status", "--porcelain") == ""
    assert refs(registry.path) == refs(bare)


def test_reconcile_of_a_sound_registry_changes_nothing(registry: Registry) -> None:
    before = refs(registry.path)
    reconcile(registry)
    assert refs(registry.path) == before


def test_fetch_goes_on_where_somebody_else_fetches_in_the_same_clone(
    registry: Registry, bare: Path
) -> None:
    """A person's own 'git push' held the ref that a server fetched into: "the remote is down"."""
    with Registry.open(clone(bare, "theirs"), remote="origin") as theirs:
        put(theirs, files(version="1.1.0"))
    lock = registry.path / ".git/refs/remotes/origin/main.lock"
    lock.touch()
    # Git waits for a tenth of a second by itself.
    release_of_it = threading.Timer(0.25, lock.unlink)
    release_of_it.start()
    head = fetch_branch(registry.repository, "origin", "refs/heads/main")
    release_of_it.join()
    assert head == git(bare, "rev-parse", "main")
