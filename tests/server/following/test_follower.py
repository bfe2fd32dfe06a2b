from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from registry.names import CommitId, LibraryName
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry, Snapshot
from registry.trust.trusted_head import TrustedHead, set_trusted
from server.following.follower import Follower
from server.readmodel.loading import load_names
from server.readmodel.model_files import current_name, read_model_directory
from server.readmodel.records import ServedLibrary
from server.settings import Settings
from tests.installed import opsteps
from tests.server.real_server import Client, Place, read_model_in, serving, step, until


def _model(place: Place) -> Path:
    """The file of the read model."""
    directory = read_model_directory(cache_directory(place.registry), "production")
    name = current_name(directory)
    assert name is not None
    return directory / name


def test_a_commit_made_with_plain_git_shows_up(place: Place) -> None:
    with serving(place.path) as client:
        commit = place.operator_says("alpha", "enabled: false\n")
        client.until_served(commit)
        assert client.get("/api/v1/steps/alpha.file.copy").status == 404
        commit = place.operator_says("alpha", "enabled: true\n")
        client.until_served(commit)
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200


def test_a_packed_head_is_followed(place: Place) -> None:
    with serving(place.path) as client:
        place.operator_says("alpha", "enabled: false\n")
        place.git("pack-refs", "--all")
        client.until_served(place.git("rev-parse", "HEAD"))


def test_a_new_and_a_removed_library(place: Place) -> None:
    with serving(place.path) as client:
        client.until_served(place.publish("aaa", "1.0.0"))
        names = [one["name"] for one in client.get("/api/v1/libraries").json()]
        assert names == ["core", "aaa", "alpha", "beta"]
        opsteps(place.path, "uninstall", "beta", "--registry", place.path)
        client.until_served(place.git("rev-parse", "HEAD"))
        assert client.health()["alarms"] == []
        assert client.get("/api/v1/steps/beta.net.ping").status == 404
        assert client.get("/api/v1/libraries/beta").status == 404
        assert client.get("/api/v1/steps").json()["libraries"] == ["aaa", "alpha", "core"]


def test_a_tag_that_follows_its_commit_shows_up_at_once(place: Place) -> None:
    message = place.git("tag", "-l", "--format=%(contents)", "beta/v1.0.0")
    commit = place.git("rev-parse", "beta/v1.0.0^{commit}")
    place.git("tag", "-d", "beta/v1.0.0")
    with serving(place.path) as client:
        assert client.get("/api/v1/steps/beta.net.ping").status == 404
        place.git("tag", "-a", "-m", message, "beta/v1.0.0", commit)
        until(lambda: client.get("/api/v1/steps/beta.net.ping").status == 200)


def test_a_tag_that_is_deleted_is_noticed(place: Place) -> None:
    with serving(place.path, tags_check_seconds=0.05) as client:
        assert client.get("/api/v1/steps/beta.net.ping").status == 200
        place.git("tag", "-d", "beta/v1.0.0")
        until(lambda: "its tag is gone" in str(client.health()["alarms"]))
        assert client.get("/api/v1/steps/beta.net.ping").status == 200


def test_no_request_fails_while_the_head_moves(place: Place) -> None:
    stop = threading.Event()
    wrong: list[object] = []
    asked = [0]

    def ask(client: Client) -> None:
        while not stop.is_set():
            one = client.get("/api/v1/steps/alpha.file.copy")
            everything = client.get("/api/v1/steps")
            asked[0] += 2
            if one.status != 200 or everything.status != 200:
                wrong.append((one, everything))
            steps = everything.json()
            if len(steps["steps"]) != steps["total_count"]:
                wrong.append(steps)

    with serving(place.path, poll_seconds=0.001) as client:
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(15):
            ids = [step("net.ping"), *(step(f"net.s{letter}") for letter in "abcdef"[: number % 6])]
            place.publish("beta", f"1.{number + 1}.0" if number % 6 else f"{number + 2}.0.0", ids)
        client.until_served(place.registry.head())
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert asked[0] > 20


def _is_checked_out(place: Place) -> bool:
    try:
        place.git("checkout", "--", ".")
    except AssertionError as error:
        if "index.lock" not in str(error):
            raise
        return False
    return True


def test_edited_files_are_never_served_and_health_says_so(place: Place) -> None:
    file = place.path / "libraries/alpha/1.1.0/steps/file_copy.json"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"Does file.copy", b"EDITED"))
    (place.path / "libraries/beta/library.yaml").unlink()
    with serving(place.path, edits_check_seconds=0.01) as client:
        until(lambda: client.health()["dirty"])
        health = client.health()
        assert health["status"] == "degraded"
        assert "libraries/alpha/1.1.0/steps/file_copy.json" in health["dirty_paths"]
        assert b"EDITED" not in client.get("/api/v1/steps/alpha.file.copy").body
        assert client.get("/api/v1/steps/beta.net.ping").status == 200
        file.write_bytes(before)
        # The server may hold Git's index for a moment; a person tries again, too.
        until(lambda: _is_checked_out(place))
        until(lambda: not client.health()["dirty"])
        assert client.health()["status"] == "healthy"


def test_quick_changes_are_not_edits(place: Place) -> None:
    """The tree follows the first one at once, and those after it a moment later."""
    seen: list[object] = []
    with serving(place.path, edits_check_seconds=0.01, settle_seconds=0.01) as client:
        for number in range(8):
            enabled = str(bool(number % 2)).lower()
            path = f"/api/v1/libraries/alpha/toggle?enabled={enabled}"
            assert client.ask("PUT", path).status == 200
            seen.append(client.health()["dirty_paths"])

        def is_followed() -> bool:
            seen.append(client.health()["dirty_paths"])
            return not place.git("status", "--porcelain")

        until(is_followed)
        assert client.health()["status"] == "healthy"
    assert not any(seen)


def test_what_a_tree_that_cannot_follow_lacks_is_said(place: Place) -> None:
    lock = place.path / ".git/opsteps/worktree.lock"
    with serving(place.path, edits_check_seconds=0.01) as client:
        lock.unlink()
        lock.mkdir()  # nobody can hold it
        path = "/api/v1/libraries/alpha/toggle?enabled=false"
        assert client.ask("PUT", path).status == 200
        until(lambda: client.health()["dirty_paths"] == ["instances/production/alpha.yaml"])
        lock.rmdir()
        until(lambda: client.health()["status"] == "healthy")


def test_a_broken_commit_leaves_the_last_good_state(place: Place) -> None:
    with serving(place.path) as client:
        good = client.health()["commit"]
        place.git("rm", "-q", "registry.yaml")
        place.git("commit", "--quiet", "--no-verify", "-m", "Break it")
        until(lambda: client.health()["problem"])
        health = client.health()
        assert health["commit"] == good
        assert health["status"] == "degraded"
        assert "registry.yaml" in health["problem"]
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
        place.git("revert", "--no-edit", "HEAD")
        client.until_served(place.git("rev-parse", "HEAD"))
        assert client.health()["problem"] == ""


def test_a_start_at_the_same_commit_is_served_from_the_read_model(place: Place) -> None:
    with serving(place.path) as client:
        cold = {
            path: client.get(path).body for path in ("/api/v1/steps", "/api/v1/libraries/alpha")
        }
    model = _model(place)
    assert model.stat().st_mode & 0o077 == 0
    with serving(place.path) as client:
        assert {path: client.get(path).body for path in cold} == cold
        until(lambda: client.get("/api/v1/steps/alpha.file.copy@1.0.0").status == 200)
    assert _model(place) == model


def test_what_changed_while_the_server_was_down_is_seen(place: Place) -> None:
    with serving(place.path):
        pass
    place.git("tag", "-d", "beta/v1.0.0")
    with serving(place.path) as client:  # the same commit, other tags
        until(lambda: "its tag is gone" in str(client.health()["alarms"]))
    place.operator_says("alpha", "enabled: false\n")
    with serving(place.path) as client:
        assert client.get("/api/v1/steps/alpha.file.copy").status == 404


def test_a_damaged_or_foreign_read_model_is_made_again(place: Place) -> None:
    with serving(place.path) as client:
        whole = client.get("/api/v1/steps").body
    good = _model(place).read_bytes()
    for bad in (b"", good[:100], good[:-1], good.replace(b"Does file.copy", b"Damaged.......")):
        before = _model(place)
        before.write_bytes(bad)
        with serving(place.path) as client:
            assert client.get("/api/v1/steps").body == whole
        assert _model(place) != before
    model = _model(place)
    model.write_bytes(good.replace(b"Does file.copy", b"FORGED content"))
    model.chmod(0o666)
    with serving(place.path) as client:
        assert client.get("/api/v1/steps").body == whole


def test_a_commit_is_added_to_the_read_model_and_one_that_is_deleted_is_made_again(
    place: Place,
) -> None:
    with serving(place.path) as client:
        model = _model(place)
        before = model.stat()
        for version in ("1.1.0", "1.2.0"):
            client.until_served(place.publish("beta", version, [step("net.ping")]))
        assert _model(place) == model
        assert model.stat().st_ino == before.st_ino
        assert model.stat().st_size < 2 * before.st_size
        model.unlink()
        assert client.get("/api/v1/steps/beta.net.ping").json()["version"] == "1.2.0"
        client.until_served(place.publish("beta", "1.3.0", [step("net.ping")]))
        assert client.get("/api/v1/steps/beta.net.ping").json()["version"] == "1.3.0"
        assert _model(place) != model


def test_several_processes_load_the_same_bytes(place: Place) -> None:
    with serving(place.path, settle_seconds=60) as client:
        alone = client.get("/api/v1/steps").body, client.get("/api/v1/libraries").body
    with serving(place.path, settle_seconds=60, load_in_process=1) as client:
        assert (client.get("/api/v1/steps").body, client.get("/api/v1/libraries").body) == alone


def test_clearing_the_cache_reads_everything_anew(place: Place) -> None:
    with serving(place.path, tags_check_seconds=3600) as client:
        place.git("tag", "-d", "beta/v1.0.0")
        assert client.ask("POST", "/api/v1/cache/clear").status == 200
        assert "its tag is gone" in str(client.health()["alarms"])


def test_a_history_that_does_not_descend_from_the_trusted_one_is_not_served(place: Place) -> None:
    place.publish("alpha", "1.2.0")
    trusted = place.git("rev-parse", "HEAD")
    set_trusted(
        place.registry, TrustedHead(head=CommitId(trusted), verified="2026-01-01T00:00:00Z")
    )
    with serving(place.path) as client:
        client.until_served(trusted)
        place.git("reset", "-q", "--hard", "HEAD~1")
        until(lambda: "rollback" in str(client.get("/health").json().get("problem")))
        assert client.get("/api/v1/steps/alpha.file.copy").json()["version"] == "1.2.0"
        place.git("reset", "-q", "--hard", trusted)
        until(lambda: client.get("/health").json()["status"] == "healthy")


def test_what_is_not_yet_swapped_in_does_not_count_as_served(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A change was answered while the swap that follows it was still being made."""
    reached, may_go_on = threading.Event(), threading.Event()

    def slowly(snapshot: Snapshot, names: Iterable[LibraryName]) -> Iterator[ServedLibrary]:
        reached.set()
        may_go_on.wait(30)
        return load_names(snapshot, names)

    with Registry.open(place.path, instance="production") as registry:
        follower = Follower(registry, Settings(poll_seconds=0.02), read_model_in(tmp_path))
        follower.start()
        try:
            assert follower.until_serves(registry.head(), 30)
            until(lambda: follower.snapshot is not None)
            monkeypatch.setattr("server.following.follower.load_names", slowly)
            place.publish("ccc", "1.0.0")
            assert reached.wait(30)
            snapshot, served = follower.snapshot, follower.current
            assert snapshot is not None
            assert served is not None
            assert served.commit != snapshot.commit
            assert not follower.until_serves(snapshot.commit, 0)
            may_go_on.set()
            assert follower.until_serves(CommitId(place.publish("ddd", "1.0.0")), 30)
            served = follower.current
            assert served is not None
            assert {"ccc", "ddd"} <= served.libraries.keys()
        finally:
            may_go_on.set()
            follower.stop()
