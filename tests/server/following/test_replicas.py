"""Several servers of one registry: on one clone, over one Git remote, with and without Redis."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from registry.snapshots.registry import Registry
from tests.registry.making import commit_all, complete_files, git, put
from tests.server.changes.test_changes import change, form, install, upload, zipped
from tests.server.real_server import Client, Reply, making_place, release_files, serving, until
from tests.server.redis_server import running_redis


class Clones:
    """A bare repository, and clones of it, each for a server of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bare = root / "bare.git"

    def clone(self, name: str) -> Path:
        git(self.root, "clone", "-q", str(self.bare), name)
        return self.root / name

    def head(self) -> str:
        return git(self.bare, "rev-parse", "main")

    def hook(self, name: str, script: str) -> Path:
        path = self.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


@pytest.fixture
def clones(tmp_path: Path) -> Clones:
    with making_place(tmp_path / "first") as made:
        made.publish("alpha", "1.0.0")
    git(tmp_path, "clone", "-q", "--bare", "first", "bare.git")
    return Clones(tmp_path)


def is_linear(repository: Path) -> bool:
    parents = git(repository, "log", "--format=%P", "main").splitlines()
    return all(" " not in line for line in parents)


def serves(client: Client, step: str) -> bool:
    return client.get(f"/api/v1/steps/{step}").status == 200


def test_servers_on_one_clone_serve_each_others_changes_and_none_is_lost(tmp_path: Path) -> None:
    with (
        making_place(tmp_path / "registry") as place,
        serving(place.path) as one,
        serving(place.path) as two,
    ):
        replies: list[Reply] = []

        def run(client: Client, prefix: str) -> None:
            replies.extend(install(client, f"{prefix}-{number}") for number in range(5))

        threads = [
            threading.Thread(target=run, args=(client, prefix))
            for client, prefix in ((one, "one"), (two, "two"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [200] * 10
        for client in (one, two):
            for prefix in ("one", "two"):
                for number in range(5):
                    until(lambda: serves(client, f"{prefix}-{number}.file.copy"))  # noqa: B023 - called at once
            until(lambda: client.health()["status"] == "healthy")  # noqa: B023
        assert is_linear(place.path)


def test_servers_over_one_remote_serve_each_others_changes(clones: Clones) -> None:
    with (
        serving(clones.clone("one"), remote="origin", remote_poll_seconds=0.1) as one,
        serving(clones.clone("two"), remote="origin", remote_poll_seconds=0.1) as two,
    ):
        reply = install(one, "beta")
        assert reply.status == 200, reply.body
        assert reply.json()["commit"] == clones.head()
        until(lambda: serves(two, "beta.file.copy"))
        assert two.health()["remote"]["status"] == "ready"
        until(lambda: two.health()["commit"] == clones.head())
        # The next change there builds upon it, and is served here.
        assert install(two, "gamma").status == 200
        until(lambda: serves(one, "gamma.file.copy"))
        assert is_linear(clones.bare)


def test_servers_that_race_for_the_remote_all_land(clones: Clones) -> None:
    with (
        serving(clones.clone("one"), remote="origin") as one,
        serving(clones.clone("two"), remote="origin") as two,
    ):
        replies: list[Reply] = []
        threads = [
            threading.Thread(target=lambda c=c, n=n: replies.append(install(c, n)))
            for n, c in ((f"lib-{i}", (one, two)[i % 2]) for i in range(8))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [200] * 8
        assert git(clones.bare, "log", "--format=%s", "main").count("Install lib-") == 8
        assert is_linear(clones.bare)


def test_one_release_installed_everywhere_at_once_is_one_commit(clones: Clones) -> None:
    body = form(zipped(release_files("same", "1.0.0")))
    with (
        serving(clones.clone("one"), remote="origin") as one,
        serving(clones.clone("two"), remote="origin") as two,
    ):
        replies: list[Reply] = []
        threads = [
            threading.Thread(target=lambda c=c: replies.append(upload(c, body)))
            for c in (one, two) * 4
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [200] * 8
        assert len({reply.json()["digest"] for reply in replies}) == 1
        assert git(clones.bare, "log", "--format=%s", "main").count("Install same") == 1
        assert len(git(clones.bare, "tag", "-l", "same/*").splitlines()) == 1


def test_while_the_remote_is_down_lookups_go_on_and_changes_are_refused(clones: Clones) -> None:
    with serving(clones.clone("one"), remote="origin", remote_poll_seconds=0.05) as client:
        away = clones.bare.with_name("away.git")
        clones.bare.rename(away)
        until(lambda: client.health()["remote"]["status"] == "down")
        assert client.health()["status"] == "degraded"
        assert serves(client, "alpha.file.copy")
        before = client.health()["commit"]
        refused = install(client, "beta")
        assert refused.status == 503
        assert client.health()["commit"] == before
        away.rename(clones.bare)
        until(lambda: client.health()["remote"]["status"] == "ready")
        assert install(client, "beta").status == 200


def test_a_remote_that_never_answers_is_given_up_and_nobody_waits_for_it(clones: Clones) -> None:
    hook = clones.hook("pre-receive", "sleep 1000")
    with serving(clones.clone("one"), remote="origin", remote_seconds=1.0) as client:
        refused: list[Reply] = []
        thread = threading.Thread(target=lambda: refused.append(install(client, "beta")))
        thread.start()
        while thread.is_alive():
            assert serves(client, "alpha.file.copy")
        assert refused[0].status == 503
        assert "took longer than 1 s" in refused[0].json()["detail"]
        hook.unlink()
        assert install(client, "beta").status == 200


def test_a_push_whose_answer_was_lost_is_not_done_twice(clones: Clones) -> None:
    """The remote has it, and never says so."""
    hook = clones.hook("post-receive", "sleep 1000")
    with serving(clones.clone("one"), remote="origin", remote_seconds=1.0) as client:
        body = form(zipped(release_files("beta", "1.0.0")))
        assert upload(client, body).status == 503
        assert "Install beta" in git(clones.bare, "log", "-1", "--format=%s", "main")
        hook.unlink()
        again = upload(client, body)
        assert again.status == 200
        assert again.json()["commit"] == clones.head()
        assert serves(client, "beta.file.copy")
        assert git(clones.bare, "log", "--format=%s", "main").count("Install beta") == 1


def test_a_rewound_remote_is_refused_and_what_was_served_stays(clones: Clones) -> None:
    with serving(clones.clone("one"), remote="origin", remote_poll_seconds=0.05) as client:
        assert install(client, "beta").status == 200
        newest = clones.head()
        git(clones.bare, "update-ref", "refs/heads/main", "main~1")
        until(lambda: client.health()["remote"]["status"] == "refused")
        assert "older" in client.health()["remote"]["problem"]
        assert "rewound" in client.health()["remote"]["next_step"]
        assert serves(client, "beta.file.copy")
        assert install(client, "gamma").status == 409
        # A remote that answers is asked as often as ever: once it was left alone for half a minute.
        git(clones.bare, "update-ref", "refs/heads/main", newest)
        until(lambda: client.health()["remote"]["status"] == "ready", 5)
        assert client.health()["remote"]["next_step"] == ""


def test_a_remote_with_another_history_is_refused(clones: Clones) -> None:
    other = clones.clone("other")
    with serving(clones.clone("one"), remote="origin", remote_poll_seconds=0.05) as client:
        git(other, "commit", "-q", "--no-verify", "--amend", "-m", "rewritten")
        git(other, "push", "-q", "-f", "origin", "main")
        until(lambda: client.health()["remote"]["status"] == "refused")
        assert serves(client, "alpha.file.copy")
        assert install(client, "gamma").status == 409


@pytest.mark.needs_redis
def test_with_redis_nobody_waits_for_a_poll_and_without_it_all_goes_on(
    clones: Clones, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_redis() as redis:
        settings: dict[str, Any] = {"remote": "origin", "redis_url": redis.url}
        with (
            serving(clones.clone("one"), remote_poll_seconds=60, **settings) as one,
            serving(clones.clone("two"), remote_poll_seconds=60, **settings) as two,
        ):
            for client in (one, two):
                until(lambda: client.health()["notices"] == "ready")  # noqa: B023 - called at once
            assert install(one, "beta").status == 200
            # Long before the poll, which is a minute away.
            until(lambda: serves(two, "beta.file.copy"), 20)
            # Gone and back before anybody asks again: what was told meanwhile is looked for.
            redis.stop()
            assert install(one, "delta").status == 200
            redis.start()
            until(lambda: serves(two, "delta.file.copy"), 20)
            redis.stop()
            for client in (one, two):
                until(lambda: client.health()["notices"] == "down")  # noqa: B023 - called at once
            assert install(one, "gamma").status == 200
            assert serves(one, "gamma.file.copy")
            redis.start()
            # Who comes back looks at once for what it did not hear.
            until(lambda: serves(two, "gamma.file.copy"), 20)
    assert "a-password-of-this-redis" not in "".join(capfd.readouterr())


def test_a_toggle_is_followed_too(clones: Clones) -> None:
    with (
        serving(clones.clone("one"), remote="origin", remote_poll_seconds=0.1) as one,
        serving(clones.clone("two"), remote="origin", remote_poll_seconds=0.1) as two,
    ):
        path = "/api/v1/libraries/alpha/toggle?enabled=false"
        assert change(one, "PUT", path).status == 200
        until(lambda: not serves(two, "alpha.file.copy"))


def test_tags_that_differ_on_the_remote_are_an_alarm_until_they_are_put_back(
    clones: Clones,
) -> None:
    clone = clones.clone("replica")
    tag = git(clone, "rev-parse", "alpha/v1.0.0")
    settings: dict[str, Any] = {"remote_poll_seconds": 0.05, "remote_tags_seconds": 0.05}
    with serving(clone, remote="origin", **settings) as client:
        until(lambda: client.health()["status"] == "healthy")
        git(clones.bare, "tag", "-d", "alpha/v1.0.0")
        until(lambda: "is here and not on origin" in str(client.health()["alarms"]))
        assert serves(client, "alpha.file.copy")
        git(clones.bare, "tag", "-a", "-m", "other", "alpha/v1.0.0", "main")
        until(lambda: f"is {tag[:12]} here and" in str(client.health()["alarms"]))
        said = next(one for one in client.health()["alarms"] if "git push" in one)
        git(clone, *said.split("'")[1].split()[1:])
        until(lambda: client.health()["status"] == "healthy")
        assert install(client, "beta").status == 200
        assert client.health()["alarms"] == []


def _pulled(clone: Path) -> bool:
    """Pull as a person does: again, if the server fetches into the same ref at that moment."""
    try:
        git(clone, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    except AssertionError as error:
        if "cannot lock ref" not in str(error):
            raise
        return False
    return True


def test_tags_that_a_person_pulled_commits_without_are_fetched(clones: Clones) -> None:
    """``git pull origin main`` brings no tags; the server was degraded until somebody did."""
    one, two = clones.clone("one"), clones.clone("two")
    with serving(one, "--no-catalogue", remote="origin", remote_poll_seconds=0.2) as client:
        (one / "NOTES").write_text("mine\n")
        commit_all(one)
        with Registry.open(two, remote="origin") as theirs:
            put(theirs, complete_files("beta", "1.0.0"))
        until(lambda: _pulled(one))
        git(one, "push", "-q", "origin", "main")
        until(lambda: client.health()["commit"] == clones.head())
        until(lambda: client.health()["status"] == "healthy")
        assert "beta/v1.0.0" in git(one, "tag")
