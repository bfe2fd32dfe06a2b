"""Backups that somebody made up: what `opsteps restore` takes from them, and what it writes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.trust.report import Attack, CheckName, Finding
from server.backups.errors import BackupError
from server.backups.restore_backup import restore_backup
from server.commands.backup import _said
from server.database.errors import DatabaseError
from tests.installed import opsteps
from tests.server.real_server import Place, make_token, making_place

_BAD = 30
_MANIFEST = "manifest.json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with making_place(tmp_path_factory.mktemp("hostile") / "registry") as made:
        made.publish("alpha", "1.0.0")
        made.git("update-ref", "refs/remotes/origin/main", "HEAD")
        made.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        make_token(made.path, "admin", name="evil")
        yield made


@pytest.fixture(scope="module")
def members(place: Place) -> Mapping[str, bytes]:
    """The files of a good backup."""
    file = place.path.parent / "good.backup"
    opsteps(place.path, "backup", file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def made_up(target: Path, members: Mapping[str, bytes], **changed: Any) -> Path:
    """A backup of these files, with right digests and with changes in its manifest."""
    manifest = {**json.loads(members[_MANIFEST]), **changed}
    files = {name: raw for name, raw in members.items() if name != _MANIFEST}
    manifest["files"] = {
        name: {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
        for name, raw in files.items()
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
        archive.writestr(_MANIFEST, json.dumps(manifest))
    return target


def _refused(where: Path, backup: Path) -> str:
    """What `restore` says of it; nothing is there afterwards."""
    before = sorted(where.rglob("*"))
    said = opsteps(where, "restore", backup, where / "new", expect=_BAD)
    assert sorted(where.rglob("*")) == before
    return said


@pytest.mark.parametrize(
    ("name", "leads"),
    [
        ("refs/../../../../victim/profile", "refs/heads/main"),
        ("refs/../config", "refs/heads/main"),
        ("refs/heads/new", "refs/heads/`id`"),
        ("refs/heads/x.lock", "refs/heads/main"),
        ("refs/heads/added", "refs/heads/main"),
    ],
)
def test_a_ref_that_leads_out_of_the_registry_is_refused(
    members: Mapping[str, bytes], tmp_path: Path, name: str, leads: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "profile").write_text("mine")
    backup = made_up(tmp_path / "hostile", members, symbolic={name: leads})
    assert "names refs that it has not" in _refused(tmp_path, backup)
    assert (victim / "profile").read_text() == "mine"


def test_a_strange_ref_that_the_bundle_has_too_is_refused(
    members: Mapping[str, bytes], tmp_path: Path
) -> None:
    name = "refs/../../victim"
    raw = members["registry.bundle"]
    head = json.loads(members[_MANIFEST])["head"]
    signature, rest = raw.split(b"\n", 1)
    bundle = signature + f"\n{head} {name}\n".encode() + rest
    backup = made_up(
        tmp_path / "hostile",
        {**members, "registry.bundle": bundle},
        symbolic={name: "refs/heads/main"},
    )
    assert "names refs that it has not" in _refused(tmp_path, backup)


@pytest.mark.parametrize("address", ["ssh://-oProxyCommand=id/x", "git@-oProxyCommand=id:x", "-x"])
def test_a_remote_that_is_an_option_is_left_out(
    members: Mapping[str, bytes], tmp_path: Path, address: str
) -> None:
    backup = made_up(tmp_path / "hostile", members, remotes={"origin": address})
    opsteps(tmp_path, "restore", backup, "new")
    assert address not in (tmp_path / "new/.git/config").read_text()


@pytest.mark.parametrize("name", ["opsteps.db", "opsteps.db-wal", "write.lock", "journal", "index"])
def test_state_that_no_backup_has_is_refused(
    members: Mapping[str, bytes], tmp_path: Path, name: str
) -> None:
    backup = made_up(tmp_path / "hostile", {**members, f"state/{name}": b"x"})
    assert "names what no backup has" in _refused(tmp_path, backup)


def test_what_is_derived_is_not_taken(members: Mapping[str, bytes], tmp_path: Path) -> None:
    """Backups of earlier versions hold it."""
    backup = made_up(tmp_path / "earlier", {**members, "state/validated.json": b"{}"})
    opsteps(tmp_path, "restore", backup, "new")
    assert not (tmp_path / "new/.git/opsteps/validated.json").exists()


def test_a_file_that_unpacks_without_a_bound_is_refused(
    members: Mapping[str, bytes], tmp_path: Path
) -> None:
    backup = made_up(tmp_path / "hostile", {**members, "state/served.log": bytes(30_000_000)})
    assert "unpacks to more than any backup does" in _refused(tmp_path, backup)


_TRIGGER = """CREATE TRIGGER z AFTER UPDATE OF revoked_at ON tokens WHEN new.revoked_at IS NOT NULL
BEGIN UPDATE tokens SET revoked_at = NULL WHERE rowid = new.rowid; END"""


def _changed_rows(raw: bytes, where: Path, *statements: str) -> bytes:
    file = where / "changed.sqlite"
    file.write_bytes(raw)
    with closing(sqlite3.connect(file)) as opened, opened:
        for statement in statements:
            opened.execute(statement)
    return _taken(file)


def _taken(file: Path) -> bytes:
    raw = file.read_bytes()
    file.unlink()
    return raw


@pytest.mark.parametrize(
    "statement",
    [
        _TRIGGER,
        "CREATE VIEW evil AS SELECT * FROM tokens",
        "CREATE VIRTUAL TABLE evil USING fts5(a)",
        "UPDATE alembic_version SET version_num = 'later'",
        "DROP TABLE tokens",
        "UPDATE tokens SET created_at = 'never'",
    ],
)
def test_rows_that_are_not_as_we_make_them_are_refused(
    members: Mapping[str, bytes], tmp_path: Path, statement: str
) -> None:
    rows = _changed_rows(members["rows.sqlite"], tmp_path, statement)
    backup = made_up(tmp_path / "hostile", {**members, "rows.sqlite": rows})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((BackupError, DatabaseError)):
        restore_backup(backup, tmp_path / "new", told=lambda *_: None, revokes=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_only_rows_come_back_and_all_tokens_can_be_revoked(
    members: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Columns and tables that are none of ours stay behind, with what they would do."""
    rows = _changed_rows(
        members["rows.sqlite"],
        tmp_path,
        "CREATE TABLE evil (a)",
        "ALTER TABLE tokens ADD COLUMN more DEFAULT 1",
    )
    backup = made_up(tmp_path / "odd", {**members, "rows.sqlite": rows})
    done = restore_backup(backup, tmp_path / "new", told=lambda *_: None, revokes=True)
    assert (done.live, done.revoked) == ((), ("evil",))
    database = tmp_path / "new/.git/opsteps/opsteps.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    with closing(sqlite3.connect(database)) as opened:
        schema = "".join(str(row) for row in opened.execute("SELECT sql FROM sqlite_master"))
        live = "SELECT count(*) FROM tokens WHERE revoked_at IS NULL"
        assert opened.execute(live).fetchone() == (0,)
    assert "evil" not in schema
    assert "more" not in schema


def test_a_copied_database_with_a_trigger_is_not_used(place: Place, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(place.path, tmp_path / "copied", symlinks=True))
    with closing(sqlite3.connect(copied / ".git/opsteps/opsteps.db")) as opened, opened:
        opened.execute(_TRIGGER)
    said = opsteps(tmp_path, "token", "revoke", "evil", "-r", copied, expect=28)
    assert "the database has the trigger 'z'" in said
    opsteps(tmp_path, "token", "reset", "--yes", "-r", copied)
    assert opsteps(tmp_path, "token", "list", "-r", copied, "--json").strip() in {"[]", ""}


def test_findings_that_its_maker_accepted_are_said(
    members: Mapping[str, bytes], tmp_path: Path
) -> None:
    backup = made_up(tmp_path / "good", members)
    done = restore_backup(backup, tmp_path / "new", told=lambda *_: None)
    assert "are not counted" not in " ".join(_said(done, tmp_path))
    finding = Finding(
        check=CheckName.TAGS, attack=Attack.ROLLBACK, what="a tag is gone", next_step="look"
    )
    report = replace(done.report, accepted=(finding,))
    said = " ".join(_said(replace(done, report=report), tmp_path))
    assert "and are not counted: 1;" in said
