"""`opsteps repair`: what it puts right, what it leaves to a person, and what it refuses."""

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.errors import NotFoundError
from registry.library.digest import release_digest
from registry.repairing.apply_repair import KEPT, repair
from registry.repairing.model import Item, ItemState, RepairPlan
from registry.repairing.repair_plan import make_plan
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.trust.errors import UntrustedHistoryError
from registry.trust.report import VerificationReport
from registry.trust.trusted_head import TrustedHead, read_trusted, set_trusted
from registry.verifying.verification import VerificationOptions, verify_registry
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

_BY = Actor(name="tester")
_TAG = "file-tools/v1.1.0"
_LEDGER = "libraries/file-tools/library.yaml"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of one library, in one registry."""
    path = tmp_path_factory.mktemp("repairing") / "registry"
    with new_registry(path) as made:
        put(made, files())
        put(made, files(version="1.1.0"))
        follow_head(made)
    return path


@pytest.fixture
def registry(original: Path, tmp_path: Path) -> Iterator[Registry]:
    shutil.copytree(original, tmp_path / "registry", symlinks=True)
    with Registry.open(tmp_path / "registry") as opened:
        yield opened


def verified(registry: Registry) -> VerificationReport:
    wishes = VerificationOptions(now=datetime.now(UTC), deep=True)
    return verify_registry(registry, wishes, trusted=read_trusted(registry)).report


def planned(registry: Registry, **options: object) -> RepairPlan:
    return make_plan(registry, registry.head(), **options)  # type: ignore[arg-type]


def only(plan: RepairPlan) -> Item:
    (item,) = plan.items
    return item


def refs(registry: Registry) -> str:
    return git(registry.path, "for-each-ref")


def rewritten(registry: Registry, **environment: str) -> None:
    """Every commit after the first made anew, as a rebase does; tags stay behind."""
    first = git(registry.path, "rev-list", "--max-parents=0", "HEAD")
    command = ["git", "-C", str(registry.path), "rebase", "-q", "--force-rebase", first]
    who = {"GIT_COMMITTER_NAME": "P", "GIT_COMMITTER_EMAIL": "p@example.com", **environment}
    subprocess.run(command, check=True, env={**os.environ, **who})


# --- what is put right ------------------------------------------------------------------------


def test_nothing_is_wrong_with_a_sound_registry(registry: Registry) -> None:
    before = refs(registry)
    assert planned(registry).items == ()
    assert repair(registry, by=_BY).items == ()
    assert refs(registry) == before


def test_tags_left_behind_by_a_rebase_are_set_anew_with_the_same_message(
    registry: Registry,
) -> None:
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    old = git(registry.path, "rev-parse", _TAG)
    rewritten(registry)
    assert {finding.library for finding in verified(registry).findings} == {"file-tools"}
    before = refs(registry)
    plan = planned(registry)
    assert [item.state for item in plan.items] == [ItemState.REPAIR] * 2
    assert refs(registry) == before  # a plan is only a plan
    repair(registry, by=_BY)
    assert verified(registry).is_sound
    assert git(registry.path, "tag", "-l", "--format=%(contents)", _TAG) == message
    assert git(registry.path, "rev-parse", f"{KEPT}/{_TAG}/{old[:12]}") == old
    assert planned(registry).items == ()


def test_two_clones_that_repair_the_same_make_the_same_tags(
    registry: Registry, tmp_path: Path
) -> None:
    rewritten(registry)
    shutil.copytree(registry.path, tmp_path / "second", symlinks=True)
    repair(registry, by=_BY)
    with Registry.open(tmp_path / "second") as second:
        repair(second, by=Actor(name="somebody else"))
        assert refs(second) == refs(registry)


def test_an_amended_commit_gets_its_tag(registry: Registry) -> None:
    git(registry.path, "commit", "-q", "--amend", "--no-verify", "-m", "Nicer words")
    assert "does not descend from" in only(planned(registry)).what
    repair(registry, by=_BY)
    assert verified(registry).is_sound


def test_a_lost_tag_comes_back_as_the_same_object(registry: Registry) -> None:
    before = refs(registry)
    git(registry.path, "tag", "-d", _TAG)
    assert "made again from the ledger" in only(planned(registry)).then
    repair(registry, by=_BY)
    assert refs(registry) == before
    assert verified(registry).is_sound


@pytest.mark.parametrize(
    "spoil",
    [
        ("tag", "-f", _TAG, "HEAD"),  # lightweight
        ("tag", "-f", "-a", "-m", "no digest", _TAG, "HEAD"),
        ("update-ref", f"refs/tags/{_TAG}", "refs/tags/file-tools/v1.0.0^{commit}"),
    ],
)
def test_a_tag_that_is_no_release_tag_any_more_is_made_anew(
    registry: Registry, spoil: tuple[str, ...]
) -> None:
    before = git(registry.path, "rev-parse", _TAG)
    git(registry.path, *spoil)
    repair(registry, by=_BY)
    assert git(registry.path, "rev-parse", _TAG) == before
    assert verified(registry).is_sound


def test_a_tag_that_leads_to_a_branch_is_made_anew_and_the_branch_stays(
    registry: Registry,
) -> None:
    before = git(registry.path, "for-each-ref", "refs/heads", "refs/tags")
    git(registry.path, "symbolic-ref", f"refs/tags/{_TAG}", "refs/heads/main")
    repair(registry, by=_BY)
    assert git(registry.path, "for-each-ref", "refs/heads", "refs/tags") == before
    assert verified(registry).is_sound


def test_a_tag_moved_to_a_later_commit_goes_back(registry: Registry) -> None:
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    commit_all(registry.path)
    git(registry.path, "tag", "-f", "-a", "-m", message, "--cleanup=verbatim", _TAG, "HEAD")
    repair(registry, by=_BY)
    assert verified(registry).is_sound


def test_a_clone_without_any_tag_and_a_remote_that_has_none_gets_them(
    registry: Registry, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), "bare.git")
    for tag in git(registry.path, "tag").split():
        git(tmp_path / "bare.git", "tag", "-d", tag)
    git(tmp_path, "clone", "-q", "bare.git", "clone")
    before = git(registry.path, "for-each-ref", "refs/tags")
    with Registry.open(tmp_path / "clone", check_clone=False) as clone:
        repair(clone, by=_BY)
        assert git(clone.path, "for-each-ref", "refs/tags") == before
        assert verified(clone).is_sound


def test_an_entry_lost_in_a_merge_comes_back_in_a_commit_of_ours(registry: Registry) -> None:
    was = (registry.path / _LEDGER).read_bytes()
    lines = was.decode().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "1.1.0" in line)
    rest = next(
        (n for n in range(at + 1, len(lines)) if not lines[n].startswith("    ")), len(lines)
    )
    (registry.path / _LEDGER).write_text("".join([*lines[:at], *lines[rest:]]))
    commit_all(registry.path)
    item = only(planned(registry))
    assert "not in the ledger any more" in item.what
    with pytest.raises(NotFoundError):
        repair(registry, by=_BY, removing=[_TAG])
    repair(registry, by=_BY)
    assert (registry.path / _LEDGER).read_bytes() == was
    assert "Operation: repair" in git(registry.path, "log", "-1", "--format=%B")
    assert git(registry.path, "status", "--porcelain") == ""
    (left,) = verified(registry).findings
    assert left.what == "its entry was taken out of the ledger"
    assert item.command == "opsteps trust HEAD --accept"  # and a test of it is in tests/e2e


def test_locks_that_nobody_holds_are_put_aside_and_young_ones_stay(registry: Registry) -> None:
    git(registry.path, "tag", "-d", _TAG)
    inside = registry.path / ".git"
    old = [inside / "HEAD.lock", inside / "refs/heads/main.lock", inside / "packed-refs.lock"]
    unreadable = inside / "opsteps/journal/moving-1.unreadable"
    young = inside / "refs/heads/other.lock"
    for path in (*old, unreadable, young):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    for path in old:
        os.utime(path, (time.time() - 3600,) * 2)
    repair(registry, by=_BY)
    assert not any(path.exists() for path in (*old, unreadable))
    assert young.exists()
    kept = {path.name.rsplit(".", 1)[0] for path in (inside / "opsteps/repaired").iterdir()}
    assert kept == {*(path.name for path in old), unreadable.name}
    assert verified(registry).is_sound


def test_an_index_of_an_older_head_follows_and_edits_stay(registry: Registry) -> None:
    tip = git(registry.path, "rev-parse", "HEAD")
    git(registry.path, "reset", "-q", "--hard", "HEAD~1")
    git(registry.path, "update-ref", "refs/heads/main", tip)
    (registry.path / "registry.yaml").write_text("edited: yes\n")
    assert "undo what came since" in only(planned(registry)).what
    repair(registry, by=_BY)
    assert git(registry.path, "status", "--porcelain") == "M registry.yaml"
    git(registry.path, "add", "registry.yaml")
    assert planned(registry).items == ()  # what a person staged is no older head


# --- what is left to a person, with the command ---------------------------------------------------


def obey(registry: Registry, item: Item) -> None:
    """Type the command into a shell, and leave the editor as it opens."""
    assert item.command.startswith("git ")
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Nora"), ("EMAIL", "nora@example.com"))
    }
    done = subprocess.run(
        ["/bin/sh", "-c", item.command],
        cwd=registry.path,
        env={**os.environ, **who, "GIT_EDITOR": "true"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_head_that_went_back_is_taken_back_by_the_command_that_is_named(
    registry: Registry,
) -> None:
    git(registry.path, "reset", "-q", "--hard", "HEAD~2")
    item = only(planned(registry))
    assert item.state is ItemState.BY_HAND
    assert "the head went back" in item.what
    obey(registry, item)
    assert planned(registry).items == ()
    assert verified(registry).is_sound


def test_a_release_that_was_reset_and_written_past_is_merged(registry: Registry) -> None:
    git(registry.path, "reset", "-q", "--hard", "HEAD~2")
    put(registry, files("other-tools"))
    follow_head(registry)
    obey(registry, only(planned(registry)))
    assert planned(registry).items == ()
    assert verified(registry).is_sound


def test_a_tag_that_nobody_was_served_is_removed_when_it_is_named_and_is_kept_aside(
    registry: Registry,
) -> None:
    old = git(registry.path, "rev-parse", _TAG)
    git(registry.path, "reset", "-q", "--hard", "HEAD~2")
    assert "--remove-tag" in only(planned(registry)).then
    repair(registry, by=_BY, removing=[_TAG])
    assert _TAG not in git(registry.path, "tag").split()
    assert git(registry.path, "rev-parse", f"{KEPT}/{_TAG}/{old[:12]}") == old
    assert planned(registry).items == ()
    put(registry, files(version="1.1.0"))


@pytest.mark.parametrize("name", ["file-tools/v1.0.0", "file-tools/v9.9.9", "HEAD", "index"])
def test_a_tag_of_a_release_is_never_removed(registry: Registry, name: str) -> None:
    with pytest.raises(NotFoundError):
        repair(registry, by=_BY, removing=[name])


def test_a_tag_that_a_remote_has_is_fetched_and_not_made_anew(
    registry: Registry, tmp_path: Path
) -> None:
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    commit = git(registry.path, "rev-parse", f"{_TAG}^{{commit}}")
    git(registry.path, "tag", "-f", "-a", "-m", message, "--cleanup=verbatim", _TAG, commit)
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), "bare.git")
    git(tmp_path, "clone", "-q", "bare.git", "clone")
    with Registry.open(tmp_path / "clone") as clone:
        before = refs(clone)
        git(clone.path, "tag", "-d", _TAG)
        item = only(planned(clone))
        assert "git fetch --tags origin" in re.sub(" -C [^ ]+", "", item.command)
        obey(clone, item)
        assert refs(clone) == before


def test_a_remote_that_does_not_answer_may_have_the_tag(registry: Registry, tmp_path: Path) -> None:
    git(registry.path, "remote", "add", "origin", str(tmp_path / "gone.git"))
    git(registry.path, "tag", "-d", _TAG)
    with Registry.open(registry.path) as opened:
        item = only(planned(opened))
        assert (item.state, item.change) == (ItemState.BY_HAND, None)
        assert "--offline" in item.then
        repair(opened, by=_BY, asks_remotes=False)
        assert verified(opened).is_sound


def test_what_is_on_the_remotes_branch_is_merged_and_not_tagged_anew(
    registry: Registry, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), "bare.git")
    git(tmp_path, "clone", "-q", "bare.git", "clone")
    with Registry.open(tmp_path / "clone") as clone:
        git(clone.path, "commit", "-q", "--amend", "--no-verify", "-m", "Nicer words")
        item = only(planned(clone))
        assert item.state is ItemState.BY_HAND
        obey(clone, item)
        assert verified(clone).is_sound


def test_a_tag_that_was_pushed_is_replaced_there_by_the_line_that_is_named(
    registry: Registry, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), "bare.git")
    git(tmp_path, "clone", "-q", "bare.git", "clone")
    with Registry.open(tmp_path / "clone") as clone:
        git(clone.path, "commit", "-q", "--amend", "--no-verify", "-m", "Nicer words")
        git(clone.path, "push", "-q", "--force", "origin", "main")
        there = git(tmp_path / "bare.git", "rev-parse", _TAG)
        item = only(repair(clone, by=_BY))
        assert git(tmp_path / "bare.git", "rev-parse", _TAG) == there  # not behind their backs
        assert f"--force-with-lease=refs/tags/{_TAG}:{there}" in item.command
        obey(clone, item)
    git(tmp_path, "clone", "-q", "bare.git", "after")
    with Registry.open(tmp_path / "after") as after:
        assert verified(after).is_sound


# --- no way to launder an attack ------------------------------------------------------------------


def edited(registry: Registry, *, ledger: bool = False) -> None:
    """Other bytes under a released version; with the ledger made to agree."""
    where = registry.path / "libraries/file-tools/1.1.0"
    (where / "docs/README.md").write_text("evil")
    if ledger:
        found = (path for path in where.rglob("*") if path.is_file())
        content = {str(path.relative_to(where)): path.read_bytes() for path in found}
        record = registry.snapshot().library(NAME).release(version("1.1.0"))
        assert record is not None
        text = (registry.path / _LEDGER).read_text()
        new = text.replace(str(record.digest), release_digest(content))
        (registry.path / _LEDGER).write_text(new)
    commit_all(registry.path)


@pytest.mark.parametrize("ledger", [False, True])
@pytest.mark.parametrize("tag", ["kept", "deleted", "lightweight", "moved"])
def test_other_bytes_are_refused_whatever_was_made_to_agree(
    registry: Registry, tag: str, ledger: bool
) -> None:
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    edited(registry, ledger=ledger)
    if tag == "deleted":
        git(registry.path, "tag", "-d", _TAG)
    elif tag == "lightweight":
        git(registry.path, "tag", "-f", _TAG, "HEAD")
    elif tag == "moved":
        git(registry.path, "tag", "-f", "-a", "-m", message, "--cleanup=verbatim", _TAG, "HEAD")
    before = refs(registry)
    plan = repair(registry, by=_BY)
    assert plan.changes == ()
    assert all(item.state is ItemState.REFUSED for item in plan.items)
    assert all("opsteps trust" in item.then or "verify" in item.then for item in plan.items)
    assert refs(registry) == before
    assert not verified(registry).is_sound


def test_a_tag_with_another_digest_is_no_matter_for_a_machine(registry: Registry) -> None:
    before = git(registry.path, "rev-parse", _TAG)
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    other = re.sub("sha256:.{8}", "sha256:00000000", message)
    git(registry.path, "tag", "-f", "-a", "--cleanup=verbatim", "-m", other, _TAG, "HEAD")
    item = only(repair(registry, by=_BY))
    assert (item.state, item.change) == (ItemState.REFUSED, None)
    obey(registry, item)
    repair(registry, by=_BY)
    assert git(registry.path, "rev-parse", _TAG) == before


def test_a_tag_that_leads_to_another_tag_is_no_matter_for_a_machine(registry: Registry) -> None:
    before = git(registry.path, "for-each-ref", "refs/heads", "refs/tags")
    git(registry.path, "symbolic-ref", f"refs/tags/{_TAG}", "refs/tags/file-tools/v1.0.0")
    item = only(repair(registry, by=_BY))
    assert (item.state, item.change) == (ItemState.REFUSED, None)
    obey(registry, item)
    repair(registry, by=_BY)
    assert git(registry.path, "for-each-ref", "refs/heads", "refs/tags") == before


def test_a_line_to_copy_holds_the_name_of_a_hostile_tag_as_one_word(registry: Registry) -> None:
    name = "file-tools/v1';touch${IFS}x;'"
    git(registry.path, "tag", "-a", "-m", "x", name)
    git(registry.path, "tag", "-a", "-m", "x", "file-tools/v\u202e1")
    unseen, seen = sorted(planned(registry).items, key=lambda item: bool(item.command))
    assert unseen.command == ""
    assert shlex.split(seen.command) == ["opsteps", "repair", "--remove-tag", name, "--yes"]


def test_a_tag_that_nobody_released_gets_no_entry(registry: Registry) -> None:
    write_files(registry.path / "libraries/file-tools/2.0.0", files(version="2.0.0"))
    commit_all(registry.path)
    message = git(registry.path, "tag", "-l", "--format=%(contents)", _TAG)
    git(registry.path, "tag", "-a", "-m", message, "file-tools/v2.0.0", "HEAD")
    plan = repair(registry, by=_BY)
    assert only(plan).state is ItemState.REFUSED
    assert plan.changes == ()
    repair(registry, by=_BY, removing=["file-tools/v2.0.0"])
    assert verified(registry).is_sound


def test_history_that_is_not_trusted_is_not_repaired(registry: Registry) -> None:
    trusted = TrustedHead(head=registry.head(), verified="2026-01-01T00:00:00Z")
    set_trusted(registry, trusted)
    rewritten(registry)
    before = refs(registry)
    item = next(item for item in planned(registry).items if item.subject == "HEAD")
    assert item.command == f"opsteps trust {registry.head()[:12]}"
    with pytest.raises(UntrustedHistoryError):
        repair(registry, by=_BY)
    assert refs(registry) == before


def test_what_attested_a_release_is_said_to_be_lost(registry: Registry) -> None:
    tagged = git(registry.path, "cat-file", "commit", "HEAD").encode()
    header, _, message = tagged.partition(b"\n\n")
    signed = b"%b\ngpgsig -----BEGIN SSH SIGNATURE-----\n x\n -----END SSH SIGNATURE-----\n\n%b\n"
    commit = git(
        registry.path, "hash-object", "-t", "commit", "-w", "--stdin",
        stdin=signed % (header, message),
    )  # fmt: skip
    text = git(registry.path, "cat-file", "tag", _TAG).encode()
    target = git(registry.path, "rev-parse", "HEAD").encode()
    tag = git(
        registry.path, "hash-object", "-t", "tag", "-w", "--stdin",
        stdin=text.replace(target, commit.encode()) + b"\n-----BEGIN PGP SIGNATURE-----\nx\n",
    )  # fmt: skip
    git(registry.path, "update-ref", f"refs/tags/{_TAG}", tag)
    item = only(repair(registry, by=_BY))
    assert "signature by Git" in item.loses
    assert "what attested the release" in item.loses
    assert b"PGP" not in git(registry.path, "cat-file", "tag", _TAG).encode()
    assert verified(registry).is_sound
