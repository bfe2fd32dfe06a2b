"""The commands as they are run: what they print and how they end."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.names import CommitId
from registry.trust.trusted_head import TrustedHead, read_trusted, set_trusted, trusted_path
from registry.verifying.head_statement import write_statement
from tests.installed import OPSTEPS
from tests.registry.making import git, loosened
from tests.registry.verifying.scene import ACME, TOOLS, Scene
from tests.terminal import on_terminal

ROOT = Path(__file__).resolve().parents[3]


def run(
    scene: Scene, command: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, command, "-r", scene.path, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", **(environment or {"NO_COLOR": "1"})},
    )


@pytest.fixture
def administrators(scene: Scene, tmp_path: Path) -> Path:
    path = tmp_path / "administrators"
    path.write_text(f"# who may\n{scene.keys.administrator.public}\n")
    return path


@pytest.fixture
def key_file(scene: Scene, tmp_path: Path) -> Path:
    path = tmp_path / "instance"
    loaded = scene.keys.instance.loaded
    path.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return path


def test_sound_registry_ends_with_0_and_is_remembered(scene: Scene, administrators: Path) -> None:
    done = run(scene, "verify", "--administrators", administrators)
    assert done.returncode == 0, done.stderr
    assert "signatures  ok" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Sound: 4 releases of 2 libraries")
    remembered = read_trusted(scene.registry)
    assert remembered is not None
    assert remembered.head == scene.registry.head()
    again = json.loads(run(scene, "verify", "--json", "--deep").stdout)
    assert again["sound"] is True
    assert again["trusted"] == scene.registry.head()


def test_attack_ends_with_1_and_is_named_with_evidence_and_next_step(scene: Scene) -> None:
    edit = scene.write(scene.edited())
    done = run(scene, "verify")
    assert done.returncode == 1
    assert "altered release: file-tools 1.0.0: the release's files were edited" in done.stdout
    assert f"evidence: commit {edit}" in done.stdout
    assert f"next: Look with 'git show {edit[:12]}'" in done.stdout
    assert "Not to be trusted: 2 findings (altered release)" in done.stdout
    assert read_trusted(scene.registry) is None
    data = json.loads(run(scene, "verify", "--json").stdout)
    assert {finding["check"] for finding in data["findings"]} == {"releases", "edits"}


def test_rewritten_history_is_refused_until_a_person_trusts_it(scene: Scene) -> None:
    assert run(scene, "verify").returncode == 0
    before = scene.registry.head()
    git(scene.path, "reset", "-q", "--hard", f"{TOOLS}/v1.1.0")
    git(scene.path, "tag", "-d", "other-tools/v1.0.0", "other-tools/v2.0.0")
    refused = run(scene, "verify")
    assert refused.returncode == 1
    assert "rollback: the head" in refused.stdout
    shown = run(scene, "trust", "HEAD", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "not there any more: other-tools 1.0.0" in shown.stdout
    assert "Would trust" in shown.stdout
    assert run(scene, "verify").returncode == 1
    trusted = json.loads(run(scene, "trust", "HEAD", "--json").stdout)
    assert trusted["before"] == before
    assert trusted["difference"]["lost"] == ["other-tools 1.0.0", "other-tools 2.0.0"]
    assert run(scene, "verify").returncode == 0


def test_head_that_is_gone_can_be_replaced_by_another(scene: Scene) -> None:
    set_trusted(scene.registry, TrustedHead(head=CommitId("a" * 40), verified="long ago"))
    done = run(scene, "trust", "HEAD")
    assert done.returncode == 0, done.stderr
    assert f"not here any more: {'a' * 40}" in done.stdout
    assert run(scene, "verify").returncode == 0


def test_of_many_findings_that_are_alike_the_first_are_shown(scene: Scene) -> None:
    for number in range(30):
        scene.tag(f"{TOOLS}/v8.{number}.0")
    done = run(scene, "verify")
    assert done.stdout.count("the ledger never heard of it") == 21
    assert "10 more: it has a tag" in done.stdout
    assert len(json.loads(run(scene, "verify", "--json").stdout)["findings"]) == 30


def test_notes_are_printed_and_long_differences_cut(scene: Scene) -> None:
    assert run(scene, "verify").returncode == 0
    facts = scene.facts()
    entry = replace(facts.ledger["1.0.0"], signature=None)
    ledger = {**facts.ledger, **{f"7.{number}.0": entry for number in range(30)}}
    scene.write_facts(replace(facts, owners=("somebody",), ledger=ledger))
    assert "note: file-tools: the owners became somebody" in run(scene, "verify").stdout
    shown = run(scene, "trust", "HEAD", "--dry-run").stdout
    assert shown.count("new: file-tools 7.") == 20
    assert "new: 10 more" in shown


def test_finding_that_a_person_acknowledges_fails_no_more(scene: Scene) -> None:
    scene.write(scene.edited())
    scene.write(scene.original())
    assert run(scene, "verify").returncode == 1
    assert run(scene, "trust", "HEAD").returncode == 0
    assert run(scene, "verify").returncode == 1
    accepted = run(scene, "trust", "HEAD", "--accept")
    assert "altered release: file-tools 1.0.0" in accepted.stdout
    done = run(scene, "verify")
    assert done.returncode == 0
    assert "acknowledged: altered release: file-tools 1.0.0" in done.stdout


def test_damaged_memory_is_an_error_that_trust_mends(scene: Scene) -> None:
    assert run(scene, "verify").returncode == 0
    trusted_path(scene.registry).write_bytes(b"{")
    done = run(scene, "verify")
    assert done.returncode == 27
    assert "opsteps trust COMMIT" in done.stderr
    assert run(scene, "trust", "HEAD").returncode == 0
    assert run(scene, "verify").returncode == 0


def test_damaged_object_is_an_error_without_a_traceback(scene: Scene) -> None:
    blob = git(scene.path, "rev-parse", f"HEAD:libraries/{TOOLS}/library.yaml")
    path = loosened(scene.path, blob)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9])
    done = run(scene, "verify")
    assert done.returncode == 6
    assert blob in done.stderr
    assert "git fsck" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_commit_and_bad_keys_are_errors(scene: Scene, tmp_path: Path) -> None:
    assert run(scene, "trust", "--", "--output=x").returncode == 4
    assert run(scene, "trust", "nothing-here").returncode == 4
    empty = tmp_path / "empty"
    empty.write_text("# nobody\n")
    assert run(scene, "verify", "--administrators", empty).returncode == 8
    assert run(scene, "verify", "--administrators", tmp_path / "missing").returncode == 8
    assert run(scene, "sign-head", "--key", tmp_path / "missing").returncode == 8


def test_head_is_signed_and_its_age_is_judged(
    scene: Scene, key_file: Path, administrators: Path
) -> None:
    signed = json.loads(run(scene, "sign-head", "--key", key_file, "--json").stdout)
    assert signed["sequence"] == 1
    assert signed["head"] == scene.registry.head()
    done = run(scene, "verify", "--max-age", 1, "--administrators", administrators)
    assert done.returncode == 0, done.stdout
    assert "fresh until" in done.stdout
    assert "statement   ok" in done.stdout
    assert "number 2" in run(scene, "sign-head", "--key", key_file).stdout


def test_age_that_is_asked_for_and_cannot_be_checked_is_not_sound(scene: Scene) -> None:
    assert run(scene, "verify").returncode == 0
    done = run(scene, "verify", "--max-age", 48)
    assert done.returncode == 1
    assert "freshness   failed" in done.stdout
    assert "freeze: no signed statement of the head" in done.stdout
    assert "or leave --max-age out" in done.stdout
    assert "Sound" not in done.stdout


def test_old_statement_is_a_freeze(scene: Scene, administrators: Path) -> None:
    hours_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    write_statement(scene.registry, scene.keys.instance, by=ACME, time=hours_ago)
    pinned = ("--administrators", administrators)
    assert run(scene, "verify", "--max-age", 4, *pinned).returncode == 0
    frozen = run(scene, "verify", "--max-age", 2.5, *pinned)
    assert frozen.returncode == 1
    assert "freeze: the statement is older than 2.5 hours" in frozen.stdout


def test_text_of_strangers_cannot_move_the_cursor(scene: Scene) -> None:
    scene.tag(f"{TOOLS}/v1.0.0", name="\x1b[2Jevil\u202e")
    done = run(scene, "verify")
    assert done.returncode == 1
    assert "evil" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


def test_help_documents_how_it_ends(scene: Scene) -> None:
    shown = " ".join(run(scene, "verify", "--help").stdout.split())
    for code in ("0 when nothing was found", "1 when an attack was", "8 for a bad key"):
        assert code in shown


def test_terminal_gets_a_table_in_colour(scene: Scene) -> None:
    sound = on_terminal(scene.path, "verify", columns=120)
    assert "\x1b[32mok" in sound
    assert "what was looked at" in sound
    scene.tag(f"{TOOLS}/v1.0.0", name="[red]evil")
    failed = on_terminal(scene.path, "verify", columns=120)
    assert "\x1b[31mfailed" in failed
    assert "[red]evil" in failed


def test_bare_repository_is_verified_as_well(scene: Scene, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(scene.path), "bare.git")
    bare = scene.copy_of(tmp_path / "bare.git")
    assert run(bare, "verify").returncode == 0
    assert read_trusted(bare.registry) is not None
    bare.registry.close()


def test_head_that_cannot_be_remembered_is_said_and_no_failure(scene: Scene) -> None:
    """As on a file system that is read-only; here a file stands where a directory must be."""
    scene.registry.state_directory.rename(scene.path / "away")
    scene.registry.state_directory.write_text("")
    done = run(scene, "verify")
    assert done.returncode == 0, done.stderr
    assert "not remembered" in done.stderr


def test_head_that_is_not_trusted_is_not_signed(scene: Scene, key_file: Path) -> None:
    assert run(scene, "verify").returncode == 0
    git(scene.path, "reset", "-q", "--hard", "HEAD~1")
    done = run(scene, "sign-head", "--key", key_file)
    assert done.returncode == 1
    assert "rollback" in done.stderr
