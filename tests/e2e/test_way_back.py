"""A way back from every alarm: each names a command, and here each is obeyed as it is printed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.library.alarms import MENDS, Alarm
from registry.trust.report import CheckName
from registry.verifying.remedies import MENDS as CHECK_MENDS
from tests.installed import opsteps
from tests.registry.making import commit_all, files, git, new_registry, put, write_files

_FOUND = 1
_DIFFERS = 5
_INCOMPLETE = 9
_TAG = "file-tools/v1.1.0"
_RELEASE = "libraries/file-tools/1.1.0"
_FACTS = "libraries/file-tools/library.yaml"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host with two releases, and a ZIP that is in none of its clones."""
    path = tmp_path_factory.mktemp("way-back")
    with new_registry(path / "first") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
    git(path, "clone", "-q", "--bare", "first", "forge.git")
    write_files(path / "mine-tools", files("mine-tools"))
    write_files(path / "their-tools", files("their-tools"))
    return path


@pytest.fixture
def where(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "at", symlinks=True)
    for name in ("mine", "theirs"):
        git(tmp_path / "at", "clone", "-q", "forge.git", name)
        git(tmp_path / "at" / name, "config", "user.name", "nora")
        git(tmp_path / "at" / name, "config", "user.email", "nora@example.com")
    return tmp_path / "at"


def obey(place: Path, line: str) -> None:
    """Type a line into a shell, and leave the editor as it opens."""
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=place,
        env={**os.environ, "GIT_EDITOR": "true"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def git_line(said: str) -> str:
    """The one Git command that is printed."""
    (line,) = set(re.findall(r"\bgit (?:-C \S+ )?(?:pull|push|merge|fetch|restore) [^'\n]*", said))
    return str(line).strip()


def is_sound(where: Path) -> None:
    """Here, and for whoever clones it now."""
    assert "Sound" in opsteps(where / "mine", "verify")
    shutil.rmtree(where / "after", ignore_errors=True)
    git(where, "clone", "-q", "forge.git", "after")
    assert "Sound" in opsteps(where / "after", "verify")


def parted(where: Path) -> Path:
    """Somebody pushed while something was installed here, without --remote."""
    opsteps(where / "theirs", "install", "../their-tools", "--remote", "origin")
    opsteps(where / "mine", "install", "../mine-tools")
    return where / "mine"


def test_who_installed_without_the_remote_follows_the_advice(where: Path) -> None:
    mine = parted(where)
    said = opsteps(mine, "toggle", "mine-tools", "--off", "--remote", "origin", expect=_DIFFERS)
    obey(mine, git_line(said))
    said = opsteps(mine, "toggle", "mine-tools", "--off", "--remote", "origin", expect=_DIFFERS)
    obey(mine, git_line(said))
    opsteps(mine, "toggle", "mine-tools", "--off", "--remote", "origin")
    is_sound(where)


@pytest.mark.parametrize("how", ["pull --rebase -q origin main", "commit -q --amend -m nicer"])
def test_who_rebased_or_amended_all_the_same_repairs(where: Path, how: str) -> None:
    mine = parted(where) if "rebase" in how else where / "mine"
    if "amend" in how:
        opsteps(mine, "install", "../mine-tools")
    obey(mine, f"git {how} --no-verify" if "amend" in how else f"git {how}")
    assert "'opsteps repair'" in opsteps(mine, "show", "mine-tools")
    said = opsteps(mine, "verify", expect=_FOUND)
    assert "'opsteps repair'" in said
    before = git(mine, "for-each-ref")
    said = opsteps(mine, "repair", expect=_FOUND)
    assert "nothing was changed" in said
    assert git(mine, "for-each-ref") == before
    said = opsteps(mine, "repair", "--yes")
    assert "Sound now" in said
    obey(mine, git_line(said))
    opsteps(mine, "toggle", "mine-tools", "--off", "--remote", "origin")
    is_sound(where)


def test_who_reset_takes_the_commit_back(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "install", "../mine-tools")
    git(mine, "reset", "-q", "--hard", "HEAD~1")
    plan = json.loads(opsteps(mine, "repair", "--json", expect=_FOUND))
    assert (plan["dry_run"], plan["sound"]) == (True, False)
    (item,) = plan["items"]
    assert (item["state"], item["subject"]) == ("by hand", "mine-tools/v1.0.0")
    obey(mine, item["command"])
    plan = json.loads(opsteps(mine, "repair", "--json"))
    assert (plan["items"], plan["sound"]) == ([], True)
    assert "Sound" in opsteps(mine, "verify")


def test_a_rewrite_of_what_was_verified_wants_a_persons_word_first(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "install", "../mine-tools")
    opsteps(mine, "verify")
    git(mine, "commit", "-q", "--amend", "--no-verify", "-m", "nicer")
    said = opsteps(mine, "repair", "--yes", expect=_FOUND)
    assert "rewritten history" in said
    (line,) = re.findall(r"'(opsteps trust [^']*)'", said)
    opsteps(mine, *line.split()[1:])
    assert "Sound now" in opsteps(mine, "repair", "--yes")


def test_a_shallow_clone_is_told_what_it_lacks(where: Path) -> None:
    git(where, "clone", "-q", "--depth=1", f"file://{where}/forge.git", "shallow")
    said = opsteps(where / "shallow", "repair", expect=_INCOMPLETE)
    obey(where / "shallow", git_line(said).split(" (in")[0])
    assert "nothing to repair" in opsteps(where / "shallow", "repair")


# --- every alarm of a release, as data ----------------------------------------------------------


def _edit(mine: Path, path: str, change: Callable[[str], str]) -> None:
    file = mine / path
    file.write_text(change(file.read_text()))
    commit_all(mine)


def _message(mine: Path) -> str:
    return git(mine, "tag", "-l", "--format=%(contents)", _TAG)


def _removed(text: str) -> str:
    digest = re.findall(r"digest: (\S+)", text)[-1]
    entry = f"digest: {digest}\n    date: '2026-01-01T00:00:00Z'\n    by: x\n    request: y\n"
    return f"{text}removed:\n  1.1.0:\n    {entry}"


def _made(mine: Path, alarm: Alarm) -> None:
    """Bring an alarm about; other clones are as they were."""
    match alarm:
        case Alarm.NO_TAG:
            git(mine, "tag", "-d", _TAG)
        case Alarm.NO_ENTRY:
            git(mine, "reset", "-q", "--hard", "HEAD~1")
        case Alarm.NO_RELEASE_TAG:
            git(mine, "tag", "-f", _TAG, "HEAD")
        case Alarm.OTHER_DIGEST:
            message = re.sub(r"sha256:\w{8}", "sha256:00000000", _message(mine))
            git(mine, "tag", "-f", "-a", "--cleanup=verbatim", "-m", message, _TAG, "HEAD")
        case Alarm.ASIDE:
            git(mine, "commit", "-q", "--amend", "--no-verify", "-m", "nicer")
        case Alarm.OTHER_FILES:
            _edit(mine, f"{_RELEASE}/docs/README.md", lambda text: f"{text}evil")
        case Alarm.REMOVED_AND_THERE:
            _edit(mine, _FACTS, _removed)


def _mended(mine: Path, alarm: Alarm) -> None:
    """Do what the alarm says, and then what the command that it names says."""
    if "'opsteps repair'" in MENDS[alarm]:
        said = opsteps(mine, "repair", expect=_FOUND)
        if "by hand" in said:
            obey(mine, git_line(said))
        else:
            opsteps(mine, "repair", "--yes")
        return
    said = opsteps(mine, "verify", expect=_FOUND)
    if alarm is Alarm.OTHER_DIGEST:
        obey(mine, git_line(opsteps(mine, "repair", expect=_FOUND)))
        return
    if alarm is Alarm.OTHER_FILES:
        obey(mine, git_line(said.split("to mend")[0]))
        commit_all(mine, "as released")
    else:
        assert "git show" in said
        git(mine, "revert", "--no-edit", "HEAD")
    assert "'opsteps trust HEAD --accept'" in opsteps(mine, "verify", expect=_FOUND)
    opsteps(mine, "trust", "HEAD", "--accept")


@pytest.mark.parametrize("alarm", list(Alarm))
def test_what_an_alarm_says_mends_it(where: Path, alarm: Alarm) -> None:
    mine = where / "mine"
    _made(mine, alarm)
    shown = opsteps(mine, "show", "file-tools")
    assert f"{alarm}" in shown
    assert MENDS[alarm] in shown
    _mended(mine, alarm)
    assert str(alarm) not in opsteps(mine, "show", "file-tools")
    assert "Sound" in opsteps(mine, "verify")


def test_every_alarm_and_every_check_names_a_command() -> None:
    assert set(MENDS) == set(Alarm)
    assert set(CHECK_MENDS) == set(CheckName)
    for advice in (*MENDS.values(), *CHECK_MENDS.values()):
        assert re.search(r"'(opsteps|git|ssh-keygen) [^']+'", advice), advice
