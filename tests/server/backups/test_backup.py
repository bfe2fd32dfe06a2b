"""`opsteps backup` and `opsteps restore`: consistent beside a server, and checked before use."""

import json
import shutil
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from server.backups.errors import BackupError
from server.backups.restore_backup import restore_backup
from tests.installed import opsteps
from tests.registry.making import git
from tests.server.changes.test_changes import install
from tests.server.real_server import Client, Place, make_token, making_place, revoke, serving, until

_BAD = 30
_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with making_place(tmp_path_factory.mktemp("backup") / "registry") as made:
        made.publish("alpha", "1.0.0")
        made.git("remote", "add", "origin", "https://ada:hunter2@git.example.com/steps.git")
        made.git("update-ref", "refs/remotes/origin/main", "HEAD")
        made.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        made.git("update-ref", "refs/heads/no\udcfftext", "HEAD")
        made.git("update-ref", "refs/opsteps/repaired/alpha/v0.9.0/abc", "HEAD~1")
        yield made


@pytest.fixture(scope="module")
def backup(place: Place) -> Path:
    """A backup with a token that was live when it was made."""
    make_token(place.path, "manage", name="then")
    opsteps(place.path, "verify")
    file = place.path.parent / "registry.backup"
    key = place.path.parent / "instance.key"
    key.write_text(_KEY)
    secret = {"OPSTEPS_KEY_PASSPHRASE": "correct horse", "OPSTEPS_INSTANCE_KEY": str(key)}
    said = opsteps(place.path, "backup", file, env=secret)
    assert f"the private key of the instance: {key}" in said
    return file


def refs(path: Path) -> str:
    return git(path, "for-each-ref", "--format=%(objectname) %(refname) %(symref)")


# --- beside a server --------------------------------------------------------------------------


class Installing:
    """Two clients that install until they are told to stop; they note what was acknowledged."""

    def __init__(self, client: Client) -> None:
        self.acknowledged: list[str] = []
        self._client = client
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(name,)) for name in "ab"]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, part: str) -> None:
        number = 0
        while not self._stop.is_set():
            name = f"tool-{part}-{number}"
            if install(self._client, name).status == 200:
                self.acknowledged.append(name)
            number += 1


def test_a_backup_while_clients_install_restores_to_a_sound_registry(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        token = make_token(made.path, "manage")
        with (
            serving(made.path, "--no-catalogue", token=token) as client,
            Installing(client) as installing,
        ):
            for number in range(2):
                until(lambda n=number: len(installing.acknowledged) > 3 * n)  # type: ignore[misc]
                before = set(installing.acknowledged)
                opsteps(tmp_path, "backup", f"{number}.backup", "-r", "registry")
                # What was acknowledged before it began is in it.
                with zipfile.ZipFile(tmp_path / f"{number}.backup") as archive:
                    head = archive.read("registry.bundle").decode("latin-1")
                assert {n for n in before if f"refs/tags/{n}/v1.0.0" not in head} == set()
        for number in range(2):
            opsteps(tmp_path, "restore", f"{number}.backup", f"new-{number}")
            assert "Sound" in opsteps(tmp_path, "verify", f"new-{number}")
        with serving(tmp_path / "new-1", "--no-catalogue", token=token) as again:
            assert again.health()["status"] == "healthy"
            assert again.get("/api/v1/steps/alpha.file.copy").status == 200
            assert install(again, "later").status == 200


# --- what is in it, and what is not -----------------------------------------------------------


def test_everything_comes_back_and_nothing_secret_is_in_it(
    place: Place, backup: Path, tmp_path: Path
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with zipfile.ZipFile(backup) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"hunter2", b"correct horse", _KEY.encode()):
        assert secret not in whole
    said = json.loads(opsteps(tmp_path, "restore", backup, "new", "--json"))
    assert said["tokens_valid_again"] == ["then"]
    assert refs(tmp_path / "new") == refs(place.path)
    inside = tmp_path / "new/.git/opsteps"
    assert (inside / "trusted.json").read_bytes() == (
        place.path / ".git/opsteps/trusted.json"
    ).read_bytes()
    assert stat.S_IMODE((inside / "opsteps.db").stat().st_mode) == 0o600
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted(path.name for path in place.path.iterdir())


def test_any_git_can_read_the_registry_in_it(place: Place, backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        archive.extract("registry.bundle", tmp_path)
    place.git(
        "clone", "-q", "-b", "main", str(tmp_path / "registry.bundle"), str(tmp_path / "clone")
    )
    assert "Sound" in opsteps(tmp_path / "clone", "verify")


def test_tokens_revoked_since_are_valid_again_and_that_is_said(
    place: Place, backup: Path, tmp_path: Path
) -> None:
    revoke(place.path, "then")
    said = opsteps(tmp_path, "restore", backup, "new")
    assert "are valid again" in said
    assert "opsteps token revoke NAME --registry new" in said
    said = opsteps(tmp_path, "restore", backup, "revoked", "--revoke-tokens")
    assert "Revoked 1 tokens" in said
    (token,) = json.loads(opsteps(tmp_path / "revoked", "token", "list", "--json"))
    assert token["state"] == "revoked"


def test_a_bare_registry_and_one_without_rows_come_back(place: Place, tmp_path: Path) -> None:
    place.git("clone", "-q", "--bare", str(place.path), str(tmp_path / "bare.git"))
    assert "there were none" in opsteps(tmp_path, "backup", "bare.backup", "-r", "bare.git")
    opsteps(tmp_path, "restore", "bare.backup", "new.git")
    assert "Sound" in opsteps(tmp_path, "verify", "new.git")
    assert not (tmp_path / "new.git/.git").exists()


# --- what is refused, and leaves nothing ------------------------------------------------------


def refused(tmp_path: Path, file: Path, target: str = "new") -> str:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BackupError) as caught:
        restore_backup(file, tmp_path / target, told=lambda *_: None)
    assert sorted(tmp_path.rglob("*")) == before
    return str(caught.value)


def test_a_file_that_was_cut_off_is_no_backup(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert "not whole" in refused(tmp_path, tmp_path / "cut")
    said = opsteps(tmp_path, "restore", "cut", "new", expect=_BAD)
    assert "nothing was written" in said


def test_a_file_with_a_flipped_byte_is_no_backup(backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        entries = {info.filename: info for info in archive.infolist()}
    for name in ("registry.bundle", "rows.sqlite", "manifest.json"):
        size = entries[name].compress_size
        for part in range(1, 8):
            spoilt = bytearray(backup.read_bytes())
            spoilt[entries[name].header_offset + 100 + (size - 100) * part // 8] ^= 0xFF
            (tmp_path / "spoilt").write_bytes(spoilt)
            assert "not whole" in refused(tmp_path, tmp_path / "spoilt")


def test_a_backup_that_was_made_up_is_refused(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with zipfile.ZipFile(backup) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    spoilt = {
        "another": {**members, "../../evil": b"x"},
        "changed": {**members, "state/trusted.json": b"{}"},
        "less": {name: raw for name, raw in members.items() if name != "rows.sqlite"},
        "named": {**members, "manifest.json": b"{}"},
        "path": {
            **members,
            "state/../../evil": b"x",
            "manifest.json": members["manifest.json"].replace(
                b"state/trusted.json", b"state/../../evil"
            ),
        },
    }
    for name, content in spoilt.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path, raw in content.items():
                archive.writestr(path, raw)
        assert "not whole" in refused(tmp_path, tmp_path / name)


def test_a_remote_in_it_that_is_a_program_is_left_out(backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    good = b"https://git.example.com/steps.git"
    assert good in members["manifest.json"]
    members["manifest.json"] = members["manifest.json"].replace(good, b"ext::sh -c id")
    with zipfile.ZipFile(tmp_path / "hostile", "w") as archive:
        for path, raw in members.items():
            archive.writestr(path, raw)
    restore_backup(tmp_path / "hostile", tmp_path / "new", told=lambda *_: None)
    assert "ext::" not in (tmp_path / "new/.git/config").read_text()


@pytest.mark.parametrize("kind", ["full", "file", "nowhere/new", "link"])
def test_a_place_that_is_taken_stays_as_it_is(backup: Path, tmp_path: Path, kind: str) -> None:
    if kind == "full":
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine").write_text("x")
    elif kind == "file":
        (tmp_path / kind).write_text("x")
    elif kind == "link":
        (tmp_path / kind).symlink_to(backup.parent)
    refused(tmp_path, backup, kind)


def test_what_is_not_sound_is_restored_only_when_it_is_said(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.path, tmp_path / "registry", symlinks=True)
    place.git("-C", str(tmp_path / "registry"), "tag", "-d", "alpha/v1.0.0")
    opsteps(tmp_path, "backup", "unsound.backup", "-r", "registry")
    said = refused(tmp_path, tmp_path / "unsound.backup")
    assert "its tag was deleted" in said
    said = opsteps(tmp_path, "restore", "unsound.backup", "new", "--unsound")
    assert "NOT SOUND" in said
    opsteps(tmp_path / "new", "repair", "--yes", "--offline")
