"""A fetch that somebody watches does what any other does, and says how far it is."""

from __future__ import annotations

import math
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from registry.git.remote_limits import Reach, RemoteTimeoutError, within
from registry.snapshots.registry import Registry
from registry.upstreams.errors import UnreachableUpstreamError
from registry.upstreams.fetch_limits import FetchLimits
from tests.installed import opsteps
from tests.registry.making import commit_all, git, new_registry
from tests.registry.upstreams.scene import Scene
from tests.terminal import on_terminal, without_codes

Told = list[tuple[str, str, float, float | None]]


def _watched(scene: Scene, alias: str, costs: FetchLimits | None = None) -> Told:
    """What was told of a fetch."""
    told: Told = []

    def watch(name: str, stage: str, done: float, total: float | None) -> None:
        told.append((name, stage, done, total))

    upstreams = scene.upstreams(costs)
    upstreams.fetch(upstreams.declared.get(alias), watch=watch)
    return told


def _fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    ssh = tmp_path / "programs/ssh"
    ssh.parent.mkdir()
    ssh.write_text(f"#!/bin/sh\n{script}\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")


def test_it_is_told_how_far_it_is(scene: Scene, theirs: Registry) -> None:
    scene.declare("new", theirs.path)
    told = _watched(scene, "new")
    assert {name for name, *_ in told} == {"new"}
    (last,) = {total for _, stage, _, total in told if stage == "Receiving objects"}
    assert ("new", "Receiving objects", last, last) in told
    assert scene.upstreams().view(scene.upstreams().declared.get("new")).head == theirs.head()


def test_a_terminal_shows_a_bar_and_keeps_none_of_it(tmp_path: Path, theirs: Registry) -> None:
    new_registry(tmp_path / "ours").close()
    add = ("upstream", "add", "pub", theirs.path, "--allow-private")
    said = without_codes(on_terminal(tmp_path / "ours", *add, columns=100))
    assert re.search(r"pub: (Receiving objects|Resolving deltas) ━+ +100%", said)
    assert said.splitlines()[-2].startswith("Added pub: 2 libraries")
    commit_all(theirs.path)
    piped = opsteps(tmp_path / "ours", "upstream", "update", env={"FORCE_COLOR": "1"})
    assert piped == f"pub is at {theirs.head()[:12]}\nFetching pub …\n"


@pytest.mark.parametrize("path", ["nothing", "plain"])
def test_what_cannot_be_fetched_is_said_in_the_same_words(
    scene: Scene, tmp_path: Path, path: str
) -> None:
    git(tmp_path, "init", "-q", "plain")
    scene.declare("other", tmp_path / path)
    upstreams = scene.upstreams()
    with pytest.raises(UnreachableUpstreamError) as plain:
        upstreams.fetch(upstreams.declared.get("other"))
    with pytest.raises(UnreachableUpstreamError) as watched:
        _watched(scene, "other")
    assert str(watched.value) == str(plain.value)


def test_more_than_may_be_fetched_is_refused(scene: Scene, theirs: Registry) -> None:
    git(theirs.path, "checkout", "-q", "-f", "HEAD")
    (theirs.path / "noise").write_bytes(os.urandom(3_000_000))
    commit_all(theirs.path)
    with pytest.raises(UnreachableUpstreamError, match="larger than may be fetched at once"):
        _watched(scene, "pub", FetchLimits(pack_bytes=1_000_000))
    assert _watched(scene, "pub")


def test_one_that_never_answers_is_given_up_with_all_its_programs(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "pid"
    _fake_ssh(tmp_path, monkeypatch, f"echo $$ > {mark}; exec sleep 1000")
    scene.declare("slow", "ssh://git@8.8.8.8/steps")
    with pytest.raises(UnreachableUpstreamError, match="took longer than 1 s"):
        _watched(scene, "slow", FetchLimits(seconds=1.0))
    assert not Path(f"/proc/{mark.read_text().strip()}/cwd").exists()


def test_nonsense_of_the_other_side_is_shown_to_nobody(
    scene: Scene, theirs: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        f"Receiving objects: 100% ({'9' * 400}/{'9' * 400})",
        "Receiving objects:   7% (900/7), \x1b]0;mine\x07",
        "Receiving objects: 0% (3/0)",
        "remote: \x1b[31mEverything is fine: 5",
        "Owning objects: 50% (1/2)",
        "\udcff\udcfe: 1",
    )
    noise = tmp_path / "noise"
    noise.write_text("\r".join(lines) + "\n", errors="surrogateescape")
    serve = f'cat {noise} >&2; exec git-upload-pack "{theirs.path}"'
    _fake_ssh(tmp_path, monkeypatch, serve)
    scene.declare("odd", "ssh://git@8.8.8.8/steps")
    told = _watched(scene, "odd")
    assert ("odd", "Receiving objects", 7.0, 7.0) in told
    assert ("odd", "Receiving objects", 3.0, None) in told
    assert {stage for _, stage, *_ in told} <= {
        "Counting objects", "Compressing objects", "Receiving objects", "Resolving deltas",
    }  # fmt: skip
    assert all(math.isfinite(done) and (total is None or done <= total) for *_, done, total in told)


def _sleeping() -> subprocess.Popen[str]:
    return subprocess.Popen(["sleep", "1000"], start_new_session=True, text=True)


def test_who_is_interrupted_leaves_no_program_behind() -> None:
    process = _sleeping()
    with pytest.raises(KeyboardInterrupt), within(process, Reach()):
        raise KeyboardInterrupt
    assert process.poll() is not None


def test_time_that_is_over_ends_the_work_with_it() -> None:
    process = _sleeping()
    with (
        pytest.raises(RemoteTimeoutError, match=r"took longer than 0\.1 s"),
        within(process, Reach(seconds=0.1)),
    ):
        process.wait()
